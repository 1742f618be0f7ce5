from collections.abc import Iterable, Sequence
from random import Random

import pytest

from tcugen.arch import Architecture
from tcugen.isa import WRITABLE_WINDOWS, Window
from tcugen.registers import ErrorCode
from tcugen.rtl.writer import Writer
from tests.rtl.axi_memory import WriteMemory
from tests.rtl.streams import put, run
from tests.typed import present

ARCHITECTURE = Architecture()
WINDOW_BYTES = 0x2000
WINDOWS = [{"base": 0x4000 * window, "size": WINDOW_BYTES} for window in Window]
MEMORY_BYTES = 0x4000 * len(Window)


def bursts_and_words(random: Random, count: int) -> tuple[list[dict], list[int]]:
    bursts = []
    for _ in range(count):
        offset = 8 * random.randrange(WINDOW_BYTES // 8)
        beats = random.randint(1, 32 - offset // 8 % 32)
        bursts.append({"window": random.choice(WRITABLE_WINDOWS), "offset": offset, "beats": beats})
    return bursts, [random.getrandbits(64) for _ in range(sum(burst["beats"] for burst in bursts))]


def address_of(burst: dict) -> int:
    return WINDOWS[burst["window"]]["base"] + burst["offset"]


def write(contents: bytearray, bursts: list[dict], words: Iterable[int]):
    following = iter(words)
    for burst in bursts:
        for beat in range(burst["beats"]):
            start = address_of(burst) + 8 * beat
            contents[start : start + 8] = next(following).to_bytes(8, "little")


class Watch:
    """Records a writer's outputs."""

    def __init__(self, writer: Writer):
        self.writer, self.errors = writer, []
        self.done = self.beats = self.most_outstanding = 0

    async def run(self, ctx):
        writer = self.writer
        ctx.set(writer.windows, WINDOWS)
        while True:
            *_, done, beat, outstanding, error, code, address = await ctx.tick().sample(
                writer.done, writer.beat, writer.outstanding,
                writer.error_valid, writer.error_code, writer.error_address,
            )  # fmt: skip
            self.done += done
            self.beats += beat
            self.most_outstanding = max(self.most_outstanding, outstanding)
            if error:
                self.errors.append((code, address))


def feeds(writer: Writer, bursts: list[dict], words: Sequence[int], idle: float = 0.0):
    async def requests(ctx):
        await ctx.tick()
        await put(ctx, writer.request, bursts, idle, Random(11))

    async def beats(ctx):
        await ctx.tick()
        await put(ctx, writer.data, words, idle, Random(12))

    return requests, beats


@pytest.mark.parametrize("bus_idle, client_idle", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.6), (0.3, 0.3)])
@pytest.mark.parametrize("latency", [1, 50])
def test_memory_holds_what_was_written(bus_idle, client_idle, latency):
    writer = Writer(ARCHITECTURE)
    contents, expected = bytearray(MEMORY_BYTES), bytearray(MEMORY_BYTES)
    memory = WriteMemory(writer.bus, contents, 8, latency=latency, idle=bus_idle)
    watch = Watch(writer)
    bursts, words = bursts_and_words(Random(21), 40)
    write(expected, bursts, words)

    async def end(ctx):
        while watch.done < len(bursts):
            await ctx.tick()
        assert contents == expected
        assert memory.bursts == [(address_of(burst), burst["beats"]) for burst in bursts]
        assert set(memory.strobes) == {0xFF} and watch.beats == len(words) == len(memory.strobes)
        assert watch.errors == [] and ctx.get(writer.idle) and ctx.get(writer.outstanding) == 0

    run(writer, *feeds(writer, bursts, words, client_idle), end, background=(memory.run, watch.run), cycles=8000)


def test_no_address_before_the_last_beat_is_inside():
    writer = Writer(ARCHITECTURE)
    memory = WriteMemory(writer.bus, bytearray(MEMORY_BYTES), 8)
    watch = Watch(writer)
    burst = {"window": Window.OUTPUT, "offset": 0, "beats": 32}
    requests, _ = feeds(writer, [burst], [])

    async def bench(ctx):
        await ctx.tick()
        await put(ctx, writer.data, range(31))
        await ctx.tick().repeat(20)
        assert memory.bursts == [] and not ctx.get(writer.bus.wvalid) and not ctx.get(writer.idle)
        await put(ctx, writer.data, [31])
        await ctx.tick().repeat(40)
        assert memory.bursts == [(address_of(burst), 32)] and len(memory.strobes) == 32

    run(writer, requests, bench, background=(memory.run, watch.run), cycles=200)


def test_full_rate():
    writer = Writer(ARCHITECTURE)
    memory = WriteMemory(writer.bus, bytearray(MEMORY_BYTES), 8, latency=50)
    watch = Watch(writer)
    bursts = [{"window": Window.SCRATCH, "offset": 256 * n, "beats": 32} for n in range(32)]
    beats = 32 * 32

    async def end(ctx):
        while watch.done < 32:
            await ctx.tick()
        assert present(memory.last_cycle) - present(memory.first_cycle) + 1 == beats, "there are gaps between the beats"

    background = (memory.run, watch.run, *feeds(writer, bursts, range(beats)))
    run(writer, end, background=background, cycles=2000)


