"""Driving streams and running benches in Amaranth's simulator."""

from random import Random

from amaranth.sim import Simulator


def _waits(idle: float, random: Random | None) -> bool:
    if not idle:
        return False
    assert random is not None, "what is idle at random needs a generator"
    return random.random() < idle


async def put(ctx, stream, payloads, idle: float = 0.0, random: Random | None = None):
    """Offer every payload in order; before each, wait a cycle with probability `idle`, again and again."""
    for payload in payloads:
        while _waits(idle, random):
            await ctx.tick()
        ctx.set(stream.payload, payload)
        ctx.set(stream.valid, 1)
        ready = False
        while not ready:  # `until` cannot be abandoned by a bench that never ends
            *_, ready = await ctx.tick().sample(stream.ready)
        ctx.set(stream.valid, 0)


async def put_in_place(ctx, stream, payloads, idle: float = 0.0, random: Random | None = None):
    """Like `put` to one who reads the payload until it is ready again: only then it changes."""
    for payload in payloads:
        await put(ctx, stream, [payload], idle, random)
        ready = False
        while not ready:
            *_, ready = await ctx.tick().sample(stream.ready)


async def get(ctx, stream, count: int, idle: float = 0.0, random: Random | None = None):
    """Take `count` payloads and return them; withhold ready like `put` does valid."""
    taken = []
    for _ in range(count):
        while _waits(idle, random):
            await ctx.tick()
        ctx.set(stream.ready, 1)
        valid = False
        while not valid:
            *_, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
        ctx.set(stream.ready, 0)
        taken.append(payload)
    return taken


async def get_at_times(ctx, stream, count: int, idle: float, random: Random):
    """Take `count` payloads like `get`, but withdraw ready in any cycle, whether or not something was offered."""
    taken = []
    while len(taken) < count:
        ready = not _waits(idle, random)
        ctx.set(stream.ready, ready)
        *_, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
        if valid and ready:
            taken.append(payload)
    ctx.set(stream.ready, 0)
    return taken


def run(design, *benches, background=(), cycles: int = 20000):
    """Simulate until all `benches` are done; AssertionError if that takes more than `cycles`."""
    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    for bench in background:
        simulator.add_testbench(bench, background=True)
    for bench in benches:
        simulator.add_testbench(bench)

    async def limit(ctx):
        for _ in range(cycles):
            await ctx.tick()
        raise AssertionError(f"the benches are not done after {cycles} cycles")

    simulator.add_testbench(limit, background=True)
    simulator.run()
