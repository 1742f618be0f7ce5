# amaranth: UnusedElaboratable=no
import random
from dataclasses import replace

import pytest

from tcugen.arch import Architecture
from tcugen.isa import PART_BYTES, Window
from tcugen.program_format import (
    BLOCK_BYTES,
    WEIGHTS_HEADER_BYTES,
    Flaw,
    seal_program,
    seal_weights,
)
from tcugen.registers import ErrorCode
from tcugen.rtl.image_check import ImageCheck
from tests.rtl.streams import run

ARCHITECTURE = Architecture(columns=8)


def files(seed=1, parts=40, weights=640, machine=ARCHITECTURE, loaded=0) -> tuple[bytearray, bytearray]:
    """A sealed program and sealed weights of random bytes, the last of them `loaded`."""
    generator = random.Random(seed)
    sealed = seal_weights(bytes(WEIGHTS_HEADER_BYTES) + generator.randbytes(weights), machine, loaded)
    return bytearray(seal_program(generator.randbytes(parts * PART_BYTES), sealed, machine)), bytearray(sealed)


Bytes = bytes | bytearray


def check(program: Bytes, weights: Bytes, *, bus_bytes=8, window=None, read=None, machine=ARCHITECTURE, loaded=0):
    """Verdict on what a machine reads: (blocks verified, first error or None); `read`: bytes of the weights."""
    machine = replace(machine, bus_bytes=bus_bytes)
    generator = random.Random(len(program))
    dut = ImageCheck(machine)
    result = {"verified": 0, "error": None}
    end = len(weights) if read is None else read
    beats = [(1, weights[at : at + bus_bytes]) for at in range(0, WEIGHTS_HEADER_BYTES, bus_bytes)]
    beats += [(1, program[at : at + bus_bytes]) for at in range(0, len(program), bus_bytes)]
    offsets = range(WEIGHTS_HEADER_BYTES, end, bus_bytes)
    fresh = [(2, weights[at : at + bus_bytes]) for at in offsets if at < len(weights) - loaded]
    lately = [(3, weights[at : at + bus_bytes]) for at in offsets if at >= len(weights) - loaded]
    for kind in lately:  # the two come in any order, each in its own
        fresh.insert(generator.randint(max((k for k, one in enumerate(fresh) if one[0] == 3), default=-1) + 1,
                                       len(fresh)), kind)  # fmt: skip

    async def bench(ctx):
        ctx.set(dut.window_bytes, len(program) if window is None else window)
        ctx.set(dut.fresh_end, end)
        late = list(fresh)
        while beats or late:
            kind, beat = 0, generator.randbytes(bus_bytes)
            if generator.random() < 0.8:
                kind, beat = (beats if beats and (not late or generator.random() < 0.7) else late).pop(0)
            ctx.set(dut.fetch_en, kind == 1)
            ctx.set(dut.fresh_en, kind == 2)
            if machine.depthwise:
                ctx.set(dut.loaded_en, kind == 3)
            ctx.set(dut.beat, int.from_bytes(beat, "little"))
            await tick(ctx)
        ctx.set(dut.fetch_en, 0)
        ctx.set(dut.fresh_en, 0)
        if machine.depthwise:
            ctx.set(dut.loaded_en, 0)
        for _ in range(4):
            await tick(ctx)
        ctx.set(dut.finished, 1)
        await tick(ctx)

    async def tick(ctx):
        _, _, verified, error = await ctx.tick().sample(dut.verified, dut.error)
        assert not (verified and error.valid)
        result["verified"] += verified
        if error.valid and result["error"] is None:
            result["error"] = (ErrorCode(error.code), error.address)

    run(dut, bench)
    return result["verified"], result["error"]


@pytest.fixture(autouse=True)
def same_machine(monkeypatch):
    """One fingerprint for all buses, so that the same files serve them."""
    monkeypatch.setattr(Architecture, "fingerprint", property(lambda _self: 0x12345678))


