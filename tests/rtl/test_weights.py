"""The weight stream into its rings: every beat arrives where it belongs, however small the rings are."""

from random import Random

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import connect

from tcugen.arch import Architecture
from tcugen.isa import Instruction, Opcode, Window
from tcugen.program_format import WEIGHTS_HEADER_BYTES
from tcugen.rtl.reader import Reader
from tcugen.rtl.weights import WeightStream, parameter_ring, weight_ring
from tests.rtl.axi_memory import ReadMemory
from tests.rtl.streams import put, run

BASE = 0x1000
CONTENTS = bytes(BASE) + Random(5).randbytes(0x4000)
WINDOWS = [{"base": BASE if window == Window.WEIGHTS else 0, "size": 0x4000} for window in Window]

SIZES = [
    (4, 8, 32, 2),
    (4, 8, 32, 4),
    (4, 4, 8, 16),
    (8, 8, 4, 2),
    (16, 16, 8, 2),
    (16, 16, 64, 4),
    (4, 6, 8, 2),
    (16, 12, 8, 4),
    (8, 6, 16, 2),
    (16, 20, 32, 2),
]
"""Rows, columns, bytes per beat, tiles in the ring: from a beat per tile to 32 of them."""


class Bench:
    """The stream downstream of a reader; tiles and parameter groups are read as they come and freed at random."""

    def __init__(self, rows: int, columns: int, bus_bytes: int, weight_tiles: int, idle: float):
        sizes = {"rows": rows, "columns": columns, "bus_bytes": bus_bytes, "weight_tiles": weight_tiles}
        self.architecture = a = Architecture(parameter_groups=2, output_lanes=1, **sizes)
        self.design = m = Module()
        self.stream, self.reader = WeightStream(a), Reader(a, 1)
        self.weights, self.parameters = weight_ring(a), parameter_ring(a)
        m.submodules.stream, m.submodules.reader = stream, reader = self.stream, self.reader
        m.submodules.weights, m.submodules.parameters = self.weights, self.parameters
        connect(m, stream.request, reader.request[0])
        m.d.comb += stream.beat_en.eq(reader.beat_valid[0])
        for ring, claim, free, enable in (
            (self.weights, stream.claim_weights, stream.free_weights, stream.weight_en),
            (self.parameters, stream.claim_parameters, stream.free_parameters, stream.parameter_en),
        ):
            m.d.comb += [
                ring.claim_en.eq(claim),
                ring.claim_beats.eq(stream.claim_beats),
                free.eq(ring.free_beats),
                ring.beat_en.eq(enable),
                ring.beat.eq(reader.beat_data),
            ]
        self.memory = ReadMemory(reader.bus, CONTENTS, bus_bytes, latency=20, idle=idle)
        self.idle = idle

    async def take(self, ctx, ring, count: int) -> bytes:
        """`count` items in order, each freed once it has been read whole."""
        random, taken = Random(9), b""
        for item in range(count):
            while ctx.get(ring.written) == item % (2 * ring.items):
                await ctx.tick()
            for unit in range(ring.units):
                ctx.set(ring.read_en, 1)
                ctx.set(ring.read_item, item % ring.items)
                ctx.set(ring.read_unit, unit)
                await ctx.tick()
                ctx.set(ring.read_en, 0)
                taken += ctx.get(ring.data).to_bytes(ring.unit_bytes, "little")
            while random.random() < self.idle:
                await ctx.tick()
            ctx.set(ring.release, 1)
            await ctx.tick()
            ctx.set(ring.release, 0)
        return taken


@pytest.mark.parametrize("idle", [0.0, 0.5])
@pytest.mark.parametrize("rows, columns, bus_bytes, weight_tiles", SIZES)
def test_streams_of_any_length_pass_through_the_smallest_rings(rows, columns, bus_bytes, weight_tiles, idle):
    bench = Bench(rows, columns, bus_bytes, weight_tiles, idle)
    a = bench.architecture
    instructions, groups, tiles, end = [], b"", b"", WEIGHTS_HEADER_BYTES
    for n_columns, n_tiles, again in ((1, 1, False), (2, 6, False), (1, 1, True), (1, 13, False), (3, 2, False)):
        offset = WEIGHTS_HEADER_BYTES if again else end
        instructions.append(Instruction(Opcode.WEIGHT, {"offset": offset, "n_columns": n_columns, "n_tiles": n_tiles}))
        for _ in range(n_columns):
            middle = BASE + offset + a.parameter_group_bytes
            offset += a.parameter_group_bytes + n_tiles * a.tile_bytes
            groups += CONTENTS[middle - a.parameter_group_bytes : middle]
            tiles += CONTENTS[middle : BASE + offset]
        end = max(end, offset)
    taken, fresh, idle_cycles = {}, [], []

    async def driver(ctx):
        ctx.set(bench.reader.windows, WINDOWS)
        await put(ctx, bench.stream.instruction, [int.from_bytes(i.encode(), "little") for i in instructions])

    async def weight_consumer(ctx):
        taken["tiles"] = await bench.take(ctx, bench.weights, len(tiles) // a.tile_bytes)

    async def parameter_consumer(ctx):
        taken["groups"] = await bench.take(ctx, bench.parameters, len(groups) // a.parameter_group_bytes)

    async def watch(ctx):
        while True:
            *_, enabled, beat, busy, ready = await ctx.tick().sample(
                bench.stream.fresh_en, bench.reader.beat_data, bench.stream.busy, bench.stream.instruction.ready
            )
            if enabled:
                fresh.append(beat.to_bytes(bus_bytes, "little"))
            idle_cycles.append(not busy and not ready)
            taken["end"] = ctx.get(bench.stream.fresh_end)

    run(bench.design, driver, weight_consumer, parameter_consumer, background=[bench.memory.run, watch])
    assert b"".join(fresh) == CONTENTS[BASE + WEIGHTS_HEADER_BYTES : BASE + end], "all of it, each byte once"
    assert not any(idle_cycles), "busy until the next instruction can come"
    assert taken["end"] == end
    assert taken["groups"] == groups
    assert taken["tiles"] == tiles
    assert max(beats for _, beats in bench.memory.bursts) <= max(1, bench.weights.capacity // 2)
