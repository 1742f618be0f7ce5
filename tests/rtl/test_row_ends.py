from random import Random

import pytest

from tcugen.arch import Architecture
from tcugen.rtl.row_ends import RowEnds
from tests.rtl.streams import get, put, run


def transfer(random: Random, bus_bytes: int) -> tuple[dict[str, int], list[dict[str, int]], list[int]]:
    """Step and pixels of the rows, beats in, beats out."""
    step = bus_bytes * random.randint(1, 5)
    pixels = random.choice([1, step, step - 1 or 1, random.randint(1, step), max(1, step - bus_bytes)])
    n_rows = random.randint(1, 4)
    data = random.randbytes(step * n_rows)
    kept = b"".join(data[at : at + pixels].ljust(step, b"\0") for at in range(0, len(data), step))
    ends = range(0, len(data), bus_bytes)
    beats, wanted = ([int.from_bytes(all[at : at + bus_bytes], "little") for at in ends] for all in (data, kept))
    offered = [{"data": beat, "last": int(k == len(beats) - 1)} for k, beat in enumerate(beats)]
    return {"row_step": step, "row_bytes": pixels}, offered, wanted


@pytest.mark.parametrize("bus_bytes", [4, 8, 64])
@pytest.mark.parametrize("i_idle, o_idle", [(0.0, 0.0), (0.5, 0.0), (0.4, 0.4)])
def test_what_is_no_pixel_becomes_zero(bus_bytes, i_idle, o_idle):
    dut = RowEnds(Architecture(rows=4, columns=16, bus_bytes=bus_bytes, output_lanes=1))
    random = Random(bus_bytes)
    transfers = [transfer(random, bus_bytes) for _ in range(60)]
    beats = [beat for _, offered, _ in transfers for beat in offered]
    wanted = [beat for _, _, kept in transfers for beat in kept]

    async def rows(ctx):
        await put(ctx, dut.rows, [rows for rows, _, _ in transfers], i_idle, Random(1))

    async def producer(ctx):
        await put(ctx, dut.i, beats, i_idle, Random(2))

    async def consumer(ctx):
        assert await get(ctx, dut.o, len(wanted), o_idle, Random(3)) == wanted
        await ctx.tick()
        assert not ctx.get(dut.o.valid)

    # A beat in every cycle, one cycle before each transfer, one after the last.
    limit = len(beats) + len(transfers) + 2 if not (i_idle or o_idle) else 20 * len(beats)
    run(dut, rows, producer, consumer, cycles=limit)


def test_nothing_passes_before_its_rows_are_known():
    dut = RowEnds(Architecture(rows=4, columns=4, bus_bytes=8, output_lanes=1))

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.o.ready, 1)
        for _ in range(3):
            assert not ctx.get(dut.i.ready) and not ctx.get(dut.o.valid)
            assert ctx.get(dut.rows.ready)
            await ctx.tick()

    run(dut, bench)
