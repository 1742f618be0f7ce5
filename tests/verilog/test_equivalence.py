# amaranth: UnusedElaboratable=no
"""Random logic through the whole conversion: Verilator computes from the text what Amaranth's simulator does."""

import subprocess
from random import Random

import pytest
from amaranth.hdl import Cat, ClockDomain, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib.wiring import Component, In, Out
from amaranth.sim import Simulator

from tcugen.simulator.environment import find_verilator
from tcugen.verilog.convert import convert

pytestmark = pytest.mark.slow

OUTPUTS, CYCLES = 10, 400
INPUT_SHAPES = (unsigned(1), signed(1), unsigned(3), signed(5), unsigned(8), signed(8), unsigned(13), signed(17))

HARNESS = """
#include <cstdio>
#include <cinttypes>
#include "Vtop.h"
int main() {
    Vtop top;
    uint64_t stimulus;
    unsigned reset;
    while (scanf("%" SCNu64 " %u", &stimulus, &reset) == 2) {
        top.stimulus = stimulus, top.reset = reset, top.clock = 0;
        top.eval();
        const uint64_t results[] = {RESULTS};
        for (uint64_t result : results) printf("%" PRIu64 " ", result);
        printf("\\n");
        top.clock = 1;
        top.eval();
    }
}
"""


class Logic(Component):
    """Registers and wires with random expressions of slices of `stimulus`; everything random comes from `seed`."""

    stimulus: Signal
    result: list[Signal]

    def __init__(self, seed: int):
        self.seed = seed
        super().__init__({"stimulus": In(64), "result": Out(64).array(OUTPUTS)})

    def elaborate(self, platform):
        m = Module()
        random = Random(self.seed)
        values = []
        offset = 0
        for shape in INPUT_SHAPES:
            value = self.stimulus[offset : offset + shape.width]
            values.append(value.as_signed() if shape.signed else value)
            offset += shape.width
        registers = [
            Signal(random.choice(INPUT_SHAPES), name=f"state_{n}", reset_less=bool(random.getrandbits(1)), init=0)
            for n in range(12)
        ]
        values += registers
        for n in range(30):
            value = expression(random, values, 3)
            wire = Signal(random.choice((value.shape(), random.choice(INPUT_SHAPES))), name=f"wire_{n}")
            m.d.comb += wire.eq(value)
            values.append(wire)
        for register in registers:
            statements(m, random, register, values, 3)
        for n, result in enumerate(self.result):
            wire = Signal(random.choice(INPUT_SHAPES), name=f"choice_{n}")
            statements(m, random, wire, values, 3, domain="comb")
            parts = [wire, *(expression(random, values, 2)[:20] for _ in range(3))]
            m.d.comb += result.eq(Cat(*parts))
        return m


class Top(Component):
    """Clock and reset around one Logic."""

    clock: Signal
    reset: Signal
    stimulus: Signal
    result: list[Signal]

    def __init__(self, seed: int):
        self.logic = Logic(seed)
        super().__init__({"clock": In(1), "reset": In(1), "stimulus": In(64), "result": Out(64).array(OUTPUTS)})

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = domain = ClockDomain("sync")
        m.submodules.logic = self.logic
        m.d.comb += domain.clk.eq(self.clock)  # pyright: ignore[reportAttributeAccessIssue]  # amaranth-stubs lacks it
        m.d.comb += domain.rst.eq(self.reset)  # pyright: ignore[reportAttributeAccessIssue]  # amaranth-stubs lacks it
        m.d.comb += self.logic.stimulus.eq(self.stimulus)
        m.d.comb += [mine.eq(theirs) for mine, theirs in zip(self.result, self.logic.result, strict=True)]
        return m


