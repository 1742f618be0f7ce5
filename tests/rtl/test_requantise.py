# amaranth: UnusedElaboratable=no
import random
import re

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.sim import Simulator

from tcugen.rtl.requantise import RequantiseLanes, round_shift

LANES = 4
LOWEST, HIGHEST = 87 << 23, (135 << 23) - 1
"""Bit patterns of the smallest and largest multiplier: 2**-40 and the last number below 2**8."""
SUM_MIN, SUM_MAX = -(1 << 31), (1 << 31) - 1

STICKY_BITS_BELOW_24 = (
    (8463219, 0x36FFB9BB),
    (13998395, 0x367BAFE6),
    (3564007, 0x37E321D7),
    (1716553, 0x387590F9),
    (912735, 0x3855AE9F),
    (498865, 0x383D2C51),
    (152061, 0x39F31355),
    (120667, 0x3A1D80D3),
    (64043, 0x3A6F7483),
    (25915, 0x3B69EBF3),
    (11141, 0x3B56B54D),
    (6895, 0x3C19440F),
    (3053, 0x3AC131E5),
    (1395, 0x3CF993BB),
    (797, 0x3D794135),
    (333, 0x3E52A485),
    (405, 0x3E32407A),
    (121, 0x3F58DC09),
    (291, 0x3D683F58),
    (29, 0x3E1EE585),
    (25, 0x40347AE2),
    (253, 0x3C91B520),
    (5, 0x40DCCCCE),
)
"""(sum, multiplier) number k: the 48-bit product of the significands rounds to 24 bits by a guard bit and bit k alone,
and only this rounding lifts the result off a tie that would go down to an even integer."""

STICKY_BITS_BELOW_23 = (
    (10245171, 0x373EC6FB),
    (5619983, 0x378D0DEF),
    (4960961, 0x370FBA82),
    (2773457, 0x383F4E62),
    (798619, 0x38999E93),
    (264841, 0x39EE8BB9),
    (289605, 0x3986DF1A),
    (74269, 0x3A2B3035),
    (132739, 0x3A26E0AC),
    (17681, 0x3B516BF1),
    (19555, 0x3B228A96),
    (27749, 0x3B8735B4),
    (2171, 0x3D4162B3),
    (2139, 0x3C9B1BA6),
    (2769, 0x3CB2FCC4),
    (275, 0x3EA87E9B),
    (155, 0x3F294A53),
    (65, 0x3FBE07E1),
    (53, 0x3F8873ED),
    (47, 0x3F8EFA8E),
    (135, 0x3DBDA130),
    (703, 0x3E23DE80),
)
"""The same with products below 2**47, which lose one bit less."""


def pattern(value):
    """Bit pattern of `value` as float32, moved into the range of multipliers."""
    return min(max(int(np.float32(value).view(np.uint32)), LOWEST), HIGHEST)


def corner_operands():
    powers = [1 << bit for bit in range(31)]
    sums = [0, SUM_MIN, SUM_MAX, SUM_MIN + 1, SUM_MAX - 63, SUM_MAX - 64, SUM_MAX - 191, SUM_MAX - 192]
    sums += [sign * (power + delta) for power in powers for delta in (-1, 0, 1, 3) for sign in (-1, 1)]
    multipliers = [LOWEST, LOWEST + 1, HIGHEST, HIGHEST - 1, pattern(1), pattern(0.5), pattern(1.5), pattern(2**-23)]
    return [(total, multiplier) for total in sums if SUM_MIN <= total <= SUM_MAX for multiplier in multipliers]


def near_a_result_tie(rng):
    """(24-bit V, exponent of its last bit): V * 2**exponent is half an odd integer, or off by one bit of V."""
    twice = rng.randrange(1, 600, 2)
    bits = 24 - twice.bit_length()
    return (twice << bits) + rng.choice((0, 0, -1, 1, 1 << rng.randrange(bits))), -bits - 1


def near_a_product_tie(rng, sum_bits):
    """(sum, product, exponent): the product of the sum with an integer times 2**exponent lies between two float32."""
    value, exponent = near_a_result_tie(rng)
    total = rng.randrange(1 << sum_bits - 1, 1 << sum_bits) | 1
    excess = sum_bits - (value >= total << 24 - sum_bits)
    return total, (2 * value + 1) << excess - 1, exponent - excess


