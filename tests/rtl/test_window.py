from random import Random

import pytest

from tcugen.arch import Architecture
from tcugen.isa import WRITABLE_WINDOWS, Window
from tcugen.rtl.window import PLACES, WindowCheck
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


@pytest.mark.parametrize("rate", [1.0, 0.4])
def test_as_many_requests_as_there_are_places_one_per_cycle_and_in_order(rate):
    check = WindowCheck(Architecture(), tuple(Window))
    random = Random(7)
    offsets = [8 * n for n in range(40)]

    async def bench(ctx):
        ctx.set(check.windows, [{"base": 0, "size": 4096}] * len(Window))
        ctx.set(check.i.valid, 1)
        sent = cycles = 0
        got = []
        while len(got) < len(offsets):
            window = Window.INPUT
            ctx.set(check.i.valid, sent < len(offsets))
            ctx.set(check.i.payload, {"request": {"window": window, "offset": offsets[min(sent, 39)], "beats": 1}})
            ctx.set(check.o.ready, random.random() < rate)
            _, _, ready, valid, taken, checked = await ctx.tick().sample(
                check.i.ready, check.o.valid, check.o.ready, check.o.payload
            )
            assert sent - len(got) <= PLACES
            sent += ready and sent < len(offsets)
            if valid and taken:
                got.append(checked.address)
            cycles += 1
        assert got == offsets
        assert rate < 1 or cycles == len(offsets) + check.LATENCY
        assert ctx.get(check.empty)

    run(check, bench)


def test_what_is_not_taken_holds_back_no_more_than_there_are_places():
    check = WindowCheck(Architecture(), tuple(Window))

    async def bench(ctx):
        ctx.set(check.i.valid, 1)
        taken = 0
        for _ in range(20):
            _, _, ready = await ctx.tick().sample(check.i.ready)
            taken += ready
        assert taken == PLACES and ctx.get(check.o.valid) and not ctx.get(check.empty)

    run(check, bench)