def expression(random: Random, values: list[Value], depth: int) -> Value:
    if depth == 0 or random.random() < 0.1:
        constant = Const(random.randrange(-4, 16))
        return constant if random.random() < 0.15 else random.choice(values)
    a, b = (expression(random, values, depth - 1)[:24] for _ in range(2))
    a, b = (operand.as_signed() if random.getrandbits(1) else operand for operand in (a, b))
    bit = a.any()
    return random.choice(
        (
            lambda: a + b,
            lambda: (a + b)[: max(1, len(a))],
            lambda: a - b,
            lambda: a[:9] * b[:9],
            lambda: a & b,
            lambda: a | b,
            lambda: a ^ b,
            lambda: ~a,
            lambda: -a,
            lambda: a == b,
            lambda: a != b,
            lambda: a < b,
            lambda: a >= b,
            lambda: a == random.randrange(4),
            lambda: bit & b.all(),
            lambda: ~bit | (b == 0),
            lambda: ~bit ^ a[0],
            lambda: Mux(bit, a, b),
            lambda: Cat(a, ~bit, b),
            lambda: a >> b.as_unsigned()[:3],
            lambda: (a << b.as_unsigned()[:3])[:24],
        )
    )()


def condition(random: Random, values: list[Value]) -> Value:
    """A bit that is not constant: of a choice by a constant Yosys writes what is no Verilog."""
    return expression(random, values, 2).any() ^ random.choice(values[: len(INPUT_SHAPES)])[0]


def statements(m: Module, random: Random, target: Signal, values: list[Value], depth: int, domain: str = "sync"):
    """Assignments to `target`, or a part of it, under random conditions."""
    if depth == 0 or random.random() < 0.2:
        place = target if random.random() < 0.8 else target[: max(1, len(target) // 2)]
        m.d[domain] += place.eq(expression(random, values, 2))
        return
    match random.randrange(3):
        case 0:
            with m.If(condition(random, values)):
                statements(m, random, target, values, depth - 1, domain)
            with m.Elif(condition(random, values)):
                statements(m, random, target, values, depth - 1, domain)
            if random.getrandbits(1):
                with m.Else():
                    statements(m, random, target, values, depth - 1, domain)
        case 1:
            with m.Switch(random.choice(values[: len(INPUT_SHAPES)])[:3]):
                for pattern in random.sample(range(2), 2):
                    with m.Case(pattern):
                        statements(m, random, target, values, depth - 1, domain)
                if random.getrandbits(1):
                    with m.Default():
                        statements(m, random, target, values, depth - 1, domain)
        case 2:
            for _ in range(2):
                statements(m, random, target, values, depth - 1, domain)


def simulated(seed: int, vectors: list[tuple[int, int]]) -> list[list[int]]:
    """Results before each clock edge, by Amaranth."""
    m = Module()
    m.domains.sync = domain = ClockDomain("sync")
    m.submodules.logic = logic = Logic(seed)
    rows = []

    async def bench(ctx):
        for stimulus, reset in vectors:
            ctx.set(logic.stimulus, stimulus)
            ctx.set(domain.rst, reset)  # pyright: ignore[reportAttributeAccessIssue]  # amaranth-stubs lacks it
            rows.append([ctx.get(result) for result in logic.result])
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_the_text_computes_what_amaranth_computes(tmp_path, seed):
    random = Random(seed)
    vectors = [(random.getrandbits(64), int(cycle < 2 or random.random() < 0.02)) for cycle in range(CYCLES)]
    (tmp_path / "top.v").write_text(convert(Top(seed), None, {}).replace("tcu_top", "top"))
    results = ", ".join(f"top.result_{n}" for n in range(OUTPUTS))
    (tmp_path / "main.cpp").write_text(HARNESS.replace("RESULTS", results))
    verilator = find_verilator()
    command = [str(verilator.command), "--cc", "--exe", "--build", "-Wno-fatal", "-Wno-lint", "--top-module", "top"]
    built = subprocess.run(
        [*command, "top.v", "main.cpp"], cwd=tmp_path, env=verilator.environment(), capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    stdin = "".join(f"{stimulus} {reset}\n" for stimulus, reset in vectors)
    output = subprocess.run([tmp_path / "obj_dir" / "Vtop"], input=stdin, capture_output=True, text=True, check=True)
    assert [[int(word) for word in line.split()] for line in output.stdout.splitlines()] == simulated(seed, vectors)