def test_16_bursts_without_response():
    writer = Writer(ARCHITECTURE)
    memory = WriteMemory(writer.bus, bytearray(MEMORY_BYTES), 8)
    memory.answering = False
    watch = Watch(writer)
    bursts = [{"window": Window.SCRATCH, "offset": 8 * n, "beats": 1} for n in range(20)]

    async def bench(ctx):
        await ctx.tick().repeat(60)
        assert ctx.get(writer.outstanding) == len(memory.bursts) == len(memory.strobes) == 16
        memory.answering = True
        await ctx.tick().repeat(100)
        assert watch.done == 20 and watch.most_outstanding == 16

    run(writer, bench, background=(memory.run, watch.run, *feeds(writer, bursts, range(20))), cycles=300)


VIOLATIONS = [
    {"window": Window.OUTPUT, "offset": WINDOW_BYTES - 8, "beats": 2},
    {"window": Window.INPUT, "offset": 0, "beats": 1},
    {"window": Window.PROGRAM, "offset": 0, "beats": 1},
    {"window": 7, "offset": 0, "beats": 1},
    {"window": Window.OUTPUT, "offset": 0, "beats": 0},
]


@pytest.mark.parametrize("bad", VIOLATIONS)
def test_violation_issues_nothing_and_stops(bad):
    writer = Writer(ARCHITECTURE)
    contents, expected = bytearray(MEMORY_BYTES), bytearray(MEMORY_BYTES)
    memory = WriteMemory(writer.bus, contents, 8)
    watch = Watch(writer)
    good = [{"window": Window.SCRATCH, "offset": WINDOW_BYTES - 256, "beats": 32}]
    words = list(range(1, 100))
    write(expected, good, words)
    memory.data_accepting = False

    async def bench(ctx):
        await ctx.tick().repeat(60)
        memory.data_accepting = True
        await ctx.tick().repeat(120)
        writable = bad["window"] in WRITABLE_WINDOWS
        assert watch.errors == [
            (ErrorCode.WINDOW, (address_of(bad) if writable else 0) + bad["offset"] * (not writable))
        ]
        assert memory.bursts == [(address_of(good[0]), 32)]
        # The first beat was on offer before the error; the others must not reach the memory.
        assert memory.strobes == [0xFF] + [0] * 31 and contents[: -256 - 0x2000 + 8] == expected[: -256 - 0x2000 + 8]
        assert ctx.get(writer.idle) and watch.done == 0

    async def requests(ctx):
        await ctx.tick()
        await put(ctx, writer.request, good)
        while not ctx.get(writer.bus.wvalid):
            await ctx.tick()
        await put(ctx, writer.request, [bad, *good])

    _, beats = feeds(writer, [], words)
    run(writer, bench, background=(memory.run, watch.run, requests, beats), cycles=300)


def test_error_response_stops_and_strobes_fall():
    writer = Writer(ARCHITECTURE)
    bursts = [{"window": Window.OUTPUT, "offset": 256 * n, "beats": 16} for n in range(30)]
    memory = WriteMemory(writer.bus, bytearray(MEMORY_BYTES), 8, latency=5, idle=0.1)
    memory.errors = [address_of(bursts[2]), address_of(bursts[3])]
    watch = Watch(writer)

    async def bench(ctx):
        while not watch.errors:
            await ctx.tick()
        issued = watch.done + 1 + ctx.get(writer.outstanding)
        await ctx.tick().repeat(150)
        assert watch.errors == [(ErrorCode.WRITE_RESPONSE, memory.errors[0])] and watch.done == 2
        assert len(memory.bursts) == issued == memory.answers and len(memory.strobes) == 16 * issued
        assert issued > 3 and memory.strobes[-8:] == [0] * 8
        assert ctx.get(writer.idle)

    background = (memory.run, watch.run, *feeds(writer, bursts, range(480)))
    run(writer, bench, background=background, cycles=600)


@pytest.mark.parametrize("addresses, data", [(True, True), (True, False), (False, True), (False, False)])
def test_halt_completes_issued_bursts_without_writing(addresses, data):
    writer = Writer(ARCHITECTURE)
    contents = bytearray(MEMORY_BYTES)
    memory = WriteMemory(writer.bus, contents, 8, latency=5)
    memory.addresses_accepting, memory.data_accepting = addresses, data
    watch = Watch(writer)
    bursts = [{"window": Window.OUTPUT, "offset": 256 * n, "beats": 20} for n in range(8)]

    async def bench(ctx):
        while not ctx.get(writer.bus.awvalid):
            await ctx.tick()
        await ctx.tick().repeat(10)
        ctx.set(writer.halt, 1)
        issued, before = ctx.get(writer.outstanding), len(memory.strobes)
        await ctx.tick().repeat(10)
        assert not ctx.get(writer.idle)
        memory.addresses_accepting = memory.data_accepting = True
        await ctx.tick().repeat(100)
        assert len(memory.bursts) == issued >= 1 and memory.answers == issued
        assert len(memory.strobes) == 20 * issued
        assert set(memory.strobes[before + 1 :]) == {0}
        assert watch.errors == [] and watch.done == 0 and ctx.get(writer.idle)

    background = (memory.run, watch.run, *feeds(writer, bursts, range(1, 161)))
    run(writer, bench, background=background, cycles=400)
