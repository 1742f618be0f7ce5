from random import Random

import pytest
from amaranth.lib import data

from tcugen.rtl.queue import StreamQueue, StreamRegister
from tests.rtl.streams import get, put, run

QUEUES = [lambda: StreamQueue(9, 1), lambda: StreamQueue(9, 2), lambda: StreamQueue(9, 5), lambda: StreamRegister(9)]


@pytest.mark.parametrize("make", QUEUES)
@pytest.mark.parametrize("i_idle, o_idle", [(0.0, 0.0), (0.6, 0.0), (0.0, 0.6), (0.4, 0.4)])
def test_items_leave_in_order(make, i_idle, o_idle):
    queue = make()
    random = Random(3)
    items = [random.getrandbits(9) for _ in range(60)]

    async def producer(ctx):
        await put(ctx, queue.i, items, i_idle, Random(1))

    async def consumer(ctx):
        assert await get(ctx, queue.o, len(items), o_idle, Random(2)) == items
        assert not ctx.get(queue.o.valid)

    run(queue, producer, consumer)


def test_capacity_latency_and_rate():
    depth = 3
    queue = StreamQueue(8, depth)

    async def bench(ctx):
        ctx.set(queue.i.valid, 1)
        for cycle in range(depth):
            assert ctx.get(queue.i.ready) and ctx.get(queue.o.valid) == (cycle > 0)
            ctx.set(queue.i.payload, cycle)
            await ctx.tick()
        assert not ctx.get(queue.i.ready)
        ctx.set(queue.o.ready, 1)
        await ctx.tick()
        for cycle in range(1, 20):  # one in, one out in every cycle
            assert ctx.get(queue.i.ready) and ctx.get(queue.o.valid)
            assert ctx.get(queue.o.payload) == cycle
            ctx.set(queue.i.payload, depth + cycle - 1)
            await ctx.tick()

    run(queue, bench)


def test_the_oldest_item_stands_until_it_is_taken():
    queue = StreamQueue(data.StructLayout({"low": 3, "high": 5}), 2)

    async def bench(ctx):
        await put(ctx, queue.i, [{"low": 5, "high": 17}, {"low": 1, "high": 2}])
        for _ in range(3):
            payload = ctx.get(queue.o.payload)
            assert (payload.low, payload.high) == (5, 17)
            await ctx.tick()

    run(queue, bench)


def test_a_register_takes_an_item_every_other_cycle_and_no_ready_passes_through():
    register = StreamRegister(8)

    async def bench(ctx):
        ctx.set(register.i.valid, 1)
        for cycle in range(20):
            full = cycle % 2 == 1
            for ready in (0, 1):
                ctx.set(register.o.ready, ready)
                assert (ctx.get(register.i.ready), ctx.get(register.o.valid)) == (not full, full)
            assert not full or ctx.get(register.o.payload) == cycle - 1
            ctx.set(register.i.payload, cycle)
            await ctx.tick()
        ctx.set(register.i.payload, 77)
        await ctx.tick()
        ctx.set(register.o.ready, 0)
        for _ in range(3):
            assert (ctx.get(register.o.valid), ctx.get(register.o.payload)) == (1, 77)
            await ctx.tick()

    run(register, bench)
