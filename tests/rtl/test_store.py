from random import Random

import pytest
from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib.wiring import connect

from tcugen.arch import Architecture
from tcugen.isa import WRITABLE_WINDOWS, Instruction, Opcode, Window
from tcugen.rtl.activation import ActivationMemory
from tcugen.rtl.store import Store
from tcugen.rtl.writer import Writer
from tests.rtl.axi_memory import WriteMemory
from tests.rtl.streams import get, put, run
from tests.typed import present

WINDOW_BYTES = 0x10000
READ_LATENCY = ActivationMemory.READ_LATENCY
WINDOWS = [{"base": 0x10000 * window, "size": WINDOW_BYTES} for window in Window]
ACTIVATION_BYTES = 0x20000
ACTIVATION = Random(9).randbytes(ACTIVATION_BYTES)

SHAPES = [(16, 8), (8, 8), (4, 16), (4, 64), (32, 4), (16, 32)]
RATES = [(16, 8, 2000), (16, 8, 98), (16, 8, 16), (32, 4, 98), (16, 16, 98)]
"""Rows, bytes per beat, beats per segment."""


class Bench:
    """Store and writer on a memory; the activation memory answers in the cycle after a request."""

    def __init__(self, rows: int, bus_bytes: int, bus_idle=0.0, read_idle=0.0, latency=50):
        architecture = Architecture(rows=rows, columns=32, bus_bytes=bus_bytes, output_lanes=1)
        self.store, self.writer = Store(architecture), Writer(architecture)
        self.design = m = Module()
        m.submodules.store, m.submodules.writer = self.store, self.writer
        connect(m, self.store.request, self.writer.request)
        connect(m, self.store.data, self.writer.data)
        m.d.comb += self.store.answered.eq(self.writer.done)
        self.contents = bytearray(0x10000 * len(Window))
        self.memory = WriteMemory(self.writer.bus, self.contents, bus_bytes, latency=latency, idle=bus_idle)
        self.rows, self.read_idle = rows, read_idle
        self.reads, self.done_at_answer, self.errors = 0, [], 0
        self.resetting = False

    async def source(self, ctx):
        random, store = Random(3), self.store
        ready, offered, words = 0, None, []
        ctx.set(self.writer.windows, WINDOWS)
        while True:
            *_, valid, word, done, error = await ctx.tick().sample(
                store.read.valid, store.read.payload, store.done, self.writer.error_valid
            )
            assert offered is None or (valid and word == offered)
            offered = word if valid and not ready and not self.resetting else None
            if done:
                self.done_at_answer.append(self.memory.answers)
            self.errors += error
            words = [(wait - 1, place) for wait, place in words] if not self.resetting else []
            answered = bool(words) and words[0][0] <= 0
            start = words.pop(0)[1] * self.rows % ACTIVATION_BYTES if answered else None
            if valid and ready:
                self.reads += 1
                words.append((READ_LATENCY - 1, word))
            ctx.set(store.word_valid, answered)
            ctx.set(
                store.word,
                int.from_bytes(ACTIVATION[start : start + self.rows], "little")
                if start is not None
                else random.getrandbits(8 * self.rows),
            )
            ready = random.random() >= self.read_idle
            ctx.set(store.read.ready, ready)


