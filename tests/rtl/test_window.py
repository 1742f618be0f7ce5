from random import Random

import pytest
from amaranth.sim import Simulator

from tcugen.arch import Architecture
from tcugen.isa import WRITABLE_WINDOWS, Window
from tcugen.rtl.window import WindowCheck


def settings(random: Random) -> list[dict]:
    return [{"base": random.getrandbits(27) << 12, "size": random.choice([0, 8, 4096, 2**32 - 8])} for _ in Window]


@pytest.mark.parametrize("bus_bytes", [4, 8, 64])
@pytest.mark.parametrize("allowed", [tuple(Window), WRITABLE_WINDOWS])
def test_verdict_and_address(bus_bytes, allowed):
    check = WindowCheck(Architecture(bus_bytes=bus_bytes), allowed)
    random = Random(5)

    async def bench(ctx):
        verdicts = set()
        for _ in range(400):
            windows = settings(random)
            window = random.randrange(8)
            size = windows[window]["size"] if window < len(windows) else 64
            beats = random.choice([1, 2, 31, 32, random.randrange(64)])
            offset = random.choice(
                [0, size - beats * bus_bytes, size - beats * bus_bytes + bus_bytes, 2**32 - bus_bytes, size + 1]
            )
            offset %= 1 << 32
            ctx.set(check.windows, windows)
            ctx.set(check.request, {"window": window, "offset": offset, "beats": beats})
            good = (
                window in allowed
                and 1 <= beats <= 32
                and offset % bus_bytes == 0
                and offset + beats * bus_bytes <= windows[window]["size"]
            )
            base = windows[window]["base"] if window in allowed else 0
            assert ctx.get(check.violation) == (not good), (windows, window, offset, beats)
            assert ctx.get(check.address) == (base + offset) % (1 << 40)
            verdicts.add(good)
        assert verdicts == {True, False}

    simulator = Simulator(check)
    simulator.add_testbench(bench)
    simulator.run()


def test_low_bits_of_a_base_cannot_make_a_burst_cross_a_page():
    check = WindowCheck(Architecture(), tuple(Window))

    async def bench(ctx):
        ctx.set(check.windows, [{"base": 0x12FFF, "size": 8192}] * len(Window))
        ctx.set(check.request, {"window": Window.INPUT, "offset": 0x1F00, "beats": 32})
        assert not ctx.get(check.violation)
        assert ctx.get(check.address) == 0x12000 + 0x1F00

    simulator = Simulator(check)
    simulator.add_testbench(bench)
    simulator.run()
