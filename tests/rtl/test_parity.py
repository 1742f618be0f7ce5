# amaranth: UnusedElaboratable=no
"""Parity bits: lanes that are used and wrong are reported, others are not."""

import math
from itertools import pairwise
from random import Random

import pytest
from amaranth.hdl import Cat, Module, Shape, Signal
from amaranth.lib.wiring import Component, In, Out

from tcugen.isa import Opcode, Window
from tcugen.registers import ErrorCode, ProtectedMemory
from tcugen.rtl.accumulators import Accumulators
from tcugen.rtl.activation import ActivationMemory
from tcugen.rtl.control import SETTLE_CYCLES
from tcugen.rtl.fifo import SMALL_DEPTH, Fifo
from tcugen.rtl.instruction_memory import QUEUES, WORD_BITS, InstructionMemory
from tcugen.rtl.parity import ERROR_CYCLES, ParityReport, plain, protected, wrong_lanes
from tcugen.rtl.ring import Ring
from tcugen.rtl.row_ends import RowEnds
from tcugen.rtl.table import CHUNKS, TableLanes
from tcugen.rtl.window import WindowCheck
from tests.rtl.instructions import encoded, small
from tests.rtl.memories import flip, recorded
from tests.rtl.streams import get, put, run
from tests.rtl.test_ring import SIZES

LATENCY = 2
"""Cycles from the use of a lane to the flag of its unit."""


class Lanes(Component):
    """What a memory would hold of `word`, with `flipped` bits of it turned round, and what is read and found then."""

    word: Signal
    flipped: Signal
    read: Signal
    wrong: Signal

    def __init__(self, lane_bits: int):
        self.lane_bits = lane_bits
        super().__init__({"word": In(64), "flipped": In(128), "read": Out(64), "wrong": Out(64)})

    def elaborate(self, platform):
        m = Module()
        stored = Cat(protected(self.word, self.lane_bits))
        held = Signal(len(stored))
        m.d.comb += [held.eq(stored ^ self.flipped), self.read.eq(plain(held, self.lane_bits))]
        m.d.comb += self.wrong.eq(wrong_lanes(m, held, self.lane_bits, "lane"))
        return m


