from random import Random

import pytest
from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib.wiring import connect

from tcugen.arch import Architecture
from tcugen.isa import Instruction, Opcode, Window
from tcugen.rtl.load import Load
from tcugen.rtl.reader import Reader
from tests.rtl.axi_memory import ReadMemory
from tests.rtl.streams import get, put, run
from tests.typed import present

SOURCES = (Window.INPUT, Window.SCRATCH)
WINDOW_BYTES = 0x10000
WINDOWS = [{"base": 0x10000 * window, "size": WINDOW_BYTES} for window in Window]
CONTENTS = Random(7).randbytes(0x10000 * len(Window))

SHAPES = [(16, 8), (8, 8), (4, 16), (4, 64), (32, 4), (16, 32)]
ADDRESSES = 1 << Architecture(rows=4, columns=32, output_lanes=1).activation_address_bits
"""Of the benches' machines: addresses of bytes wrap there, as the memory has no more."""
RATES = [(16, 8, 2000), (16, 8, 98), (16, 8, 16), (32, 4, 98), (16, 16, 98)]
"""Rows, bytes per beat, beats per segment."""


class Bench:
    """Load and reader on a memory, with the activation memory as a dictionary of bytes."""

    def __init__(self, rows: int, bus_bytes: int, bus_idle=0.0, write_idle=0.0, latency=100):
        architecture = Architecture(rows=rows, columns=32, bus_bytes=bus_bytes, output_lanes=1)
        self.load, self.reader = Load(architecture), Reader(architecture, 2)
        self.design = m = Module()
        m.submodules.load, m.submodules.reader = self.load, self.reader
        connect(m, self.load.request, self.reader.request[1])
        m.d.comb += [
            self.load.beat_valid.eq(self.reader.beat_valid[1]),
            self.load.beat_data.eq(self.reader.beat_data),
        ]
        self.memory = ReadMemory(self.reader.bus, CONTENTS, bus_bytes, latency=latency, idle=bus_idle)
        self.write_bytes, self.write_idle = min(rows, bus_bytes), write_idle
        self.activation, self.done_at_write, self.writes, self.errors = {}, [], 0, 0
        self.last_write_cycle, self.resetting = None, False

    async def sink(self, ctx):
        random, write = Random(3), self.load.write
        ready, offered, cycle = 0, None, 0
        ctx.set(self.reader.windows, WINDOWS)
        while True:
            *_, valid, address, data, last, done, error = await ctx.tick().sample(
                *(write.valid, write.payload.address, write.payload.data, write.payload.last),
                *(self.load.done, self.reader.error_valid),
            )
            assert offered is None or (valid and (address, data) == offered)
            if done:
                self.done_at_write.append(self.writes)
            if valid and ready:
                assert address % self.write_bytes == 0
                for byte in range(self.write_bytes):
                    self.activation[(address + byte) % ADDRESSES] = data >> 8 * byte & 255
                self.writes += 1
                self.last_write_cycle = cycle
            ctx.set(self.load.written, valid and ready and last)
            offered = (address, data) if valid and not ready and not self.resetting else None
            self.errors += error
            cycle += 1
            ready = random.random() >= self.write_idle
            ctx.set(write.ready, ready)