def random_operands(rng: random.Random, kind: str) -> tuple[int, int]:
    total = rng.randrange(SUM_MIN, SUM_MAX + 1) >> rng.randrange(32)
    exponent = rng.randrange(87, 135) << 23
    match kind:
        case "uniform":
            return total, exponent | rng.getrandbits(23)
        case "result near the int8 range":
            return total, pattern(rng.randrange(-600, 601) / 2 / (total or 1))
        case "tie of the sum":
            excess = rng.randrange(1, 8)
            total = rng.getrandbits(23) << 1 + excess | 1 << 23 + excess | rng.choice((0, 1)) << excess
            return rng.choice((-1, 1)) * (total | 1 << excess - 1), pattern(rng.randrange(1, 300) / total)
        case "sum decides a tie of the result":
            value, exponent = near_a_result_tie(rng)
            excess = rng.randrange(2, 8)
            total = (value << excess) + (1 << excess - 1) + rng.choice((-1, 0, 0, 1))
            total = min(total, SUM_MAX)
            return rng.choice((-1, 1)) * total, pattern(2.0 ** (exponent - excess))
        case "product decides a tie of the result":
            total, half, exponent = near_a_product_tie(rng, rng.randrange(2, 25))
            return rng.choice((-1, 1)) * total, pattern((half // total + rng.choice((0, 1))) * 2.0**exponent)
        case "tie of the product":
            exponent = rng.randrange(115, 130) << 23
            return rng.choice((-1, 1)) * rng.randrange(3, 256, 2), exponent | rng.getrandbits(23) | 1
        case "carry of the product":
            significand = rng.randrange(1 << 23, 1 << 24)
            exponent = rng.randrange(100, 114) << 23
            return rng.choice((-1, 1)) * significand, exponent | (1 << 47) // significand & 0x7FFFFF
        case "tie of the result":
            half_bit = rng.randrange(0, 20)
            return rng.randrange(-601, 601, 2) << half_bit, pattern(2.0 ** -(half_bit + 1))
        case _:
            raise ValueError(f"{kind!r} is none of KINDS")


KINDS = (
    "uniform",
    "result near the int8 range",
    "tie of the sum",
    "tie of the product",
    "carry of the product",
    "tie of the result",
    "sum decides a tie of the result",
    "product decides a tie of the result",
)


def random_controls(rng: random.Random) -> tuple[int, int, int]:
    """zero_point, clamp_low, clamp_high."""
    zero_point = rng.choice((-128, 127, 0, rng.randrange(-128, 128)))
    low, high = sorted(rng.choices(range(-128, 128), k=2))
    low, high = rng.choice(((-128, 127), (zero_point, 127), (low, high), (low, low)))
    return zero_point, low, high


def numpy_result(total, multiplier, zero_point, low, high):
    scaled = np.float32(total) * np.uint32(multiplier).view(np.float32)
    assert scaled.dtype == np.float32
    return int(np.clip(np.rint(scaled).astype(np.float64) + zero_point, low, high))


def events(total, multiplier):
    """Names of the rounding corners that one product exercises."""
    magnitude, found = abs(total), set()
    excess = max(magnitude.bit_length() - 24, 0)
    significand = round_shift(magnitude, excess)
    product = significand * (1 << 23 | multiplier & 0x7FFFFF)
    product_excess = max(product.bit_length() - 24, 0)
    value = round_shift(product, product_excess)
    bits = 150 - (multiplier >> 23) - excess - product_excess
    roundings = (("sum", magnitude, excess), ("product", product, product_excess), ("result", value, bits))
    for name, exact, shift in roundings:
        if shift > 0 and exact & ((1 << shift) - 1) == 1 << shift - 1:
            found.add(f"{name} tie {'up' if exact >> shift & 1 else 'down'}")
    found |= {"sum carry"} if significand == 1 << 24 else set()
    found |= {"product carry"} if value == 1 << 24 else set()
    found |= {"both carry"} if {"sum carry", "product carry"} <= found else set()
    return found


def simulate(dut, steps, rng, enable_probability):
    """Results (lists of `lanes`) of `steps` = [(sums, multipliers, controls)]; garbage on the inputs while held."""
    results = []

    def drive(ctx, sums, multipliers, controls):
        ctx.set(dut.sums, sums)
        ctx.set(dut.multipliers, multipliers)
        for port, value in zip((dut.zero_point, dut.clamp_low, dut.clamp_high), controls, strict=True):
            ctx.set(port, value)

    async def bench(ctx):
        for index in range(len(steps) + dut.LATENCY - 1):
            while rng.random() >= enable_probability:
                before = ctx.get(dut.results.as_value())
                garbage = [rng.getrandbits(31) for _ in range(dut.lanes)]
                drive(ctx, garbage, garbage, (1, 2, 3))
                ctx.set(dut.enable, 0)
                await ctx.tick()
                assert ctx.get(dut.results.as_value()) == before
            drive(ctx, *steps[min(index, len(steps) - 1)])
            ctx.set(dut.enable, 1)
            await ctx.tick()
            if index >= dut.LATENCY - 1:
                results.append([ctx.get(dut.results[lane]) for lane in range(dut.lanes)])

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return results


def check(operands, rng, enable_probability):
    operands = operands + [(0, LOWEST)] * (-len(operands) % LANES)
    steps = []
    for start in range(0, len(operands), LANES):
        sums, multipliers = zip(*operands[start : start + LANES], strict=True)
        steps.append((sums, multipliers, random_controls(rng)))
    results = simulate(RequantiseLanes(LANES), steps, rng, enable_probability)
    assert len(results) == len(steps)
    for (sums, multipliers, controls), row in zip(steps, results, strict=True):
        for total, multiplier, result in zip(sums, multipliers, row, strict=True):
            expected = numpy_result(total, multiplier, *controls)
            assert result == expected, (total, hex(multiplier), controls)
            assert RequantiseLanes.model(total, multiplier, *controls) == expected, (total, hex(multiplier), controls)


@pytest.mark.parametrize("enable_probability", [1, 0.6])
def test_corners_equal_float32(enable_probability):
    check(corner_operands(), random.Random(1), enable_probability)


@pytest.mark.parametrize("guard,table", [(23, STICKY_BITS_BELOW_24), (22, STICKY_BITS_BELOW_23)])
def test_each_bit_below_the_guard_of_the_product_decides_alone(guard, table):
    assert len(table) == guard
    for bit, (total, multiplier) in enumerate(table):
        product = (total << 24 - total.bit_length()) * (1 << 23 | multiplier & 0x7FFFFF)
        assert product.bit_length() == guard + 25
        assert product & ((2 << guard) - 1) == 1 << guard | 1 << bit
        exact = total * float(np.uint32(multiplier).view(np.float32))
        assert round(exact) % 2 == 1 and 0 < exact % 1 - 0.5 < 2**-14
    check([(sign * total, multiplier) for total, multiplier in table for sign in (-1, 1)], random.Random(7), 0.8)
    flat = [((total,) * LANES, (multiplier,) * LANES, (-128, -128, 127)) for total, multiplier in table]
    expected = [[numpy_result(total, multiplier, -128, -128, 127)] * LANES for total, multiplier in table]
    assert simulate(RequantiseLanes(LANES), flat, random.Random(8), 1) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_random_operands_equal_float32(kind):
    rng = random.Random(kind)
    check([random_operands(rng, kind) for _ in range(2000)], rng, 0.8)


def test_operands_reach_every_rounding_corner():
    rng = random.Random(2)
    operands = corner_operands() + [random_operands(rng, kind) for kind in KINDS for _ in range(2000)]
    reached = set().union(*(events(*pair) for pair in operands))
    ties = {f"{name} tie {way}" for name in ("sum", "product", "result") for way in ("up", "down")}
    assert reached >= ties | {"sum carry", "product carry"}


def test_model_equals_float32_on_many_operands():
    rng = random.Random(3)
    for _ in range(3000):
        for kind in KINDS:
            arguments = (*random_operands(rng, kind), *random_controls(rng))
            assert RequantiseLanes.model(*arguments) == numpy_result(*arguments), arguments


def test_every_result_value_is_reached_and_saturation_ends_at_the_clamps():
    rng = random.Random(4)
    steps = [((value, -value, SUM_MIN, SUM_MAX), (pattern(1),) * LANES, (0, -128, 127)) for value in range(-130, 131)]
    for (sums, _, _), row in zip(steps, simulate(RequantiseLanes(LANES), steps, rng, 1), strict=True):
        assert row == [min(max(total, -128), 127) for total in sums]


@pytest.mark.parametrize("zero_point", [-128, 127])
def test_saturation_is_wide_enough_for_extreme_zero_points(zero_point):
    rng = random.Random(5)
    multipliers, controls = (pattern(1),) * LANES, (zero_point, -128, 127)
    steps = [((value, -value, 4 * value, -4 * value), multipliers, controls) for value in range(600)]
    for (sums, _, _), row in zip(steps, simulate(RequantiseLanes(LANES), steps, rng, 1), strict=True):
        assert row == [min(max(total + zero_point, -128), 127) for total in sums]


def test_an_unused_lane_fed_zeros_gives_the_clamped_zero_point():
    steps = [((0,) * LANES, (0,) * LANES, (-5, 3, 9)), ((SUM_MAX,) * LANES, (0,) * LANES, (4, -128, 127))]
    assert simulate(RequantiseLanes(LANES), steps, random.Random(6), 1) == [[3] * LANES, [4] * LANES]


def test_verilog_is_one_module_of_narrow_signals(monkeypatch):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")
    text = verilog.convert(RequantiseLanes(2), name="tcu_requantise", emit_src=False, strip_internal_attrs=True)
    assert re.findall(r"^module (\w+)", text, re.MULTILINE) == ["tcu_requantise"]
    assert "lane1_high_high" in text
    assert max(int(width) for width in re.findall(r"\[(\d+):0\]", text)) < 64


@pytest.mark.parametrize("lanes", [0, -1, 2.0, "4"])
def test_a_lane_count_that_is_no_positive_integer_is_refused(lanes):
    with pytest.raises(ValueError, match=re.escape(f"must be a positive integer, not {lanes!r}")):
        RequantiseLanes(lanes)
