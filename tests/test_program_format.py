"""Headers and sums, written once more here with zlib and struct alone."""

import random
import struct
import zlib

import pytest

from tcugen.arch import Architecture
from tcugen.isa import INSTRUCTION_SET, PART_BYTES
from tcugen.program_format import (
    BLOCK_BYTES,
    GENERATOR,
    WEIGHTS_HEADER_BYTES,
    Flaw,
    ProgramFormatError,
    open_program,
    part_offset,
    program_size,
    seal_program,
    seal_weights,
    streamed_bytes,
)
from tcugen.registers import ErrorCode

ARCHITECTURE = Architecture()


def files(parts: int = 40, weights: int = 640) -> tuple[bytes, bytes, bytes]:
    """Instruction parts, and program and weights sealed."""
    generator = random.Random(parts)
    content = generator.randbytes(parts * PART_BYTES)
    sealed = seal_weights(bytes(WEIGHTS_HEADER_BYTES) + generator.randbytes(weights), ARCHITECTURE)
    return content, seal_program(content, sealed, ARCHITECTURE), sealed


def test_anybody_can_check_the_files():
    _, program, weights = files()
    same = (1, INSTRUCTION_SET, ARCHITECTURE.fingerprint, GENERATOR)
    crc = zlib.crc32(weights[64:])
    assert struct.unpack("<8I", weights[:32]) == (0x57554354, *same, 0, len(weights), crc)
    assert weights[:4] == b"TCUW" and not any(weights[32:64])
    assert struct.unpack("<8I", program[:32]) == (0x50554354, *same, len(program), len(weights), crc)
    assert program[:4] == b"TCUP" and len(program) % 512 == 0
    blank = bytearray(program)
    for end in range(512, len(program) + 1, 512):
        blank[end - 4 : end] = bytes(4)
        assert zlib.crc32(blank[:end]) == int.from_bytes(program[end - 4 : end], "little")
        assert not any(program[end - 32 : end - 4])


@pytest.mark.parametrize("parts", [1, 13, 14, 15, 28, 29, 30, 100])
def test_parts_stand_where_part_offset_says(parts):
    content, program, weights = files(parts)
    assert len(program) == program_size(parts)
    for number in range(parts):
        at = part_offset(number)
        assert program[at : at + PART_BYTES] == content[number * PART_BYTES : (number + 1) * PART_BYTES]
    opened = open_program(program, weights, ARCHITECTURE)
    assert opened[: len(content)] == content and not any(opened[len(content) :])


def test_flaws_are_error_codes():
    assert {flaw.name for flaw in Flaw} <= {code.name for code in ErrorCode}


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_no_flipped_bits_are_taken(bits):
    generator = random.Random(bits)
    _, program, weights = files()
    found = set()
    for _ in range(400):
        both = bytearray(program + weights)
        for bit in generator.sample(range(8 * len(both)), bits):
            both[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ProgramFormatError) as caught:
            open_program(bytes(both[: len(program)]), bytes(both[len(program) :]), ARCHITECTURE)
        found.add(caught.value.flaw)
    assert found >= {Flaw.PROGRAM_CHECKSUM, Flaw.FORMAT}


def test_a_program_of_another_machine_names_what_differs():
    _, program, weights = files()
    wider = Architecture(rows=32, output_lanes=4)
    with pytest.raises(ProgramFormatError, match=r"weights.bin: it is for another architecture \(ARCHITECTURE\)"):
        open_program(program, weights, wider)
    with pytest.raises(ProgramFormatError, match=r"program.bin: a checksum .* in the block at byte 512"):
        open_program(program[:600] + b"?" + program[601:], weights, ARCHITECTURE)
    for size, flaw in ((0, Flaw.FORMAT), (BLOCK_BYTES, Flaw.LENGTH)):
        with pytest.raises(ProgramFormatError) as caught:
            open_program(program[:size], weights, ARCHITECTURE)
        assert caught.value.flaw == flaw


@pytest.mark.parametrize("loaded", [0, 64, 640])
def test_weights_that_are_loaded_have_a_sum_of_their_own(loaded):
    machine = Architecture(depthwise=4)
    body = random.Random(5).randbytes(640)
    weights = seal_weights(bytes(WEIGHTS_HEADER_BYTES) + body, machine, loaded)
    program = seal_program(bytes(PART_BYTES), weights, machine)
    crc = zlib.crc32(body[: 640 - loaded]) ^ zlib.crc32(body[640 - loaded :])
    assert struct.unpack("<4I", weights[20:36]) == (0, 704, crc, 704 - loaded)
    assert struct.unpack("<I", weights[36:40]) == (zlib.crc32(body[640 - loaded :]),)
    assert not any(weights[40:64]) and struct.unpack("<2I", program[24:32]) == (704, crc)
    assert streamed_bytes(weights, machine) == 704 - loaded
    assert not any(open_program(program, weights, machine))
    for at in (32, 36, 40, 64, max(64, 703 - loaded), 703):
        wrong = bytearray(weights)
        wrong[at] ^= 8
        with pytest.raises(ProgramFormatError) as caught:
            open_program(program, bytes(wrong), machine)
        assert caught.value.flaw == (Flaw.FORMAT if at == 40 else Flaw.WEIGHTS_CHECKSUM)


def test_changes_of_both_parts_of_the_weights_do_not_cancel():
    """The same bit at the same distance from the end of both: the XOR of their sums is what it was."""
    machine = Architecture(depthwise=4)
    body = random.Random(5).randbytes(640)
    weights = seal_weights(bytes(WEIGHTS_HEADER_BYTES) + body, machine, 300)
    program = seal_program(bytes(PART_BYTES), weights, machine)
    wrong = bytearray(weights)
    wrong[703 - 17] ^= 8
    wrong[703 - 300 - 17] ^= 8
    assert zlib.crc32(wrong[64:404]) ^ zlib.crc32(wrong[404:]) == zlib.crc32(weights[64:404]) ^ zlib.crc32(
        weights[404:]
    )
    with pytest.raises(ProgramFormatError) as caught:
        open_program(program, bytes(wrong), machine)
    assert caught.value.flaw == Flaw.WEIGHTS_CHECKSUM


def test_where_nothing_is_loaded_the_sum_is_that_of_all_bytes():
    body = random.Random(6).randbytes(64)
    weights = seal_weights(bytes(WEIGHTS_HEADER_BYTES) + body, ARCHITECTURE)
    assert struct.unpack("<I", weights[28:32]) == (zlib.crc32(body),)
    assert streamed_bytes(weights, ARCHITECTURE) == len(weights)