def loads(random: Random, count: int, rows: int, bus_bytes: int) -> list[Instruction]:
    unit = min(rows, bus_bytes)
    instructions = []
    for _ in range(count):
        segments = random.randint(1, 4)
        segment_bytes = bus_bytes * random.choice([1, 2, random.randint(1, 70)])
        step = segment_bytes + bus_bytes * random.randrange(8)
        span = segments * step
        instructions.append(
            Instruction(
                Opcode.LOAD,
                {
                    "window": random.choice(SOURCES),
                    "offset": random.randrange((WINDOW_BYTES - span) // bus_bytes + 1) * bus_bytes,
                    "activation": random.randrange(1 << 24) // unit * unit,
                    "segment_bytes": segment_bytes,
                    "segments": segments,
                    "memory_step": step,
                    "activation_step": segment_bytes + unit * random.randrange(8),
                },
            )
        )
    return instructions


def execute(instructions: list[Instruction]) -> dict[int, int]:
    activation = {}
    for load in instructions:
        for segment in range(load["segments"]):
            source = WINDOWS[load["window"]]["base"] + load["offset"] + segment * load["memory_step"]
            target = load["activation"] + segment * load["activation_step"]
            for byte in range(load["segment_bytes"]):
                activation[(target + byte) % ADDRESSES] = CONTENTS[source + byte]
    return activation


def words(instructions: list[Instruction]) -> list[int]:
    return [int.from_bytes(instruction.encode(), "little") for instruction in instructions]


def total_bytes(instructions: list[Instruction]) -> int:
    return sum(load["segments"] * load["segment_bytes"] for load in instructions)


@pytest.mark.parametrize("rows, bus_bytes", SHAPES)
@pytest.mark.parametrize("bus_idle, write_idle, latency", [(0.0, 0.0, 100), (0.3, 0.3, 7), (0.0, 0.6, 1)])
def test_bytes_arrive_where_the_instructions_say(rows, bus_bytes, bus_idle, write_idle, latency):
    bench = Bench(rows, bus_bytes, bus_idle, write_idle, latency)
    instructions = loads(Random(rows * bus_bytes), 4 if bus_bytes > 4 * rows else 12, rows, bus_bytes)

    async def drive(ctx):
        await put(ctx, bench.load.instruction, words(instructions), write_idle, Random(1))
        while len(bench.done_at_write) < len(instructions):
            await ctx.tick()
        await ctx.tick().repeat(20)
        assert bench.activation == execute(instructions)
        # Every done comes when exactly the writes of the instructions so far are there.
        ends = [total_bytes(instructions[: n + 1]) // bench.write_bytes for n in range(len(instructions))]
        assert bench.done_at_write == ends and bench.errors == 0
        assert bench.memory.beats * bus_bytes == total_bytes(instructions)
        assert ctx.get(bench.reader.idle)

    run(bench.design, drive, background=(bench.memory.run, bench.sink), cycles=12000)


@pytest.mark.parametrize("offset", [0x7FFF_FE00, 0x8000_0000, 0xFFFF_F000])
def test_a_window_may_have_four_gib(offset):
    load = Load(Architecture(rows=16, columns=32, bus_bytes=8, output_lanes=1))
    fields = {"window": Window.OUTPUT, "offset": offset, "segment_bytes": 512, "segments": 2, "memory_step": 1024}

    async def bursts(ctx):
        taken = await get(ctx, load.request, 4)
        assert [(burst.window, burst.offset, burst.beats) for burst in taken] == [
            (Window.OUTPUT, offset + at, 32) for at in (0, 256, 1024, 1280)
        ]

    async def drive(ctx):
        await put(ctx, load.instruction, words([Instruction(Opcode.LOAD, fields)]))

    run(load, drive, bursts, cycles=200)


@pytest.mark.parametrize("rows, bus_bytes, segment_beats", RATES)
def test_full_rate_at_100_cycles_latency(rows, bus_bytes, segment_beats):
    """2000 beats in one segment, in instructions of one segment of 98 beats, and in segments of 16 beats."""
    bench = Bench(rows, bus_bytes)
    per_instruction = {2000: 1, 98: 1, 16: 20}[segment_beats]
    fields = {
        "window": Window.INPUT,
        "segment_bytes": segment_beats * bus_bytes,
        "segments": per_instruction,
        "memory_step": segment_beats * bus_bytes,
        "activation_step": segment_beats * bus_bytes,
    }
    instructions = [Instruction(Opcode.LOAD, fields)] * -(-2000 // (segment_beats * per_instruction))

    async def drive(ctx):
        await put(ctx, bench.load.instruction, words(instructions))
        while len(bench.done_at_write) < len(instructions):
            await ctx.tick()
        memory = bench.memory
        rate = memory.beats / (present(memory.last_cycle) - present(memory.first_cycle) + 1)
        print(f"{rows} rows, {bus_bytes} bytes per beat, segments of {segment_beats} beats: {rate:.4f} beats per cycle")
        assert memory.beats >= 1960 and rate >= 0.95
        assert present(bench.last_write_cycle) - present(memory.last_cycle) <= 8

    run(bench.design, drive, background=(bench.memory.run, bench.sink), cycles=4000)


def test_no_request_without_room_for_its_beats():
    """The activation memory accepts nothing: 256 beats are requested, and they all fit."""
    bench = Bench(16, 8, write_idle=1.0, latency=3)
    fields = {"window": Window.INPUT, "segment_bytes": 4096, "segments": 1, "activation": 0x100}
    instructions = [Instruction(Opcode.LOAD, fields)]

    async def drive(ctx):
        await put(ctx, bench.load.instruction, words(instructions))
        await ctx.tick().repeat(400)
        # The beat that has left for the write port makes room for one more, not for the next burst of 32.
        assert bench.memory.beats == 256 and ctx.get(bench.reader.outstanding) == 0 and bench.writes == 0
        bench.write_idle = 0.0
        while not bench.done_at_write:
            await ctx.tick()
        assert bench.activation == execute(instructions)

    run(bench.design, drive, background=(bench.memory.run, bench.sink), cycles=1500)


@pytest.mark.parametrize(
    "fields",
    [
        {"window": Window.INPUT, "offset": WINDOW_BYTES - 64, "segment_bytes": 128, "segments": 1},
        {"window": Window.INPUT, "offset": 0, "segment_bytes": 0, "segments": 1},
        {"window": 6, "offset": 0, "segment_bytes": 64, "segments": 1},
    ],
)
def test_a_bad_instruction_ends_in_one_error(fields):
    bench = Bench(16, 8, latency=5)

    async def drive(ctx):
        await put(ctx, bench.load.instruction, words([Instruction(Opcode.LOAD, fields)]))
        await ctx.tick().repeat(100)
        assert bench.errors == 1 and bench.done_at_write == [] and ctx.get(bench.reader.idle)
        assert all(address + 8 * beats <= 0x30000 for address, beats in bench.memory.bursts)

    run(bench.design, drive, background=(bench.memory.run, bench.sink), cycles=300)


def test_nothing_survives_halt_and_reset():
    """Halted at many moments, idle, reset: the next run is exactly the instructions of that run."""
    bench, reset = Bench(16, 8, bus_idle=0.2, write_idle=0.2, latency=12), Signal()
    random = Random(5)

    async def drive(ctx):
        for moment in (0, 1, 2, 3, 4, 5, 6, 8, 11, 17, 30, 61, 150):
            ctx.set(bench.load.instruction.valid, 1)
            (word,) = words(loads(random, 1, 16, 8))
            ctx.set(bench.load.instruction.payload, word)
            await ctx.tick().repeat(moment + 1)
            ctx.set(bench.reader.halt, 1)
            while not ctx.get(bench.reader.idle):
                await ctx.tick()
            assert not ctx.get(bench.reader.bus.arvalid)
            ctx.set(bench.load.instruction.valid, 0)
            bench.resetting = True
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            ctx.set(bench.reader.halt, 0)
            await ctx.tick()
            bench.activation, bench.done_at_write, bench.writes, bench.resetting = {}, [], 0, False
            instructions = loads(random, 2, 16, 8)
            await put(ctx, bench.load.instruction, words(instructions))
            while len(bench.done_at_write) < 2:
                await ctx.tick()
            assert bench.activation == execute(instructions) and bench.errors == 0
            assert bench.writes * bench.write_bytes == total_bytes(instructions)

    design = ResetInserter(reset)(bench.design)
    run(design, drive, background=(bench.memory.run, bench.sink), cycles=20000)


@pytest.mark.parametrize("rows, bus_bytes", [(4, 8), (16, 8), (4, 64)])
def test_weights_are_fresh_where_they_go_on_from_the_fresh_ones_before(rows, bus_bytes):
    load = Load(Architecture(rows=rows, columns=32, bus_bytes=bus_bytes, output_lanes=1, depthwise=4))
    size, found = 40 * bus_bytes, []
    # Window and offset in bursts of 40 beats: the first of WEIGHTS, what follows, what was read before, and others.
    wanted = [
        *((Window.INPUT, 3, 0), (Window.WEIGHTS, 3, 1), (Window.WEIGHTS, 4, 1), (Window.WEIGHTS, 3, 0)),
        *((Window.SCRATCH, 5, 0), (Window.WEIGHTS, 6, 0), (Window.WEIGHTS, 5, 1), (Window.WEIGHTS, 6, 1)),
    ]
    instructions = [
        Instruction(Opcode.LOAD, {"window": window, "offset": place * size, "segment_bytes": size, "segments": 1})
        for window, place, _ in wanted
    ]

    async def drive(ctx):
        await put(ctx, load.instruction, words(instructions))
        await ctx.tick().repeat(400)
        assert ctx.get(load.fresh_bytes) == size * sum(fresh for *_, fresh in wanted)

    async def serve(ctx):
        random, due = Random(1), 0
        ctx.set(load.write.ready, 1)
        while True:
            ports = {0: load.request, 1: load.fresh_request}
            for port in ports.values():
                ctx.set(port.ready, random.random() < 0.5)
            ctx.set(load.beat_valid, due > 0)
            due -= due > 0
            *_, valid, payload, fresh, fresh_payload, ready, fresh_ready, write, last = await ctx.tick().sample(
                *(load.request.valid, load.request.payload, load.fresh_request.valid, load.fresh_request.payload),
                *(load.request.ready, load.fresh_request.ready, load.write.valid, load.write.payload.last),
            )
            assert not (valid and fresh)
            ctx.set(load.written, write and last)
            if (valid and ready) or (fresh and fresh_ready):
                request = fresh_payload if fresh else payload
                due += request.beats
                found.append((request.window, request.offset, request.beats, fresh))

    run(load, drive, background=[serve])
    for window, place, fresh in wanted:
        bursts = [one for one in found if one[0] == window and place * size <= one[1] < (place + 1) * size]
        assert {one[3] for one in bursts} == {fresh} or (window, place) in ((Window.WEIGHTS, 3), (Window.WEIGHTS, 6))
    # Those that came twice: fresh once.
    for place, order in ((3, [1, 0]), (6, [0, 1])):
        again = [one[3] for one in found if one[0] == Window.WEIGHTS and place * size <= one[1] < (place + 1) * size]
        half = len(again) // 2
        assert again == [order[0]] * half + [order[1]] * half
