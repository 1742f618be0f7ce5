from random import Random

import pytest

from tcugen.arch import Architecture
from tcugen.isa import WRITABLE_WINDOWS, Window
from tcugen.rtl.window import WindowCheck
from tests.rtl.streams import run


def settings(random: Random) -> list[dict]:
    return [
        {
            "base": random.choice([random.getrandbits(27), (1 << 28) - 1]) << 12,
            "size": random.choice([0, 8, 4096, 2**32 - 8]),
        }
        for _ in Window
    ]


async def verdict(ctx, check: WindowCheck, request: dict):
    """What comes out for one request, which must take LATENCY cycles."""
    ctx.set(check.i.payload, {"request": request, "tag": 0})
    ctx.set(check.i.valid, 1)
    assert ctx.get(check.empty) and ctx.get(check.i.ready)
    await ctx.tick()
    ctx.set(check.i.valid, 0)
    for _ in range(check.LATENCY - 1):
        assert not ctx.get(check.o.valid) and not ctx.get(check.empty)
        await ctx.tick()
    assert ctx.get(check.o.valid)
    checked = ctx.get(check.o.payload)
    ctx.set(check.o.ready, 1)
    await ctx.tick()
    ctx.set(check.o.ready, 0)
    return checked


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
            good = (
                window in allowed
                and 1 <= beats <= 32
                and offset % bus_bytes == 0
                and offset + beats * bus_bytes <= windows[window]["size"]
                and windows[window]["base"] + offset < 1 << 40
            )
            base = windows[window]["base"] if window in allowed else 0
            checked = await verdict(ctx, check, {"window": window, "offset": offset, "beats": beats})
            assert checked.violation == (not good), (windows, window, offset, beats)
            assert checked.address == (base + offset) % (1 << 40)
            assert checked.beats == beats
            verdicts.add(good)
        assert verdicts == {True, False}

    run(check, bench)


def test_low_bits_of_a_base_cannot_make_a_burst_cross_a_page():
    check = WindowCheck(Architecture(), tuple(Window))

    async def bench(ctx):
        ctx.set(check.windows, [{"base": 0x12FFF, "size": 8192}] * len(Window))
        checked = await verdict(ctx, check, {"window": Window.INPUT, "offset": 0x1F00, "beats": 32})
        assert (checked.violation, checked.address) == (0, 0x12000 + 0x1F00)

    run(check, bench)