@pytest.mark.parametrize("lane_bits", [1, 8, 16, 32, 64])
def test_every_flipped_bit_makes_its_lane_wrong_and_no_other(lane_bits):
    unit, random = Lanes(lane_bits), Random(lane_bits)

    async def bench(ctx):
        for bit in (None, *range(64 // lane_bits * (lane_bits + 1))):
            word = random.getrandbits(64)
            ctx.set(unit.word, word)
            ctx.set(unit.flipped, 0 if bit is None else 1 << bit)
            lane, place = divmod(0 if bit is None else bit, lane_bits + 1)
            flipped = 0 if bit is None or place == lane_bits else 1 << lane * lane_bits + place
            assert ctx.get(unit.read) == word ^ flipped
            await ctx.tick()
            assert ctx.get(unit.wrong) == (0 if bit is None else 1 << lane)

    run(unit, bench)


def test_a_lane_of_zeros_is_wrong():
    unit = Lanes(8)

    async def bench(ctx):
        ctx.set(unit.flipped, 0x100 << 9)  # the parity bit of a lane that holds 0
        await ctx.tick()
        assert ctx.get(unit.wrong) == 2

    run(unit, bench)


def test_lanes_must_fill_the_word():
    with pytest.raises(ValueError, match="a word of 64 bits has no lanes of 7 bits; the lane must divide the word"):
        protected(Signal(64), 7)


@pytest.mark.parametrize("depth", [4, SMALL_DEPTH])
def test_an_item_of_a_queue(depth, monkeypatch):
    made, random = recorded(monkeypatch), Random(depth)
    fifo = Fifo(12, depth, parity=1)
    seen = []

    async def watch(ctx):
        while True:
            seen.append((ctx.get(fifo.o.valid), ctx.get(fifo.o.payload), ctx.get(fifo.wrong)))
            await ctx.tick()

    async def bench(ctx):
        items = [random.getrandbits(12) for _ in range(depth)]
        await put(ctx, fifo.i, items)
        flip(ctx, made[0], 2, 5)
        taken = await get(ctx, fifo.o, depth)
        assert taken == [*items[:2], items[2] ^ 32, *items[3:]]
        await ctx.tick()
        wrong = [item for (valid, item, _), (*_, flag) in pairwise(seen) if flag and valid]
        assert wrong == [items[2] ^ 32]
        assert sum(flag for *_, flag in seen) == 1

    run(fifo, bench, background=[watch])


@pytest.mark.parametrize("sizes", SIZES)
def test_units_of_a_ring(sizes, monkeypatch):
    _, item_bytes, beat_bytes, unit_bytes = sizes
    word_bytes = unit_bytes
    while word_bytes < beat_bytes:
        word_bytes *= 2
    lane_bits = 8 * math.gcd(word_bytes, beat_bytes)
    made, random = recorded(monkeypatch), Random(lane_bits)
    ring = Ring(*sizes, parity=1)
    beats, units = item_bytes // beat_bytes, item_bytes // unit_bytes
    lanes_bytes = lane_bits // 8

    async def read(ctx, unit: int) -> int:
        ctx.set(ring.read_en, 1)
        ctx.set(ring.read_unit, unit)
        await ctx.tick()
        ctx.set(ring.read_en, 0)
        found = 0
        for cycle in range(1, 5):
            if ctx.get(ring.wrong):
                assert cycle == 1 + LATENCY
                found = 1
            await ctx.tick()
        return found

    async def bench(ctx):
        ctx.set(ring.claim_en, 1)
        ctx.set(ring.claim_beats, beats)
        await ctx.tick()
        ctx.set(ring.claim_en, 0)
        ctx.set(ring.beat_en, 1)
        for _ in range(beats):
            ctx.set(ring.beat, random.getrandbits(8 * beat_bytes))
            await ctx.tick()
        ctx.set(ring.beat_en, 0)
        assert [await read(ctx, unit) for unit in range(units)] == [0] * units
        word_lanes = Shape.cast(made[0].shape).width // (lane_bits + 1)
        for lane in range(item_bytes // lanes_bytes):
            place = lane // word_lanes, lane % word_lanes * (lane_bits + 1) + random.randrange(lane_bits + 1)
            flip(ctx, made[0], *place)
            touched = [unit * unit_bytes < (lane + 1) * lanes_bytes and lane * lanes_bytes < (unit + 1) * unit_bytes
                       for unit in range(units)]  # fmt: skip
            assert [await read(ctx, unit) for unit in range(units)] == touched
            flip(ctx, made[0], *place)

    run(ring, bench)


@pytest.mark.parametrize("drains", [False, True])
def test_sums(drains, monkeypatch):
    made = recorded(monkeypatch)
    unit = Accumulators(small(4, 4, parity=1))
    flagged = []

    async def watch(ctx):
        while True:
            flagged.append(ctx.get(unit.wrong))
            await ctx.tick()

    async def add(ctx, first: int):
        ctx.set(unit.tag, {"valid": 1, "bank": 0, "first": first, "last": 0})
        ctx.set(unit.pixel, 3)
        await ctx.tick()
        ctx.set(unit.tag, {"valid": 0})
        await ctx.tick().repeat(8)

    async def bench(ctx):
        await add(ctx, 1)
        await add(ctx, 0)
        assert sum(flagged) == 0
        flip(ctx, made[2 * 2], 3, 7)  # column 2, bank 0
        if drains:
            ctx.set(unit.read_en, 1)
            ctx.set(unit.read_pixel, 3)
            await ctx.tick()
            ctx.set(unit.read_en, 0)
            await ctx.tick().repeat(8)
        else:
            await add(ctx, 0)
        assert sum(flagged) == 1
        flip(ctx, made[2 * 2], 3, 7)
        await add(ctx, 1)  # what is not added to may be anything
        assert sum(flagged) == 1

    run(unit, bench, background=[watch])


@pytest.mark.parametrize("offset, row_bytes, used", [(0, 8, 1), (0, 3, 0), (-4, 8, 0), (-3, 8, 1)])
def test_bytes_of_an_operand(offset, row_bytes, used, monkeypatch):
    """Byte 3 of an operand that begins in the middle of word 1 is byte 1 of word 2, and flips."""
    made = recorded(monkeypatch)
    unit = ActivationMemory(small(4, 8, parity=1, bus_bytes=4))
    flagged = []

    async def watch(ctx):
        while True:
            flagged.append(ctx.get(unit.operand_wrong))
            await ctx.tick()

    async def bench(ctx):
        for word in (1, 2):  # all others were never written
            ctx.set(unit.pool_write.payload, {"address": 4 * word, "data": 0x2008 * word})
            ctx.set(unit.pool_write.valid, 1)
            await ctx.tick().repeat(2)
        ctx.set(unit.pool_write.valid, 0)
        await ctx.tick().repeat(2)
        flip(ctx, made[2], 0, 9 + 4)
        ctx.set(unit.operand_request, {"address": 6, "offset": offset, "row_bytes": row_bytes, "outside": 0, "pad": 1})
        await ctx.tick().repeat(10)
        assert sum(flagged) == 0, "nothing was asked for"
        ctx.set(unit.operand_en, 1)
        asked = len(flagged) - 1
        await ctx.tick()
        ctx.set(unit.operand_en, 0)
        await ctx.tick().repeat(unit.LATENCY + LATENCY + 2)
        assert [at - asked for at, flag in enumerate(flagged) if flag] == [unit.LATENCY + LATENCY] * used

    run(unit, bench, background=[watch])


def test_words_of_an_instruction(monkeypatch):
    made, random = recorded(monkeypatch), Random(1)
    unit = InstructionMemory(parity=1)
    queue = QUEUES.index(Opcode.LOAD)
    words, flagged = {}, []

    async def watch(ctx):
        while True:
            flagged.append(ctx.get(unit.wrong))
            if ctx.get(unit.word_en):
                words[ctx.get(unit.word_number)] = len(flagged) - 1
            await ctx.tick()

    async def bench(ctx):
        instruction = encoded(Opcode.LOAD, layer=5, segment_bytes=random.getrandbits(16), segments=3)
        await put(ctx, unit.i, [instruction, instruction])
        # The second one; what is beyond the fields was never written.
        place = (int(Opcode.LOAD) << 3 | 1) << 3 | 2
        flip(ctx, made[0], place, WORD_BITS)
        for number in range(2):
            ctx.set(unit.read_header, 1 << queue)
            ctx.set(unit.read_body, 1 << queue)
            await ctx.tick().repeat(2 + 4)
            ctx.set(unit.read_header, 0)
            ctx.set(unit.read_body, 0)
            await ctx.tick().repeat(4)
            assert sum(flagged) == number
        # Of the word in the memory's output, a cycle before the one that leaves.
        assert flagged.index(1) == words[2] - 1 + LATENCY

    run(unit, bench, background=[watch])


def test_entries_of_a_table(monkeypatch):
    made = recorded(monkeypatch)
    unit = TableLanes(2, parity=1)

    async def results(ctx, entry: int) -> int:
        ctx.set(unit.enable, 1)
        for lane in range(2):
            ctx.set(unit.x[lane], entry - 128 & 0xFF)
        await ctx.tick().repeat(unit.LATENCY)
        return ctx.get(unit.wrong)

    async def bench(ctx):
        ctx.set(unit.write_en, 1)
        for chunk in range(CHUNKS):
            ctx.set(unit.write_chunk, chunk)
            ctx.set(unit.write_data, 0x0123_4567_89AB_CDEF * (chunk + 1) % (1 << 64))
            await ctx.tick()
        ctx.set(unit.write_en, 0)
        flip(ctx, made[1], 20, 63)  # of lane 1 alone
        assert [await results(ctx, 8 * chunk) for chunk in (19, 20, 21)] == [0, 1, 0]

    run(unit, bench)


def test_pixels_on_their_way_to_memory():
    unit = RowEnds(small(4, 8, parity=1, bus_bytes=4))
    flagged = []

    def beat(data: int, wrong: int) -> int:
        """Four bytes with their parity bits, of which those in `wrong` are wrong."""
        bits = 0
        for byte in range(4):
            value = data >> 8 * byte & 0xFF
            parity = (value.bit_count() + 1 + (wrong >> byte)) & 1
            bits |= (parity << 8 | value) << 9 * byte
        return bits

    async def watch(ctx):
        while True:
            flagged.append(ctx.get(unit.wrong))
            await ctx.tick()

    async def consumer(ctx):
        # A row is 6 bytes of 8, so bytes 2 and 3 of every other beat are no pixels.
        assert await get(ctx, unit.o, 4) == [0x11223344, 0x7788, 0x11223344, 0x7788]
        await ctx.tick().repeat(4)
        assert sum(flagged) == 1

    async def producer(ctx):
        await put(ctx, unit.rows, [{"row_step": 8, "row_bytes": 6}])
        beats = [beat(0x11223344, 0), beat(0x55667788, 0b1100), beat(0x11223344, 0b0001), beat(0x55667788, 0b1000)]
        await put(ctx, unit.i, [{"data": data, "last": int(at == 3)} for at, data in enumerate(beats)])

    run(unit, producer, consumer, background=[watch])


def test_a_burst_whose_verdict_is_wrong_is_never_issued(monkeypatch):
    made = recorded(monkeypatch)
    unit = WindowCheck(small(4, 4, parity=1), tuple(Window))

    async def bench(ctx):
        ctx.set(unit.windows[Window.INPUT], {"base": 0x4000, "size": 0x1000})
        request = {"window": Window.INPUT, "offset": 64, "beats": 2}
        for _ in range(2):
            ctx.set(unit.i.payload, {"request": request, "tag": 1})
            ctx.set(unit.i.valid, 1)
            await ctx.tick()
        ctx.set(unit.i.valid, 0)
        await ctx.tick().repeat(unit.LATENCY + 1)
        assert ctx.get(unit.o.valid) and not ctx.get(unit.queue_wrong)
        flip(ctx, made[0], 1, 13)
        ctx.set(unit.o.ready, 1)
        await ctx.tick()
        for _ in range(5):
            assert not ctx.get(unit.o.valid)
            await ctx.tick()
        assert ctx.get(unit.queue_wrong) and not ctx.get(unit.empty)

    run(unit, bench)


def test_the_report_names_the_memory_and_comes_in_time():
    unit = ParityReport(small(4, 4, parity=1))

    async def bench(ctx):
        ctx.set(unit.wrong, 1 << ProtectedMemory.QUEUES | 1 << ProtectedMemory.LOAD)
        await ctx.tick()
        ctx.set(unit.wrong, 0)
        assert not ctx.get(unit.error.valid)
        await ctx.tick().repeat(ERROR_CYCLES - LATENCY - 1)
        assert ctx.get(unit.error.valid)
        assert (ErrorCode(ctx.get(unit.error.code)), ctx.get(unit.error.address)) == (
            ErrorCode.MEMORY_PARITY,
            ProtectedMemory.LOAD,
        )
        await ctx.tick()
        assert not ctx.get(unit.error.valid)

    run(unit, bench)
    assert ERROR_CYCLES <= SETTLE_CYCLES
