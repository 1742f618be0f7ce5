# amaranth: UnusedElaboratable=no
"""Residual lanes whose first operand is a fixed-point sum: the exact total rounded once, over its extremes."""

import random
from fractions import Fraction

import pytest
from amaranth.sim import Simulator

from tcugen.arch import FRACTION_BITS
from tcugen.rtl.fixed_point import MAGNITUDE_BITS, FixedPointLanes
from tcugen.rtl.residual import ResidualLanes

LANES = 3
LARGEST = 1 << MAGNITUDE_BITS
MOST = (1 << 24) - 1
"""Largest multiplier of the other operand: its ratio is below 2**8."""

HIGHEST = (135 << 23) - 1
"""Bit pattern of the largest M, next to 2**8."""

Step = tuple[list[int], list[int], list[int], tuple[int, ...], int]
"""a, b, sums of each lane; zero point of b, its multiplier, zero point, low, high; whether the sums are added."""


def random_step(rng: random.Random, unrounded: int) -> Step:
    factor = rng.choice((1, MOST, rng.randrange(1, MOST), 1 << FRACTION_BITS))
    zero_point_b, zero_point = (rng.choice((-128, 127, 0, rng.randrange(-128, 128))) for _ in range(2))
    limits = sorted(rng.choices(range(-128, 128), k=2)) if rng.getrandbits(1) else (-128, 127)
    a, b = ([rng.choice((-128, 127, rng.randrange(-128, 128))) for _ in range(LANES)] for _ in range(2))
    sums = []
    for value in b:
        near = rng.randrange(-300, 300) * (1 << FRACTION_BITS - 1) - (value - zero_point_b) * factor
        sums.append(rng.choice((near, near + rng.choice((-1, 1)), LARGEST, -LARGEST, rng.randrange(-LARGEST, LARGEST))))
    sums = [min(max(value, -LARGEST), LARGEST) for value in sums]
    return a, b, sums, (zero_point_b, factor, zero_point, *limits), unrounded


def exact(value: int, b: int, controls: tuple[int, ...]) -> int:
    """The rule in fractions; `value` may be any sum, saturated or not."""
    zero_point_b, factor, zero_point, low, high = controls
    total = round(Fraction(value + (b - zero_point_b) * factor, 1 << FRACTION_BITS))  # ties to even
    return min(max(total + zero_point, low), high)


def simulate(steps: list[Step], rng: random.Random) -> list[list[int]]:
    dut = ResidualLanes(LANES, with_sums=True)
    results: list[list[int]] = []

    async def bench(ctx):
        for index in range(len(steps) + dut.latency - 1):
            while rng.random() < 0.2:
                ctx.set(dut.enable, 0)
                ctx.set(dut.sums, [rng.randrange(-LARGEST, LARGEST) for _ in range(LANES)])
                await ctx.tick()
            a, b, sums, controls, unrounded = steps[min(index, len(steps) - 1)]
            ctx.set(dut.enable, 1)
            ctx.set(dut.a, a)
            ctx.set(dut.b, b)
            ctx.set(dut.sums, sums)
            names = ("zero_point_b", "multiplier_b", "zero_point", "clamp_low", "clamp_high")
            for name, value in zip(names, controls, strict=True):
                ctx.set(getattr(dut, name), value)
            ctx.set(dut.unrounded, unrounded)
            ctx.set(dut.bypass, not unrounded)
            ctx.set(dut.shift, FRACTION_BITS)
            await ctx.tick()
            if index >= dut.latency - 1:
                results.append([ctx.get(dut.results[lane]) for lane in range(LANES)])

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return results


def test_every_total_is_rounded_once_and_int8_passes_between():
    rng = random.Random(1)
    steps = [random_step(rng, int(rng.random() < 0.8)) for _ in range(1500)]
    for (a, b, sums, controls, unrounded), row in zip(steps, simulate(steps, rng), strict=True):
        expected = [exact(s, y, controls) for s, y in zip(sums, b, strict=True)] if unrounded else a
        assert row == expected, (a, b, sums, controls, unrounded)
        zero_point_b, factor, *limits = controls
        if unrounded:
            model = [
                ResidualLanes.model(0, y, 0, factor, FRACTION_BITS, 0, zero_point_b, *limits, unrounded_sum=s)
                for s, y in zip(sums, b, strict=True)
            ]
            assert model == expected


def test_steps_reach_ties_both_ends_and_every_kind():
    rng = random.Random(1)
    steps = [random_step(rng, int(rng.random() < 0.8)) for _ in range(1500)]
    assert {unrounded for *_, unrounded in steps} == {0, 1}
    quotients = [
        Fraction(s + (y - controls[0]) * controls[1], 1 << FRACTION_BITS)
        for _, b, sums, controls, _ in steps
        for s, y in zip(sums, b, strict=True)
    ]
    ties = [q for q in quotients if q.denominator == 2 and abs(q) < 256]
    assert {(q > 0, round(q) > q) for q in ties} == {(False, False), (False, True), (True, False), (True, True)}
    assert {LARGEST, -LARGEST} <= {s for _, _, sums, _, _ in steps for s in sums}


@pytest.mark.parametrize("total", [-(1 << 31), (1 << 31) - 1, -(1 << 24) - 1, 1 << 16, 0])
@pytest.mark.parametrize("multiplier", [HIGHEST, HIGHEST - 1, 128 << 23, 127 << 23, 87 << 23])
@pytest.mark.parametrize("factor", [1, 1 << FRACTION_BITS, MOST])
def test_the_saturated_sum_gives_the_result_of_the_exact_one(total, multiplier, factor):
    """Over the extremes of all others: sums of 2**31, M next to 2**8, ratios of 2**-16 and next to 2**8."""
    saturated = FixedPointLanes.model(total, multiplier)
    significand, exponent = 1 << 23 | multiplier & 0x7FFFFF, (multiplier >> 23) - 150
    single = round(total / (1 << 7)) * (1 << 7) if abs(total) > 1 << 30 else total  # float32 of these sums
    single = -(1 << 24) if total == -(1 << 24) - 1 else single
    product = Fraction(single) * significand * Fraction(2) ** exponent
    wide = round(product * (1 << FRACTION_BITS))
    if abs(wide) <= LARGEST and product.denominator == 1:
        assert saturated == wide
    for b in (-128, 0, 127):
        for zero_point_b in (-128, 127):
            for zero_point in (-128, 0, 127):
                controls = (zero_point_b, factor, zero_point, -128, 127)
                assert exact(saturated, b, controls) == exact(wide, b, controls)
