# amaranth: UnusedElaboratable=no
import random

import pytest
from amaranth.sim import Simulator

from tcugen.rtl.multiply import MultiplyLanes

LANES = 3
ENDS = (-255, -1, 0, 1, 255)


def operands(rng: random.Random) -> list[tuple[int, int, int, int]]:
    """(sum, b, zero point, bypass) of each step: all ends of each, then random ones."""
    found = [(total, b, z, 0) for total in ENDS for b in (-128, 0, 127) for z in (-128, 5, 127)]
    found += [(rng.randint(-255, 255), rng.randint(-128, 127), rng.randint(-128, 127), 0) for _ in range(150)]
    found += [(rng.randint(-(2**31), 2**31 - 1), rng.randint(-128, 127), 7, 1) for _ in range(50)]
    return found


@pytest.mark.parametrize("enable_probability", [1, 0.6])
def test_every_lane_is_the_model(enable_probability):
    rng = random.Random(1)
    rows = [[operand] * LANES for operand in operands(rng)]
    rows = [[(rng.randint(-255, 255) if lane else t, b, z, y) for lane, (t, b, z, y) in enumerate(r)] for r in rows]
    dut, results = MultiplyLanes(LANES), []

    async def bench(ctx):
        for bypass in (0, 1):
            steps = [row for row in rows if row[0][3] == bypass]
            ctx.set(dut.bypass, bypass)
            for index in range(len(steps) + dut.LATENCY - 1):
                while rng.random() >= enable_probability:
                    ctx.set(dut.enable, 0)
                    for lane in range(LANES):
                        ctx.set(dut.sums[lane], rng.randint(-255, 255))
                    await ctx.tick()
                ctx.set(dut.enable, 1)
                for lane, (total, b, zero_point, _) in enumerate(steps[min(index, len(steps) - 1)]):
                    ctx.set(dut.sums[lane], total)
                    ctx.set(dut.b[lane], b)
                    ctx.set(dut.zero_point, zero_point)
                await ctx.tick()
                if index >= dut.LATENCY - 1:
                    results.append([ctx.get(dut.results[lane]) for lane in range(LANES)])

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert results == [[MultiplyLanes.model(*operand) for operand in row] for row in rows]


def test_the_model_is_the_product():
    assert MultiplyLanes.model(-255, 127, -128) == -255 * 255
    assert MultiplyLanes.model(2**31 - 1, 5, 9, bypass=1) == 2**31 - 1


@pytest.mark.parametrize("lanes", [0, -1, 2.0])
def test_lanes_must_be_positive(lanes):
    with pytest.raises(ValueError, match="multiply lanes must be a positive integer, not"):
        MultiplyLanes(lanes)
