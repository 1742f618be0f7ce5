"""Instructions to bytes and back, and the form in which they stand in a program."""

import random

import pytest

from tcugen.arch import DEPTHWISE_STRIDE
from tcugen.isa import (
    INSTRUCTION_BYTES,
    OWN_FIELDS,
    PART_BYTES,
    PER_LAYER,
    SHARED_FIELDS,
    EncodingError,
    Instruction,
    Opcode,
    decode_program,
    encode_program,
    layout,
)


def make_instruction(generator: random.Random, opcode: Opcode, shared: dict[str, int] | None = None) -> Instruction:
    """Random fields; those of the shared part as given."""
    fields = {}
    for name, placed in layout(opcode).items():
        value = generator.getrandbits(placed.field.bits)
        signed = placed.field.signed and value >> placed.field.bits - 1
        fields[name] = value - (1 << placed.field.bits) if signed else value
    del fields["opcode"], fields["shared"]
    return Instruction(opcode, fields | (shared or {}))


def shared_part_of(instruction: Instruction) -> dict[str, int]:
    return {field.name: instruction[field.name] for field in SHARED_FIELDS[instruction.opcode]}


@pytest.mark.parametrize("opcode", list(Opcode))
def test_every_field_survives(opcode):
    instruction = make_instruction(random.Random(opcode), opcode)
    data = instruction.encode()
    assert len(data) == INSTRUCTION_BYTES
    assert Instruction.decode(data) == instruction


def test_fields_do_not_overlap():
    for opcode in Opcode:
        bits = [bit for p in layout(opcode).values() for bit in range(p.offset, p.offset + p.field.bits)]
        assert len(bits) == len(set(bits)) and max(bits) < 8 * INSTRUCTION_BYTES
        own = [layout(opcode)[field.name] for field in OWN_FIELDS[opcode]]
        assert all(placed.offset + placed.field.bits <= 8 * PART_BYTES for placed in own)


def test_a_shared_part_is_written_only_where_it_differs_from_the_opcodes_last():
    generator = random.Random(1)
    a, b = (shared_part_of(make_instruction(generator, Opcode.COMPUTE)) for _ in range(2))
    drain = shared_part_of(make_instruction(generator, Opcode.DRAIN))
    wanted = [
        (Opcode.COMPUTE, a, True),
        (Opcode.DRAIN, drain, True),
        (Opcode.COMPUTE, a, False),
        (Opcode.WEIGHT, None, False),
        (Opcode.COMPUTE, b, True),
        (Opcode.DRAIN, drain, False),
        (Opcode.COMPUTE, a, True),
        (Opcode.END, None, False),
    ]
    program = [
        make_instruction(generator, opcode, None if shared is None else shared | {"layer": 5})
        for opcode, shared, _ in wanted
    ]
    parts = encode_program(program)
    assert [len(part) for part in parts] == [PART_BYTES * (1 + written) for _, _, written in wanted]
    assert decode_program(b"".join(parts)) == tuple(program)


@pytest.mark.parametrize("opcode", [opcode for opcode in Opcode if SHARED_FIELDS[opcode]])
def test_integers_are_written_with_each_layer_whatever_they_are(opcode):
    generator = random.Random(3)
    shared = shared_part_of(make_instruction(generator, opcode))
    program = [make_instruction(generator, opcode, shared | {"layer": layer}) for layer in (1, 1, 2, 1)]
    program.append(make_instruction(generator, Opcode.END))
    sizes = [len(part) // PART_BYTES for part in encode_program(program)]
    assert sizes == ([2, 1, 2, 2, 1] if opcode in PER_LAYER else [2, 1, 1, 1, 1])
    assert decode_program(b"".join(encode_program(program))) == tuple(program)


def test_nothing_is_read_after_end():
    end = Instruction(Opcode.END, {"layer": 3})
    assert decode_program(b"".join(encode_program([end])) + b"\xff" * 70) == (Instruction.decode(end.encode()),)


def test_a_program_that_is_not_whole_is_refused():
    generator = random.Random(2)
    compute = make_instruction(generator, Opcode.COMPUTE)
    whole, again = encode_program([compute, compute])
    with pytest.raises(EncodingError, match="the COMPUTE at byte 0 has no whole shared part, and none came before it"):
        decode_program(again)
    for length in (10, PART_BYTES, PART_BYTES + 5):
        with pytest.raises(EncodingError, match="the COMPUTE at byte 0 has no whole shared part"):
            decode_program(whole[:length])
    for code in (b"", whole + again):
        with pytest.raises(EncodingError, match=f"the code of {len(code)} bytes ends before END"):
            decode_program(code)
    end = bytearray(Instruction(Opcode.END, {}).encode()[:PART_BYTES])
    end[0] |= 1 << layout(Opcode.END)["shared"].offset
    with pytest.raises(EncodingError, match="the END at byte 0 has no whole shared part"):
        decode_program(bytes(end))
    with pytest.raises(EncodingError, match="opcode 13 is not one of 0 END, 1 WEIGHT"):
        decode_program(bytes([13]) + bytes(63))


def test_what_does_not_fit_is_refused():
    with pytest.raises(EncodingError, match="COMPUTE.pad = 128 does not fit its range -128 .. 127"):
        Instruction(Opcode.COMPUTE, {"pad": 128})
    with pytest.raises(EncodingError, match="WEIGHT has no field 'pad'"):
        Instruction(Opcode.WEIGHT, {"pad": 1})
    for written in ("opcode", "shared"):
        with pytest.raises(EncodingError, match=f"no field '{written}'"):
            Instruction(Opcode.LOAD, {written: 1})
    with pytest.raises(EncodingError, match="an instruction is 64 bytes, not 63"):
        Instruction.decode(bytes(63))


def test_the_largest_stride_of_a_depthwise_convolution_is_what_its_fields_hold():
    fields = layout(Opcode.POOL)
    assert min((1 << fields[name].field.bits) - 1 for name in ("stride_y", "step_x")) == DEPTHWISE_STRIDE
