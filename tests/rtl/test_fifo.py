# amaranth: UnusedElaboratable=no
from random import Random

import pytest
from amaranth.lib import data

from tcugen.rtl.fifo import SMALL_DEPTH, Fifo
from tests.rtl.streams import get, put, run


@pytest.mark.parametrize("depth", [2, 4, SMALL_DEPTH, 2 * SMALL_DEPTH])
@pytest.mark.parametrize("i_idle, o_idle", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.3, 0.3)])
def test_items_leave_in_order(depth, i_idle, o_idle):
    fifo = Fifo(12, depth)
    random = Random(depth)
    items = [random.getrandbits(12) for _ in range(3 * depth + 7)]

    async def producer(ctx):
        await put(ctx, fifo.i, items, i_idle, Random(1))

    async def consumer(ctx):
        assert await get(ctx, fifo.o, len(items), o_idle, Random(2)) == items
        assert ctx.get(fifo.level) == 0

    run(fifo, producer, consumer, cycles=20 * len(items) + 50)


@pytest.mark.parametrize("depth, latency", [(4, 1), (SMALL_DEPTH, 2)])
def test_latency_rate_and_capacity(depth, latency):
    fifo = Fifo(8, depth)

    async def bench(ctx):
        ctx.set(fifo.i.valid, 1)
        for cycle in range(depth):  # fill
            assert ctx.get(fifo.i.ready) and ctx.get(fifo.level) == cycle
            assert ctx.get(fifo.o.valid) == (cycle >= latency)
            ctx.set(fifo.i.payload, cycle)
            await ctx.tick()
        assert not ctx.get(fifo.i.ready) and ctx.get(fifo.level) == depth
        ctx.set(fifo.o.ready, 1)
        await ctx.tick()
        for cycle in range(1, 3 * depth):  # one in, one out
            assert ctx.get(fifo.i.ready) and ctx.get(fifo.o.valid)
            assert ctx.get(fifo.o.payload) == cycle
            ctx.set(fifo.i.payload, depth + cycle - 1)
            await ctx.tick()

    run(fifo, bench, cycles=10 * depth)


def test_structured_items():
    fifo = Fifo(data.StructLayout({"low": 3, "high": 5}), 2)

    async def bench(ctx):
        await put(ctx, fifo.i, [{"low": 5, "high": 17}])
        (item,) = await get(ctx, fifo.o, 1)
        assert (item.low, item.high) == (5, 17)

    run(fifo, bench, cycles=20)


@pytest.mark.parametrize("depth", [0, 1, 3, 100])
def test_depth_is_checked(depth):
    with pytest.raises(ValueError, match=f"depth is {depth}, but it must be a power of two"):
        Fifo(8, depth)
