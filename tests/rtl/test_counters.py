import random
from collections import Counter

import pytest
from amaranth.back import verilog
from amaranth.hdl import ResetInserter, Signal

from tcugen.arch import Architecture
from tcugen.registers import Stall
from tcugen.rtl.counters import BUSY, LAYER_READ_CYCLES, LAYERS, Counters
from tests.rtl.streams import run

BUS_BYTES = 8


class Model:
    """What the counters should hold since the last reset."""

    def __init__(self):
        self.total, self.table = Counter(), Counter()

    def count(self, busy: bool, busy_layer: int, reason: int, stall_layer: int, read: bool, written: bool) -> None:
        counter, layer = (BUSY, busy_layer) if busy else (reason, stall_layer)
        self.total[counter] += 1
        self.total["read"] += BUS_BYTES * read
        self.total["written"] += BUS_BYTES * written
        self.table[min(layer, LAYERS - 1), counter] += 1


async def drive(ctx, dut, model: Model, events: list[tuple], gap: float, generator: random.Random) -> None:
    """One tuple of `Model.count` per running cycle, with cycles in between that do not count."""
    for event in events:
        while gap and generator.random() < gap:
            await drive_inputs(ctx, dut, False, tuple(generator.getrandbits(1) for _ in range(6)))
        await drive_inputs(ctx, dut, True, event)
        model.count(*event)
    ctx.set(dut.running, 0)


async def drive_inputs(ctx, dut, running: bool, event: tuple) -> None:
    ctx.set(dut.running, running)
    names = ("busy", "busy_layer", "stall_reason", "stall_layer", "read_beat", "write_beat")
    for name, value in zip(names, event, strict=True):
        ctx.set(getattr(dut, name), value)
    await ctx.tick()


async def check(ctx, dut, model: Model, layers: list[int]) -> None:
    """Totals, the given layers one count per cycle, and the identity of the sums."""
    await ctx.tick()
    totals = ctx.get(dut.totals)
    assert totals.busy == model.total[BUSY]
    assert [totals.stall[stall] for stall in Stall] == [model.total[stall] for stall in Stall]
    assert totals.cycles == totals.busy + sum(totals.stall[stall] for stall in Stall)
    assert (totals.bytes_read, totals.bytes_written) == (model.total["read"], model.total["written"])
    wanted = [(layer, counter) for layer in layers for counter in range(BUSY + 1)]
    seen = []
    for layer, counter in [*wanted, *[(0, 0)] * (LAYER_READ_CYCLES - 1)]:
        ctx.set(dut.layer, layer)
        ctx.set(dut.counter, counter)
        *_, count = await ctx.tick().sample(dut.layer_count)
        seen.append(count)
    seen.append(ctx.get(dut.layer_count))
    seen = seen[LAYER_READ_CYCLES:]
    assert seen == [model.table[key] if key[0] < LAYERS else 0 for key in wanted]


def random_events(generator: random.Random, count: int, layers: list[int], stay: float) -> list[tuple]:
    events, pair = [], (layers[0], layers[0])
    for _ in range(count):
        if generator.random() > stay:
            pair = (generator.choice(layers), generator.choice(layers))
        flags = generator.getrandbits(1), generator.getrandbits(1)
        events.append((generator.random() < 0.5, pair[0], generator.choice(list(Stall)), pair[1], *flags))
    return events


@pytest.mark.parametrize("gap", [0.0, 0.4])
@pytest.mark.parametrize("stay", [0.0, 0.9])
@pytest.mark.parametrize("layers", [[0], [3, 4], [0, 1, 17, 254, 255], [255, 256, 300, 4095]])
def test_counts_are_exact_for_any_order_of_layers(layers, stay, gap):
    generator = random.Random(len(layers))
    dut, model = Counters(Architecture(bus_bytes=BUS_BYTES)), Model()

    async def bench(ctx):
        await drive(ctx, dut, model, random_events(generator, 600, layers, stay), gap, generator)
        await check(ctx, dut, model, sorted({*layers, 0, 2, LAYERS - 1, LAYERS}))

    run(dut, bench)


@pytest.mark.parametrize("period", [2, 3, 4])
def test_alternating_layers_every_cycle(period):
    dut, model = Counters(Architecture(bus_bytes=BUS_BYTES)), Model()
    events = [(k % 2 == 0, k % period, Stall.LOAD, 5, 0, 1) for k in range(50)]

    async def bench(ctx):
        await drive(ctx, dut, model, events, 0, random.Random())
        await check(ctx, dut, model, list(range(7)))

    run(dut, bench)


def test_a_reset_clears_everything_at_once():
    """Three runs with nothing but one reset cycle in between, over layers that the runs before have touched or not."""
    generator = random.Random(7)
    reset = Signal()
    dut = Counters(Architecture(bus_bytes=BUS_BYTES))

    async def bench(ctx):
        for layers in ([0, 1, 2, 40], [2, 3], [0, 3, 40, 200]):
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            model = Model()
            await drive(ctx, dut, model, random_events(generator, 200, layers, 0.3), 0, generator)
            await check(ctx, dut, model, [0, 1, 2, 3, 40, 200])

    run(ResetInserter(reset)(dut), bench)


def test_layer_counts_read_zero_while_running():
    dut, model = Counters(Architecture(bus_bytes=BUS_BYTES)), Model()
    event = (True, 9, Stall.PROGRAM, 9, 0, 0)

    async def bench(ctx):
        ctx.set(dut.layer, 9)
        ctx.set(dut.counter, BUSY)
        await drive(ctx, dut, model, [event] * 5, 0, random.Random())
        ctx.set(dut.running, 1)
        await ctx.tick().repeat(LAYER_READ_CYCLES)
        assert ctx.get(dut.layer_count) == 0
        ctx.set(dut.running, 0)
        await ctx.tick().repeat(LAYER_READ_CYCLES)
        assert ctx.get(dut.layer_count) == 5 + LAYER_READ_CYCLES

    run(dut, bench)


def test_converts_to_verilog():
    assert "module tcu_counters(" in verilog.convert(Counters(Architecture()), name="tcu_counters")