def stores(random: Random, count: int, rows: int, bus_bytes: int) -> list[Instruction]:
    unit = min(rows, bus_bytes)
    instructions, offset = [], 0
    for _ in range(count):
        segments = random.randint(1, 4)
        row_step = bus_bytes * random.choice([1, 2, random.randint(1, 20)])
        segment_bytes = row_step * random.randint(1, max(1, 40 * bus_bytes // row_step))
        offset += bus_bytes * random.randrange(4)
        step = segment_bytes + bus_bytes * random.randrange(4)
        instructions.append(
            Instruction(
                Opcode.STORE,
                {
                    "window": random.choice(WRITABLE_WINDOWS),
                    "offset": offset,
                    "activation": random.randrange(1 << 24) // unit * unit,
                    "segment_bytes": segment_bytes,
                    "segments": segments,
                    "memory_step": step,
                    "activation_step": segment_bytes + unit * random.randrange(8),
                    "row_step": row_step,
                    "row_bytes": random.choice([row_step, row_step - random.randrange(bus_bytes), 1]),
                },
            )
        )
        offset += segments * step
    return instructions


def execute(instructions: list[Instruction]) -> bytearray:
    contents = bytearray(0x10000 * len(Window))
    for store in instructions:
        for segment in range(store["segments"]):
            target = WINDOWS[store["window"]]["base"] + store["offset"] + segment * store["memory_step"]
            source = store["activation"] + segment * store["activation_step"]
            for byte in range(store["segment_bytes"]):
                if byte % store["row_step"] >= store["row_bytes"]:
                    continue
                contents[target + byte] = ACTIVATION[(source + byte) % ACTIVATION_BYTES]
    return contents


def bursts_of(store: Instruction, bus_bytes: int) -> int:
    count = 0
    for segment in range(store["segments"]):
        start = store["offset"] + segment * store["memory_step"]
        aligned = 32 * bus_bytes
        count += (start + store["segment_bytes"] - 1) // aligned - start // aligned + 1
    return count


def words_read(store: Instruction, rows: int) -> int:
    count = 0
    for segment in range(store["segments"]):
        start = store["activation"] + segment * store["activation_step"]
        count += (start + store["segment_bytes"] - 1) // rows - start // rows + 1
    return count


def words(instructions: list[Instruction]) -> list[int]:
    return [int.from_bytes(instruction.encode(), "little") for instruction in instructions]


@pytest.mark.parametrize("rows, bus_bytes", SHAPES)
@pytest.mark.parametrize("bus_idle, read_idle, latency", [(0.0, 0.0, 50), (0.3, 0.3, 7), (0.0, 0.6, 1), (0.6, 0.0, 1)])
def test_bytes_arrive_where_the_instructions_say(rows, bus_bytes, bus_idle, read_idle, latency):
    bench = Bench(rows, bus_bytes, bus_idle, read_idle, latency)
    instructions = stores(Random(rows * bus_bytes), 4 if bus_bytes > 4 * rows else 12, rows, bus_bytes)

    async def drive(ctx):
        await put(ctx, bench.store.instruction, words(instructions), read_idle, Random(1))
        while len(bench.done_at_answer) < len(instructions):
            await ctx.tick()
        await ctx.tick().repeat(20)
        assert bench.contents == execute(instructions)
        assert bench.reads == sum(words_read(store, rows) for store in instructions)
        counts = [bursts_of(store, bus_bytes) for store in instructions]
        assert len(bench.memory.bursts) == sum(counts)
        # Every done comes when at least the bursts of the instructions so far are answered.
        assert len(bench.done_at_answer) == len(instructions)
        for n, answers in enumerate(bench.done_at_answer):
            assert sum(counts[: n + 1]) <= answers <= sum(counts[: n + 1]) + 2
        assert bench.errors == 0 and ctx.get(bench.writer.idle)

    run(bench.design, drive, background=(bench.memory.run, bench.source), cycles=20000)


@pytest.mark.parametrize("rows, bus_bytes, segment_beats", RATES)
def test_full_rate(rows, bus_bytes, segment_beats):
    """2000 beats in one segment, in instructions of one segment of 98 beats, and in segments of 16 beats."""
    bench = Bench(rows, bus_bytes)
    per_instruction = {2000: 1, 98: 1, 16: 20}[segment_beats]
    fields = {
        "window": Window.OUTPUT,
        "segment_bytes": segment_beats * bus_bytes,
        "segments": per_instruction,
        "memory_step": segment_beats * bus_bytes,
        "activation_step": segment_beats * bus_bytes,
        "row_step": bus_bytes,
        "row_bytes": bus_bytes,
    }
    instructions = [Instruction(Opcode.STORE, fields)] * -(-2000 // (segment_beats * per_instruction))

    async def drive(ctx):
        await put(ctx, bench.store.instruction, words(instructions))
        while len(bench.done_at_answer) < len(instructions):
            await ctx.tick()
        memory = bench.memory
        rate = len(memory.strobes) / (present(memory.last_cycle) - present(memory.first_cycle) + 1)
        print(f"{rows} rows, {bus_bytes} bytes per beat, segments of {segment_beats} beats: {rate:.4f} beats per cycle")
        assert len(memory.strobes) >= 1960 and rate >= 0.95

    run(bench.design, drive, background=(bench.memory.run, bench.source), cycles=4000)


def test_words_narrower_than_the_bus_come_one_per_cycle():
    bench = Bench(4, 16)
    fields = {"window": Window.OUTPUT, "segment_bytes": 4096, "segments": 1}
    fields |= {"row_step": 4096, "row_bytes": 4096}

    async def drive(ctx):
        await put(ctx, bench.store.instruction, words([Instruction(Opcode.STORE, fields)]))
        cycles = 0
        while bench.reads < 1024:
            await ctx.tick()
            cycles += 1
        assert cycles <= 1024 + 8

    run(bench.design, drive, background=(bench.memory.run, bench.source), cycles=1500)


@pytest.mark.parametrize("offset", [0x7FFF_FE00, 0x8000_0000, 0xFFFF_F000])
def test_a_window_may_have_four_gib(offset):
    store = Store(Architecture(rows=16, columns=32, bus_bytes=8, output_lanes=1))
    fields = {"window": Window.OUTPUT, "offset": offset, "segment_bytes": 512, "segments": 2, "memory_step": 1024}
    fields |= {"row_step": 512, "row_bytes": 512}

    async def bursts(ctx):
        taken = await get(ctx, store.request, 4)
        assert [(burst.window, burst.offset, burst.beats) for burst in taken] == [
            (Window.OUTPUT, offset + at, 32) for at in (0, 256, 1024, 1280)
        ]

    async def drive(ctx):
        await put(ctx, store.instruction, words([Instruction(Opcode.STORE, fields)]))

    run(store, drive, bursts, cycles=200)


@pytest.mark.parametrize("window", [Window.INPUT, Window.OUTPUT])
def test_a_bad_instruction_ends_in_one_error(window):
    bench = Bench(16, 8)
    fields = {"window": window, "offset": WINDOW_BYTES - 256, "segment_bytes": 512, "segments": 1}
    fields |= {"row_step": 512, "row_bytes": 512}

    async def drive(ctx):
        await put(ctx, bench.store.instruction, words([Instruction(Opcode.STORE, fields)]))
        await ctx.tick().repeat(200)
        assert bench.errors == 1 and bench.done_at_answer == [] and ctx.get(bench.writer.idle)
        end = 0x10000 * (window + 1)
        assert bench.memory.bursts == ([(end - 256, 32)] if window in WRITABLE_WINDOWS else [])

    run(bench.design, drive, background=(bench.memory.run, bench.source), cycles=400)


def test_nothing_survives_halt_and_reset():
    """Halted at many moments, idle, reset: the next run is exactly the instructions of that run."""
    bench, reset = Bench(16, 8, bus_idle=0.2, read_idle=0.2, latency=12), Signal()
    random = Random(5)

    async def drive(ctx):
        for moment in (0, 1, 2, 3, 4, 5, 6, 8, 11, 17, 30, 61, 150):
            (word,) = words(stores(random, 1, 16, 8))
            ctx.set(bench.store.instruction.payload, word)
            ctx.set(bench.store.instruction.valid, 1)
            await ctx.tick().repeat(moment + 1)
            ctx.set(bench.writer.halt, 1)
            while not ctx.get(bench.writer.idle):
                await ctx.tick()
            assert not ctx.get(bench.writer.bus.awvalid) and not ctx.get(bench.writer.bus.wvalid)
            ctx.set(bench.store.instruction.valid, 0)
            bench.resetting = True
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            ctx.set(bench.writer.halt, 0)
            await ctx.tick()
            bench.contents[:] = bytes(len(bench.contents))
            bench.done_at_answer, bench.resetting = [], False
            instructions = stores(random, 2, 16, 8)
            await put(ctx, bench.store.instruction, words(instructions))
            while len(bench.done_at_answer) < 2:
                await ctx.tick()
            assert bench.contents == execute(instructions) and bench.errors == 0

    design = ResetInserter(reset)(bench.design)
    run(design, drive, background=(bench.memory.run, bench.source), cycles=20000)
