from random import Random

import pytest
from amaranth.hdl import Module, Signal

from tcugen.rtl.delay import delayed
from tests.rtl.streams import run


@pytest.mark.parametrize("width", [1, 5])
@pytest.mark.parametrize("cycles", [1, 2, 7])
def test_the_value_of_some_cycles_ago(width, cycles):
    m = Module()
    value, output = Signal(width), Signal(width)
    m.d.comb += output.eq(delayed(m, value, cycles, "line"))
    random = Random(width)
    values = [random.getrandbits(width) for _ in range(50)]

    async def bench(ctx):
        for cycle, present in enumerate(values):
            ctx.set(value, present)
            assert ctx.get(output) == (values[cycle - cycles] if cycle >= cycles else 0)
            await ctx.tick()

    run(m, bench)


def test_the_line_stands_still_while_it_is_not_enabled():
    m = Module()
    value, output, enable = Signal(8), Signal(8), Signal()
    m.d.comb += output.eq(delayed(m, value, 3, "line", enable))
    random = Random(3)

    async def bench(ctx):
        inside = [0, 0, 0]
        for _ in range(100):
            present, on = random.getrandbits(8), random.getrandbits(1)
            ctx.set(value, present)
            ctx.set(enable, on)
            assert ctx.get(output) == inside[-1]
            await ctx.tick()
            if on:
                inside = [present, *inside[:-1]]

    run(m, bench)
