import itertools
from random import Random

import pytest

from tcugen.rtl.loader import WeightLoader
from tests.rtl.instructions import small
from tests.rtl.streams import put, run

ACCUMULATION = 4
"""Cycles from reading a sum to where its successor can be read."""
SWAP_AFTER = 3
"""Cycles from taking a pass to the swap in the array."""


class Bench:
    """The loader with a shadow plane that remembers which tile each row was stored from, and when."""

    def __init__(self, rows: int, passes: int, tile_idle: float, pass_idle: float):
        self.loader = WeightLoader(small(rows, 4))
        self.rows, self.passes, self.tile_idle, self.pass_idle = rows, passes, tile_idle, pass_idle
        random = Random(rows)
        self.tiles = [{"place": random.randrange(8), "release": random.getrandbits(1)} for _ in range(passes)]
        self.stores, self.reads, self.releases = [], [], []  # (cycle, row), (cycle, place, unit), cycle
        self.taken_cycles, self.ready_cycles, self.cycle = [], [], 0

    async def tiles_in(self, ctx):
        await put(ctx, self.loader.i_tile, self.tiles, self.tile_idle, Random(1))

    async def passes_taken(self, ctx):
        random = Random(2)
        while len(self.taken_cycles) < self.passes:
            take = bool(ctx.get(self.loader.ready)) and random.random() >= self.pass_idle
            if take:
                self.taken_cycles.append(self.cycle)
            ctx.set(self.loader.pass_started, take)
            await ctx.tick()
        ctx.set(self.loader.pass_started, 0)
        for _ in range(2 * self.rows):
            await ctx.tick()

    async def watch(self, ctx):
        loader = self.loader
        async for _, _, read, item, unit, store, row, release in ctx.tick().sample(
            loader.read_en, loader.read_item, loader.read_unit, loader.weight_en, loader.weight_row, loader.release
        ):
            if read:
                self.reads.append((self.cycle, item, unit))
            if store:
                self.stores.append((self.cycle, row))
            if release:
                self.releases.append(self.cycle)
            self.cycle += 1


@pytest.mark.parametrize("rows", [4, 8])
@pytest.mark.parametrize("tile_idle, pass_idle", [(0.0, 0.0), (0.0, 0.9), (0.8, 0.0), (0.5, 0.8)])
def test_every_row_stands_when_its_wave_comes_by(rows, tile_idle, pass_idle):
    bench = Bench(rows, 25, tile_idle, pass_idle)
    run(bench.loader, bench.tiles_in, bench.passes_taken, background=[bench.watch])
    assert [row for _, row in bench.stores] == [row for _ in bench.tiles for row in range(rows)]
    assert [(cycle - 1, row) for cycle, row in bench.stores] == [(cycle, unit) for cycle, _, unit in bench.reads]
    assert [place for _, place, _ in bench.reads] == [tile["place"] for tile in bench.tiles for _ in range(rows)]
    lasts = [cycle for cycle, _, unit in bench.reads if unit == rows - 1]
    assert bench.releases == [cycle for cycle, tile in zip(lasts, bench.tiles, strict=True) if tile["release"]]
    apart = [after - before for before, after in itertools.pairwise(bench.taken_cycles)]
    assert min(apart) >= ACCUMULATION, "two passes of one pixel would add to the same old sum"
    for number, taken in enumerate(bench.taken_cycles):
        swap = taken + SWAP_AFTER
        for row in range(rows):
            stored = bench.stores[number * rows + row][0]
            assert stored <= swap + row - 1, f"tile {number} is late in row {row}"
            if number + 1 < len(bench.taken_cycles):
                assert bench.stores[(number + 1) * rows + row][0] >= swap + row, f"tile {number} is overwritten"


@pytest.mark.parametrize("rows", [4, 8])
def test_passes_of_as_many_pixels_as_rows_lose_no_cycle(rows):
    bench = Bench(rows, 10, 0.0, 0.0)

    async def passes_taken(ctx):
        while len(bench.taken_cycles) < bench.passes:
            taken = bench.taken_cycles
            take = bool(ctx.get(bench.loader.ready)) and (not taken or bench.cycle >= taken[-1] + rows)
            if take:
                taken.append(bench.cycle)
            ctx.set(bench.loader.pass_started, take)
            await ctx.tick()

    run(bench.loader, bench.tiles_in, passes_taken, background=[bench.watch])
    first = bench.taken_cycles[0]
    assert bench.taken_cycles == [first + rows * number for number in range(bench.passes)]
