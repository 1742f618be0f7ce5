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
