# amaranth: UnusedElaboratable=no
"""Requantiser and fixed-point lanes together: 32-bit sums and float32 multipliers in, the add's operand out."""

import random
import re

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out
from amaranth.sim import Simulator

from tcugen.arch import FRACTION_BITS
from tcugen.rtl.fixed_point import FIXED_BITS, MAGNITUDE_BITS, FixedPointLanes
from tcugen.rtl.requantise import RequantiseLanes

LANES = 3
LOWEST, HIGHEST = 87 << 23, (135 << 23) - 1
SUM_MIN, SUM_MAX = -(1 << 31), (1 << 31) - 1


class Both(Component):
    """Operands in, both results out."""

    enable: Signal
    sums: data.View
    multipliers: data.View
    int8: data.View
    fixed: data.View

    def __init__(self):
        self.requantise = RequantiseLanes(LANES, products=True)
        self.fixed_point = FixedPointLanes(LANES)
        sums, multipliers = (self.requantise.signature.members[name].shape for name in ("sums", "multipliers"))
        super().__init__(
            {
                "enable": In(1),
                "sums": In(sums),
                "multipliers": In(multipliers),
                "int8": Out(self.requantise.signature.members["results"].shape),
                "fixed": Out(self.fixed_point.signature.members["results"].shape),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.requantise = requantise = self.requantise
        m.submodules.fixed_point = fixed_point = self.fixed_point
        m.d.comb += [
            *(unit.enable.eq(self.enable) for unit in (requantise, fixed_point)),
            requantise.sums.eq(self.sums),
            requantise.multipliers.eq(self.multipliers),
            requantise.clamp_low.eq(-128),
            requantise.clamp_high.eq(127),
            fixed_point.products.eq(requantise.products),
            self.int8.eq(requantise.results),
            self.fixed.eq(fixed_point.results),
        ]
        return m


def expected(total: int, multiplier: int) -> int:
    """The rule itself, in NumPy's single and double precision, saturated."""
    product = np.float32(total) * np.uint32(multiplier).view(np.float32)
    exact = np.rint(np.float64(product) * 2.0**FRACTION_BITS)
    return int(np.clip(exact, -(2.0**MAGNITUDE_BITS), 2.0**MAGNITUDE_BITS))


def pattern(value: float) -> int:
    return min(max(int(np.float32(value).view(np.uint32)), LOWEST), HIGHEST)


def corners() -> list[tuple[int, int]]:
    powers = [1 << bit for bit in range(31)]
    sums = [0, SUM_MIN, SUM_MAX, SUM_MIN + 1, SUM_MAX - 63, SUM_MAX - 64, SUM_MAX - 191]
    sums += [sign * (power + delta) for power in powers for delta in (-1, 0, 1) for sign in (-1, 1)]
    multipliers = [0, LOWEST, LOWEST + 1, HIGHEST, HIGHEST - 1, pattern(1), pattern(1.5), pattern(2**-17)]
    return [(total, multiplier) for total in sums for multiplier in multipliers]


def random_operands(rng: random.Random, kind: str) -> tuple[int, int]:
    total = rng.randrange(SUM_MIN, SUM_MAX + 1) >> rng.randrange(32)
    match kind:
        case "uniform":
            return total, rng.randrange(87, 135) << 23 | rng.getrandbits(23)
        case "near the end of the range":
            return total, pattern(abs(2.0 ** (MAGNITUDE_BITS - FRACTION_BITS) * rng.uniform(0.9, 1.1) / (total or 1)))
        case "every shift":
            bits = rng.randrange(-3, MAGNITUDE_BITS + 2)
            return total, pattern(2.0 ** (bits - FRACTION_BITS) * rng.uniform(0.5, 1) / abs(total or 1))
        case "ties":
            half = rng.randrange(20)
            return rng.randrange(-(1 << 22) + 1, 1 << 22, 2) << rng.randrange(9), pattern(2.0 ** -(17 + half))
        case _:
            raise ValueError(kind)


KINDS = ("uniform", "near the end of the range", "every shift", "ties")


def simulate(steps: list[list[tuple[int, int]]], rng: random.Random, enable_probability: float):
    """(fixed, int8) of every lane and step, with garbage on the inputs while held."""
    dut = Both()
    results: list[list[tuple[int, int]]] = []

    async def bench(ctx):
        for index in range(len(steps) + RequantiseLanes.LATENCY - 1):
            while rng.random() >= enable_probability:
                before = ctx.get(dut.fixed.as_value())
                ctx.set(dut.sums, [rng.randrange(SUM_MIN, SUM_MAX) for _ in range(LANES)])
                ctx.set(dut.enable, 0)
                await ctx.tick()
                assert ctx.get(dut.fixed.as_value()) == before
            totals, multipliers = zip(*steps[min(index, len(steps) - 1)], strict=True)
            ctx.set(dut.sums, list(totals))
            ctx.set(dut.multipliers, list(multipliers))
            ctx.set(dut.enable, 1)
            await ctx.tick()
            if index >= RequantiseLanes.LATENCY - 1:
                results.append([(ctx.get(dut.fixed[lane]), ctx.get(dut.int8[lane])) for lane in range(LANES)])

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return results


def check(operands: list[tuple[int, int]], rng: random.Random, enable_probability: float = 1) -> None:
    steps = [[operands[(i + lane) % len(operands)] for lane in range(LANES)] for i in range(0, len(operands), LANES)]
    results = simulate(steps, rng, enable_probability)
    assert len(results) == len(steps)
    for row, found in zip(steps, results, strict=True):
        for (total, multiplier), (fixed, int8) in zip(row, found, strict=True):
            assert fixed == expected(total, multiplier) == FixedPointLanes.model(total, multiplier), (total, multiplier)
            assert int8 == RequantiseLanes.model(total, multiplier, 0, -128, 127), (total, multiplier)


def test_corners_of_sums_and_multipliers():
    check(corners(), random.Random(0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("enable_probability", [1, 0.7])
def test_random_operands_are_the_product_rounded_once(kind, enable_probability):
    rng = random.Random(kind)
    check([random_operands(rng, kind) for _ in range(900)], rng, enable_probability)


def test_operands_reach_both_ends_every_shift_and_ties_both_ways():
    rng = random.Random(1)
    operands = [random_operands(rng, kind) for kind in KINDS for _ in range(900)]
    values = [np.float64(np.float32(t) * np.uint32(m).view(np.float32)) * 2.0**FRACTION_BITS for t, m in operands]
    assert {int(abs(value)).bit_length() for value in values} >= set(range(MAGNITUDE_BITS + 2))
    assert {np.sign(value) for value in values if abs(value) >= 2.0**MAGNITUDE_BITS} == {-1, 1}
    ties = {(value > 0, bool(np.rint(value) > value)) for value in values if value % 1 == 0.5}
    assert len(ties) == 4


def test_the_bits_hold_both_ends():
    assert FixedPointLanes.model(SUM_MAX, HIGHEST) == 1 << MAGNITUDE_BITS < 1 << FIXED_BITS - 1
    assert FixedPointLanes.model(SUM_MIN, HIGHEST) == -(1 << MAGNITUDE_BITS)


@pytest.mark.parametrize("lanes", [0, -1, 2.0, "4"])
def test_a_lane_count_that_is_no_positive_integer_is_refused(lanes):
    with pytest.raises(ValueError, match=re.escape(f"must be a positive integer, not {lanes!r}")):
        FixedPointLanes(lanes)
