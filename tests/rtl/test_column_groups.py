import pytest
from amaranth.hdl import Module, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import COLUMN_SIZES, ROW_SIZES, Architecture
from tcugen.rtl.column_groups import column_step
from tcugen.rtl.multiple import multiple
from tests.rtl.streams import run


class Step(Component):
    byte: Signal
    plane_step: Signal
    step: Signal
    next_byte: Signal

    def __init__(self, rows: int, columns: int):
        self._architecture = Architecture(rows=rows, columns=columns, bus_bytes=4, output_lanes=1)
        super().__init__({"byte": In(5), "plane_step": In(20), "step": Out(28), "next_byte": Out(8)})

    def elaborate(self, platform):
        m = Module()
        step, byte = column_step(self._architecture, self.byte, self.plane_step)
        m.d.comb += [self.step.eq(step), self.next_byte.eq(byte)]
        return m


@pytest.mark.parametrize("rows", ROW_SIZES)
@pytest.mark.parametrize("columns", COLUMN_SIZES)
def test_column_groups_follow_each_other(rows, columns):
    dut = Step(rows, columns)

    async def bench(ctx):
        # All places in which a group begins, the first one at byte 0 of its word.
        for plane_step in (1, 777, (1 << 20) - 1):
            byte = 0
            for _ in range(rows):
                ctx.set(dut.byte, byte)
                ctx.set(dut.plane_step, plane_step)
                await ctx.delay(1e-7)
                planes, following = divmod(byte + columns, rows)
                assert ctx.get(dut.step) == planes * plane_step
                assert ctx.get(dut.next_byte) % rows == following
                byte = following

    run_combinational(dut, bench)


class Multiples(Component):
    value: Signal

    def __init__(self, factors: list[int]):
        self._factors = factors
        super().__init__({"value": In(10), **{f"times_{one}": Out(20) for one in factors}})

    def elaborate(self, platform):
        m = Module()
        for one in self._factors:
            product = multiple(self.value, one)
            assert len(Value.cast(product)) >= len(self.value * one)
            m.d.comb += getattr(self, f"times_{one}").eq(product)
        return m


def test_multiples():
    factors = [*range(1, 65), 96, 255, 256, 257]
    dut = Multiples(factors)

    async def bench(ctx):
        for value in (0, 1, 2, 3, 341, 682, 1022, 1023):
            ctx.set(dut.value, value)
            await ctx.delay(1e-7)
            assert [ctx.get(getattr(dut, f"times_{one}")) for one in factors] == [value * one for one in factors]

    run_combinational(dut, bench)


def run_combinational(dut: Step | Multiples, bench) -> None:
    """A block without registers has no clock: one beside it makes the time pass."""
    m = Module()
    m.submodules.dut = dut
    beside = Signal()
    m.d.sync += beside.eq(~beside)
    run(m, bench)
