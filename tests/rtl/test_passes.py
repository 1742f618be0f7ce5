from random import Random

import pytest

from tcugen.isa import Opcode
from tcugen.rtl.passes import PassWalker
from tests.rtl.instructions import ADDRESSES, encoded, small
from tests.rtl.streams import get, put, put_in_place, run

COPIED = ("layer", "n_x", "y_step", "x_step", "stride_y", "row_bytes", "height", "pad")
COUNTED = ("n_columns", "n_groups", "n_ky", "n_kx")


def random_fields(random: Random) -> dict[str, int]:
    """Small loops, addresses anywhere."""
    fields = {name: random.randrange(1, 4) for name in COUNTED}
    fields |= {name: random.randrange(ADDRESSES) for name in ("base", "column_step", "group_step", "ky_step", "y_step")}
    fields |= {name: random.randrange(1 << 10) for name in ("kx_step", "x_step")}
    fields |= {"n_y": random.randrange(1, 8), "block_rows": random.randrange(1, 5), "n_x": random.randrange(1, 6)}
    fields |= {"offset0": random.randrange(-64, 64), "iy0": random.randrange(-4, 5), "stride_y": random.randrange(1, 4)}
    fields |= {"row_bytes": random.randrange(1, 999), "height": random.randrange(1, 99)}
    fields |= {"pad": random.randrange(-128, 128)}
    fields |= {name: random.getrandbits(1) for name in ("accumulate", "finish", "keep")}
    return fields | {"layer": random.randrange(4096)}


def passes_of(f: dict[str, int], tile: int) -> tuple[list[dict[str, int]], list[tuple[int, int]], int]:
    """Passes, (position, release) of their tiles, and the position at which the next instruction starts."""
    passes, tiles, start = [], [], tile
    for column in range(f["n_columns"]):
        panel = tile
        for y0 in range(0, f["n_y"], f["block_rows"]):
            tile, last_block = panel, y0 + f["block_rows"] >= f["n_y"]
            for group in range(f["n_groups"]):
                for ky in range(f["n_ky"]):
                    for kx in range(f["n_kx"]):
                        row = f["base"] + column * f["column_step"] + y0 * f["y_step"]
                        row += group * f["group_step"] + ky * f["ky_step"]
                        starts = group == ky == kx == 0
                        ends = (group, ky, kx) == (f["n_groups"] - 1, f["n_ky"] - 1, f["n_kx"] - 1)
                        passes.append(
                            {name: f[name] for name in COPIED}
                            | {
                                "row": row % ADDRESSES,
                                "iy": f["iy0"] + y0 * f["stride_y"] + ky,
                                "offset": f["offset0"] + kx * f["kx_step"],
                                "rows": min(f["block_rows"], f["n_y"] - y0),
                                "first": int(starts and not f["accumulate"]),
                                "opens": int(starts and not f["accumulate"]),
                                "closes": int(ends and f["finish"]),
                                "ends": int(ends),
                            }
                        )
                        tiles.append((tile, int(last_block and not f["keep"])))
                        tile += 1
    return passes, tiles, start if f["keep"] else tile


@pytest.mark.parametrize("idle", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(3))
def test_passes_and_tiles_of_random_instructions(seed, idle):
    random = Random(seed)
    architecture = small(4, 4, weight_tiles=64)
    walker = PassWalker(architecture)
    instructions = [random_fields(random) for _ in range(8)]
    passes, tiles, position = [], [], 0
    for fields in instructions:
        its_passes, its_tiles, position = passes_of(fields, position)
        passes += its_passes
        tiles += its_tiles
    seen = {"pass": [], "tile": [], "written": 0}

    async def driver(ctx):
        await put_in_place(
            ctx, walker.instruction, [encoded(Opcode.COMPUTE, **f) for f in instructions], idle, Random(1)
        )
        while len(seen["tile"]) < len(tiles):
            await ctx.tick()
        await ctx.tick()
        assert not ctx.get(walker.busy)

    async def ring(ctx):
        """Tiles arrive one by one, never more than the ring could hold ahead of the walker."""
        arrivals = Random(2)
        while True:
            due = tiles[min(len(seen["tile"]), len(tiles) - 1)][0]
            if seen["written"] < due + 30 and arrivals.random() < 0.8:
                seen["written"] += 1
            ctx.set(walker.tiles_written, seen["written"] % 128)
            await ctx.tick()

    async def pass_consumer(ctx):
        for _ in passes:
            (one,) = await get(ctx, walker.o_pass, 1, idle, Random(len(seen["pass"])))
            seen["pass"].append({name: getattr(one, name) for name in passes[0]})

    async def tile_consumer(ctx):
        for position, _ in tiles:
            (one,) = await get(ctx, walker.o_tile, 1, idle, Random(1000 + len(seen["tile"])))
            assert position < seen["written"], "its tile is in the ring"
            seen["tile"].append((one.place, one.release))

    run(walker, driver, pass_consumer, tile_consumer, background=[ring])
    assert seen["pass"] == passes
    assert seen["tile"] == [(position % 64, release) for position, release in tiles]


