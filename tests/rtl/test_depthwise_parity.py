"""Parity of what the depthwise convolution keeps."""

from random import Random

import pytest

from tcugen.isa import Opcode
from tcugen.rtl.depthwise import Depthwise
from tests.rtl.instructions import encoded, small
from tests.rtl.memories import flip, recorded
from tests.rtl.streams import run


@pytest.mark.parametrize(
    "memory, word, bit, flags",
    [
        (0, 1, 40, {"word_wrong": 4}),  # weights of kernel row 1, which every column uses
        (0, 2, 40, {}),  # a row that the kernel does not have
        (1, 1, 70, {"word_wrong": 2}),  # parameters of the second two channels, which both results use
        (2, 0, 7, {"queue_wrong": 1}),  # where the first result goes
        (3, 0, 7, {"queue_wrong": 1}),  # the first result
    ],
)
def test_weights_and_results_of_a_depthwise_convolution(monkeypatch, memory, word, bit, flags):
    made, random = recorded(monkeypatch), Random(1)
    rows, n_ky = 4, 2
    unit = Depthwise(small(rows, 4, parity=1, depthwise=2))
    found = {"word_wrong": 0, "queue_wrong": 0}
    protect = {byte: byte | (byte.bit_count() + 1 & 1) << 8 for byte in range(256)}

    async def watch(ctx):
        while True:
            *_, word_wrong, queue_wrong = await ctx.tick().sample(unit.word_wrong, unit.queue_wrong)
            found["word_wrong"] += word_wrong
            found["queue_wrong"] += queue_wrong

    async def take(ctx, **tap: int):
        for name, value in tap.items():
            ctx.set(unit.tap[name], value)
        ctx.set(unit.word, sum(protect[random.randrange(256)] << 9 * byte for byte in range(rows)))
        while ctx.get(unit.blocked):
            await ctx.tick()
        ctx.set(unit.take, 1)
        await ctx.tick()
        ctx.set(unit.take, 0)

    async def bench(ctx):
        ctx.set(unit.instruction, encoded(Opcode.POOL, depthwise=1, n_ky=n_ky, step_x=1, clamp_high=127))
        ctx.set(unit.begin, 1)
        await ctx.tick()
        ctx.set(unit.begin, 0)
        for _ in range(3 * n_ky + 8):
            await take(ctx, block=1)
        if memory < 2:
            flip(ctx, made[memory], word, bit)
        for column in range(4):
            for row in range(n_ky):
                await take(ctx, block=0, first=row == 0, last=row == n_ky - 1, row_ends=column == 3)
        await ctx.tick().repeat(40)
        if memory >= 2:
            flip(ctx, made[memory], word, bit)
            assert found == {"word_wrong": 0, "queue_wrong": 0}
            ctx.set(unit.write.ready, 1)
        await ctx.tick().repeat(40)
        assert {name: count for name, count in found.items() if count} == flags

    run(unit, bench, background=[watch])
