# amaranth: UnusedElaboratable=no
import random
import re

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.sim import Simulator

from tcugen.rtl.residual import ResidualLanes

LANES = 4
CONTROLS = (
    "multiplier_a",
    "multiplier_b",
    "shift",
    "zero_point_a",
    "zero_point_b",
    "zero_point",
    "clamp_low",
    "clamp_high",
    "bypass",
)
MULTIPLIER_MAX = (1 << 24) - 1


def random_controls(rng, kind, bypass=0):
    zero_point_a, zero_point_b, zero_point = (rng.choice((-128, 127, 0, rng.randrange(-128, 128))) for _ in range(3))
    low, high = sorted(rng.choices(range(-128, 128), k=2))
    clamp = rng.choice(((-128, 127), (zero_point, 127), (low, high)))
    match kind:
        case "as compiled":
            shift = rng.randrange(16, 40)
            larger, smaller = rng.randrange(1 << 23, 1 << 24), rng.randrange(1, 1 << 24)
            multipliers = (larger, smaller) if rng.getrandbits(1) else (smaller, larger)
        case "any":
            shift = rng.randrange(64)
            multipliers = (rng.getrandbits(24) >> rng.randrange(24), rng.getrandbits(24) >> rng.randrange(24))
        case "ties":
            shift = rng.randrange(1, 24)
            fraction_bits = rng.choice((1, 1, 2, 3))
            step = 1 << max(shift - fraction_bits, 0)
            multipliers = tuple(rng.choice((0, 1, 3)) * step & MULTIPLIER_MAX for _ in range(2))
        case "ends":
            shift = rng.choice((0, 1, 16, 23, 24, 31, 32, 33, 34, 35, 39, 62, 63))
            multipliers = (rng.choice((0, 1, MULTIPLIER_MAX)), rng.choice((0, 1, MULTIPLIER_MAX)))
    return (*multipliers, shift, zero_point_a, zero_point_b, zero_point, *clamp, bypass)


KINDS = ("as compiled", "any", "ties", "ends")


def random_operand(rng):
    return rng.choice((-128, 127, rng.randrange(-128, 128), rng.randrange(-128, 128)))


def random_steps(rng, kind, count, bypass_probability=0.0):
    steps = []
    for _ in range(count):
        a, b = ([random_operand(rng) for _ in range(LANES)] for _ in range(2))
        steps.append((a, b, random_controls(rng, kind, int(rng.random() < bypass_probability))))
    return steps


def quotient(a, b, controls):
    """Exact unrounded quotient: a sum below 2**34 scaled by a power of two loses nothing in float64."""
    multiplier_a, multiplier_b, shift, zero_point_a, zero_point_b = controls[:5]
    return np.float64((a - zero_point_a) * multiplier_a + (b - zero_point_b) * multiplier_b) * 2.0**-shift


def numpy_result(a, b, controls):
    zero_point, low, high, bypass = controls[5:]
    return a if bypass else int(np.clip(np.rint(quotient(a, b, controls)) + zero_point, low, high))


def simulate(dut, steps, rng, enable_probability):
    """Results (lists of `lanes`) of `steps` = [(a, b, controls)], with garbage on the inputs while held."""
    results = []

    def drive(ctx, a, b, controls):
        ctx.set(dut.a, a)
        ctx.set(dut.b, b)
        for name, value in zip(CONTROLS, controls, strict=True):
            ctx.set(getattr(dut, name), value)

    async def bench(ctx):
        for index in range(len(steps) + dut.LATENCY - 1):
            while rng.random() >= enable_probability:
                before = ctx.get(dut.results.as_value())
                drive(ctx, *random_steps(rng, "any", 1, 0.5)[0])
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


def check(steps, rng, enable_probability):
    results = simulate(ResidualLanes(LANES), steps, rng, enable_probability)
    assert len(results) == len(steps)
    for (a_row, b_row, controls), row in zip(steps, results, strict=True):
        for a, b, result in zip(a_row, b_row, row, strict=True):
            expected = numpy_result(a, b, controls)
            assert result == expected, (a, b, controls)
            assert ResidualLanes.model(a, b, *controls) == expected, (a, b, controls)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("enable_probability", [1, 0.7])
def test_random_operands_equal_the_exact_sum_rounded_once(kind, enable_probability):
    rng = random.Random(kind)
    check(random_steps(rng, kind, 700), rng, enable_probability)


def test_bypass_returns_a_at_the_same_latency_between_adds():
    rng = random.Random(1)
    steps = random_steps(rng, "any", 700, bypass_probability=0.5)
    assert {controls[-1] for _, _, controls in steps} == {0, 1}
    check(steps, rng, 0.7)


def test_bypass_passes_every_value_whatever_the_controls():
    rng = random.Random(2)
    values = [list(range(start, start + LANES)) for start in range(-128, 128, LANES)]
    steps = [(a, [random_operand(rng) for _ in a], random_controls(rng, "ends", bypass=1)) for a in values]
    assert simulate(ResidualLanes(LANES), steps, rng, 1) == values


def test_steps_reach_ties_both_ways_and_both_signs():
    rng = random.Random(3)
    reached = set()
    for a_row, b_row, controls in random_steps(rng, "ties", 700):
        for a, b in zip(a_row, b_row, strict=True):
            value = quotient(a, b, controls)
            if value % 1 == 0.5 and abs(value) < 128:
                reached.add((value > 0, np.rint(value) > value))
    assert len(reached) == 4


@pytest.mark.parametrize("shift", range(64))
def test_model_equals_numpy_for_every_shift(shift):
    rng = random.Random(shift)
    for kind in KINDS:
        for _ in range(100):
            controls = random_controls(rng, kind)
            controls = (*controls[:2], shift, *controls[3:])
            a, b = random_operand(rng), random_operand(rng)
            assert ResidualLanes.model(a, b, *controls) == numpy_result(a, b, controls), (a, b, controls)


def test_verilog_is_one_module_of_narrow_signals(monkeypatch):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")
    text = verilog.convert(ResidualLanes(2), name="tcu_residual", emit_src=False, strip_internal_attrs=True)
    assert re.findall(r"^module (\w+)", text, re.MULTILINE) == ["tcu_residual"]
    assert "lane1_high_b" in text
    assert max(int(width) for width in re.findall(r"\[(\d+):0\]", text)) < 64


@pytest.mark.parametrize("lanes", [0, -1, 2.0, "4"])
def test_a_lane_count_that_is_no_positive_integer_is_refused(lanes):
    with pytest.raises(ValueError, match=re.escape(f"must be a positive integer, not {lanes!r}")):
        ResidualLanes(lanes)