def test_one_pass_in_two_cycles_and_four_cycles_per_instruction():
    walker = PassWalker(small(4, 4))
    loops = {"n_columns": 1, "n_y": 4, "block_rows": 2, "n_x": 4, "n_groups": 3, "n_ky": 1, "n_kx": 1}
    cycles = []

    async def driver(ctx):
        ctx.set(walker.tiles_written, 8)
        ctx.set(walker.o_pass.ready, 1)
        ctx.set(walker.o_tile.ready, 1)
        await put(ctx, walker.instruction, [encoded(Opcode.COMPUTE, keep=1, **loops)] * 2)  # the same, so it stays
        while len(cycles) < 12:
            await ctx.tick()

    async def watch(ctx):
        cycle = 0
        async for _, _, valid, tile_valid, waiting in ctx.tick().sample(
            walker.o_pass.valid, walker.o_tile.valid, walker.waiting_for_weights
        ):
            assert valid == tile_valid and not waiting
            if valid:
                cycles.append(cycle)
            cycle += 1

    run(walker, driver, background=[watch])
    first = cycles[0]
    assert cycles == [first + 2 * n for n in range(6)] + [first + 2 * 5 + 4 + 2 * n for n in range(6)]


def test_the_next_block_waits_for_its_products():
    """Blocks of one pass: the first one ends no earlier than the bits of 255 have been worked off."""
    walker = PassWalker(small(4, 4))
    loops = {"n_columns": 1, "n_y": 600, "block_rows": 255, "n_x": 1, "n_groups": 1, "n_ky": 1, "n_kx": 1}
    rows, cycles = [], []

    async def driver(ctx):
        ctx.set(walker.tiles_written, 1)
        ctx.set(walker.o_pass.ready, 1)
        ctx.set(walker.o_tile.ready, 1)
        await put_in_place(ctx, walker.instruction, [encoded(Opcode.COMPUTE, y_step=1000, **loops)])
        while len(rows) < 3:
            await ctx.tick()

    async def watch(ctx):
        cycle = taken = 0
        async for _, _, ready, valid, one in ctx.tick().sample(
            walker.instruction.ready & walker.instruction.valid, walker.o_pass.valid, walker.o_pass.payload
        ):
            taken = cycle if ready else taken
            if valid:
                rows.append(one.row)
                cycles.append(cycle - taken)
            cycle += 1

    run(walker, driver, background=[watch])
    assert rows == [0, 255 * 1000, 510 * 1000]
    assert cycles == [10, 12, 14]


def test_a_pass_waits_for_its_tile():
    walker = PassWalker(small(4, 4))
    loops = {"n_columns": 1, "n_y": 1, "block_rows": 1, "n_x": 1, "n_groups": 2, "n_ky": 1, "n_kx": 1}

    async def driver(ctx):
        ctx.set(walker.o_pass.ready, 1)
        ctx.set(walker.o_tile.ready, 1)
        await put(ctx, walker.instruction, [encoded(Opcode.COMPUTE, **loops)])
        await ctx.tick().repeat(2)
        for written in range(2):
            ctx.set(walker.tiles_written, written)
            for _ in range(4):
                assert ctx.get(walker.waiting_for_weights) and not ctx.get(walker.o_pass.valid)
                await ctx.tick()
            ctx.set(walker.tiles_written, written + 1)
            await ctx.tick()
            assert not ctx.get(walker.waiting_for_weights) and ctx.get(walker.o_pass.valid)
            await ctx.tick()
            assert not ctx.get(walker.waiting_for_weights) and not ctx.get(walker.o_pass.valid)
            await ctx.tick()
        assert not ctx.get(walker.busy)

    run(walker, driver)
