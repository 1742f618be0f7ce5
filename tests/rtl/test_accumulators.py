from random import Random

import pytest

from tcugen.rtl.accumulators import Accumulators
from tests.rtl.instructions import small
from tests.rtl.streams import run

LEAST_DISTANCE = 4
"""Cycles between two words for the same pixel."""


class Bench:
    """Feeds tiles into alternating banks and drains each as soon as it is filled, while the next one sums up."""

    def __init__(self, columns: int, tiles: list[tuple[int, int]], idle: float, seed: int):
        """`tiles`: pixels and passes of each tile."""
        self.unit = Accumulators(small(4, columns))
        self.columns, self.tiles, self.idle = columns, tiles, idle
        self.random = Random(seed)
        self.drained, self.expected = 0, []
        self.filled_cycles, self.last_tag_cycles, self.cycle = [], [], 0

    def sum(self) -> int:
        return self.random.choice((-(1 << 17), (1 << 17) - 1, self.random.randrange(-(1 << 17), 1 << 17)))

    async def feeder(self, ctx):
        unit = self.unit
        sums = [0] * self.columns
        self.sums_before = sums
        for number, (pixels, passes) in enumerate(self.tiles):
            while number - self.drained >= 2:  # both banks are taken
                sums = await self.word(ctx, sums, {"valid": 0}, 0)
            totals = [[0] * self.columns for _ in range(pixels)]
            self.expected.append(totals)
            for turn in range(passes):
                for pixel in range(pixels):
                    while self.random.random() < self.idle:
                        sums = await self.word(ctx, sums, {"valid": 0, "first": self.random.getrandbits(1)}, pixel)
                    last = turn == passes - 1 and pixel == pixels - 1
                    if last:
                        self.last_tag_cycles.append(self.cycle)
                    tag = {"valid": 1, "bank": number % 2, "first": turn == 0, "last": last}
                    sums = await self.word(ctx, sums, tag, pixel)
                    for c in range(self.columns):
                        totals[pixel][c] += sums[c]
                for _ in range(LEAST_DISTANCE - pixels):
                    sums = await self.word(ctx, sums, {"valid": 0}, 0)
        for _ in range(6):
            sums = await self.word(ctx, sums, {"valid": 0}, 0)
        assert not ctx.get(unit.filled)

    async def word(self, ctx, sums: list[int], tag: dict[str, int], pixel: int) -> list[int]:
        """One cycle with this tag and the sums of the tag two before; returns the sums of this tag.

        `sums` are those of the tag before.
        """
        ctx.set(self.unit.sums, self.sums_before)
        self.sums_before = sums
        ctx.set(self.unit.tag, tag)
        ctx.set(self.unit.pixel, pixel)
        await ctx.tick()
        return [self.sum() for _ in range(self.columns)]

    async def watch(self, ctx):
        while True:
            if ctx.get(self.unit.filled):
                self.filled_cycles.append(self.cycle)
            await ctx.tick()
            self.cycle += 1

    async def drainer(self, ctx):
        unit = self.unit
        random = Random(7)
        for number, (pixels, _) in enumerate(self.tiles):
            while len(self.filled_cycles) <= number:
                await ctx.tick()
            for pixel in random.sample(range(pixels), pixels):
                ctx.set(unit.read_en, 1)
                ctx.set(unit.read_bank, number % 2)
                ctx.set(unit.read_pixel, pixel)
                await ctx.tick()
                ctx.set(unit.read_en, 0)
                ctx.set(unit.read_pixel, random.randrange(16))
                ctx.set(unit.read_bank, random.randrange(2))
                await ctx.tick()
                for _ in range(random.randrange(3)):  # the word stands until the next read
                    assert self.read(ctx) == self.expected[number][pixel]
                    await ctx.tick()
                assert self.read(ctx) == self.expected[number][pixel]
            self.drained += 1

    def read(self, ctx) -> list[int]:
        return [ctx.get(self.unit.read_data[c]) for c in range(self.columns)]


@pytest.mark.parametrize("idle", [0.0, 0.3])
@pytest.mark.parametrize("columns", [4, 8])
def test_tiles_sum_up_while_others_drain(columns, idle):
    tiles = [(16, 3), (1, 1), (1, 5), (2, 4), (3, 3), (4, 1), (16, 2), (7, 4)]
    bench = Bench(columns, tiles, idle, seed=columns)
    run(bench.unit, bench.feeder, bench.drainer, background=[bench.watch], cycles=3000)
    assert bench.drained == len(tiles)
    assert [a - b for a, b in zip(bench.filled_cycles, bench.last_tag_cycles, strict=True)] == [4] * len(tiles)