@pytest.mark.parametrize("bus_bytes", [4, 8, 16, 32, 64])
def test_what_the_compiler_wrote_is_good(bus_bytes):
    program, weights = files()
    assert check(program, weights, bus_bytes=bus_bytes) == (len(program) // BLOCK_BYTES, None)


def test_weights_may_be_none():
    program, weights = files(weights=0)
    assert check(program, weights) == (len(program) // BLOCK_BYTES, None)


WORDS = {0: Flaw.FORMAT, 4: Flaw.FORMAT, 8: Flaw.INSTRUCTION_SET, 12: Flaw.ARCHITECTURE, 16: Flaw.GENERATOR}


@pytest.mark.parametrize("bus_bytes", [4, 8, 64])
@pytest.mark.parametrize("window", [Window.PROGRAM, Window.WEIGHTS])
@pytest.mark.parametrize("at", WORDS)
def test_a_word_of_another_machine_is_named_and_nothing_verified(bus_bytes, window, at):
    image = dict(zip((Window.PROGRAM, Window.WEIGHTS), files(), strict=True))
    image[window][at + at % 3] ^= 0x40
    assert check(*image.values(), bus_bytes=bus_bytes) == (0, (ErrorCode[WORDS[at].name], window))


@pytest.mark.parametrize("bus_bytes", [4, 8, 64])
@pytest.mark.parametrize(
    "window, at, code",
    [
        (Window.WEIGHTS, 20, ErrorCode.FORMAT),
        (Window.WEIGHTS, 24, ErrorCode.WEIGHTS),
        (Window.WEIGHTS, 28, ErrorCode.WEIGHTS),
        (Window.WEIGHTS, 32, ErrorCode.FORMAT),
        (Window.WEIGHTS, 63, ErrorCode.FORMAT),
        (Window.PROGRAM, 20, ErrorCode.LENGTH),
        (Window.PROGRAM, 24, ErrorCode.WEIGHTS),
        (Window.PROGRAM, 28, ErrorCode.WEIGHTS),
    ],
)
def test_other_words_of_the_headers(bus_bytes, window, at, code):
    image = dict(zip((Window.PROGRAM, Window.WEIGHTS), files(), strict=True))
    image[window][at] ^= 1
    verified, (found, _) = check(*image.values(), bus_bytes=bus_bytes)
    assert (verified, found) == (0, code)


def test_a_program_longer_than_its_window_is_refused():
    program, weights = files()
    assert check(program, weights, window=len(program) - 1) == (0, (ErrorCode.LENGTH, Window.PROGRAM))


@pytest.mark.parametrize("bus_bytes", [4, 8, 64])
@pytest.mark.parametrize("seed", range(8))
def test_a_flipped_bit_of_the_program_is_found_in_its_block(bus_bytes, seed):
    program, weights = files(seed)
    at = random.Random(seed).randrange(32, len(program))
    program[at] ^= 1 << seed
    block = at // BLOCK_BYTES
    assert check(program, weights, bus_bytes=bus_bytes) == (block, (ErrorCode.PROGRAM_CHECKSUM, block * BLOCK_BYTES))


def test_blocks_in_another_order_are_refused():
    program, weights = files(parts=70)
    one, two = (slice(k * BLOCK_BYTES, (k + 1) * BLOCK_BYTES) for k in (1, 2))
    program[one], program[two] = program[two], program[one]
    assert check(program, weights) == (1, (ErrorCode.PROGRAM_CHECKSUM, BLOCK_BYTES))


@pytest.mark.parametrize("bus_bytes", [4, 8, 64])
def test_a_flipped_bit_of_the_weights_is_found_at_the_end(bus_bytes):
    program, weights = files()
    weights[-1 - bus_bytes] ^= 4
    verified, error = check(program, weights, bus_bytes=bus_bytes)
    assert verified == len(program) // BLOCK_BYTES
    assert error == (ErrorCode.WEIGHTS_CHECKSUM, len(weights))


def test_weights_that_were_not_all_read_are_an_error():
    program, weights = files()
    assert check(program, weights, read=len(weights) - 64)[1] == (ErrorCode.WEIGHTS_CHECKSUM, len(weights) - 64)


LOADING = replace(ARCHITECTURE, depthwise=4)


@pytest.mark.parametrize("bus_bytes", [4, 8, 64])
def test_weights_that_load_reads_are_summed_up_too(bus_bytes):
    program, weights = files(machine=LOADING, loaded=256)
    arguments = {"machine": LOADING, "loaded": 256, "bus_bytes": bus_bytes}
    whole = len(program) // BLOCK_BYTES
    assert check(program, weights, **arguments) == (whole, None)
    for at in (WEIGHTS_HEADER_BYTES, len(weights) - 300, len(weights) - 200, len(weights) - 1):
        wrong = bytearray(weights)
        wrong[at] ^= 16
        assert check(program, wrong, **arguments) == (whole, (ErrorCode.WEIGHTS_CHECKSUM, len(weights)))
    both = bytearray(weights)  # the same bit, as far from the end of each part: the XOR of their sums stays
    both[-18] ^= 16
    both[-256 - 18] ^= 16
    assert check(program, both, **arguments) == (whole, (ErrorCode.WEIGHTS_CHECKSUM, len(weights)))
    few = len(weights) - 64
    assert check(program, weights, read=few, **arguments)[1] == (ErrorCode.WEIGHTS_CHECKSUM, few)
    other = bytearray(weights)
    other[36] ^= 1
    assert check(program, other, **arguments) == (whole, (ErrorCode.WEIGHTS_CHECKSUM, len(weights)))
    weights[40] ^= 1
    assert check(program, weights, **arguments) == (0, (ErrorCode.FORMAT, Window.WEIGHTS))
