"""The verdict on the windows against the rule in Python's integers, which do not wrap."""

import random

import pytest

from tcugen.arch import Architecture
from tcugen.isa import Window
from tcugen.registers import WindowFlaw
from tcugen.rtl.window_rules import CHECK_CYCLES, WindowRules
from tests.rtl.streams import run


def flaws(windows: dict[Window, tuple[int, int]], address_bits: int) -> set[WindowFlaw]:
    """What is wrong with windows of (base, size)."""
    found = set()
    if windows[Window.PROGRAM][1] == 0:
        found.add(WindowFlaw.EMPTY)
    for window, (base, size) in windows.items():
        if base + size > 2**address_bits:
            found.add(WindowFlaw.WRAPS)
        for other, (start, length) in windows.items():
            shared = min(base + size, start + length) - max(base, start)
            if other != window and shared > 0 and {window, other} & {Window.OUTPUT, Window.SCRATCH}:
                found.add(WindowFlaw.OVERLAP)
    return found


def lawful(address_bits: int) -> dict[Window, tuple[int, int]]:
    """Windows side by side at the end of the address space; the last ends with its last byte."""
    return {window: (2**address_bits - (index + 1) * 8192, 8192) for index, window in enumerate(reversed(Window))}


def settings(generator: random.Random, address_bits: int) -> dict[Window, tuple[int, int]]:
    """Lawful windows, one or two of which are moved to where they just touch, overlap, wrap or do not."""
    windows = lawful(address_bits)
    for window in generator.sample(list(Window), generator.randint(0, 2)):
        base, size = windows[window]
        other, length = windows[generator.choice(list(Window))]
        base = generator.choice([base, other, other + 4096, other + length, other - 4096, 0, 2**address_bits - 4096])
        size = generator.choice([size, 0, 1, 4096, 4097, 8193, 2**32 - 1])
        windows[window] = (base % 2**address_bits, size)
    return windows


@pytest.mark.parametrize("address_bits", [32, 40, 64])
def test_the_verdict_is_that_of_integers(address_bits):
    rules = WindowRules(Architecture(bus_address_bits=address_bits))
    generator = random.Random(address_bits)

    async def bench(ctx):
        seen = set()
        for _ in range(300):
            windows = settings(generator, address_bits)
            ctx.set(rules.changed, 1)
            await ctx.tick()
            ctx.set(rules.changed, 0)
            ctx.set(rules.windows, [{"base": windows[window][0], "size": windows[window][1]} for window in Window])
            for _ in range(CHECK_CYCLES - 1):
                assert not ctx.get(rules.settled)
                await ctx.tick()
            assert ctx.get(rules.settled)
            wanted = flaws(windows, address_bits)
            found = ctx.get(rules.flaws)
            assert {flaw for flaw in WindowFlaw if found >> flaw & 1} == wanted, windows
            seen |= {frozenset(wanted)}
        assert {frozenset()} | {frozenset({flaw}) for flaw in WindowFlaw} <= seen

    run(rules, bench)


def test_it_looks_again_whenever_a_setting_changes():
    rules = WindowRules(Architecture())

    async def bench(ctx):
        windows = lawful(40)
        ctx.set(rules.windows, [{"base": windows[window][0], "size": windows[window][1]} for window in Window])
        await ctx.tick().repeat(CHECK_CYCLES)
        assert ctx.get(rules.settled) and ctx.get(rules.flaws) == 0
        for delay in range(1, CHECK_CYCLES):
            for _ in range(2):
                ctx.set(rules.changed, 1)
                await ctx.tick()
                ctx.set(rules.changed, 0)
                assert not ctx.get(rules.settled)
                await ctx.tick().repeat(delay)
            await ctx.tick().repeat(CHECK_CYCLES)
            assert ctx.get(rules.settled) and ctx.get(rules.flaws) == 0

    run(rules, bench)
