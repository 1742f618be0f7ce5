# amaranth: UnusedElaboratable=no
from random import Random

import pytest

from tcugen.arch import Architecture
from tcugen.isa import Window
from tcugen.registers import ErrorCode
from tcugen.rtl.reader import Reader
from tests.rtl.axi_memory import ReadMemory
from tests.rtl.streams import put, run

ARCHITECTURE = Architecture()
WINDOW_BYTES = 0x2000
WINDOWS = [{"base": 0x4000 * window, "size": WINDOW_BYTES} for window in Window]
CONTENTS = Random(7).randbytes(0x4000 * len(Window))


def request(random: Random) -> dict:
    offset = 8 * random.randrange(WINDOW_BYTES // 8)
    room = 32 - offset // 8 % 32
    return {"window": random.choice(list(Window)), "offset": offset, "beats": random.randint(1, room)}


def address_of(burst: dict) -> int:
    return WINDOWS[burst["window"]]["base"] + burst["offset"]


def words_of(burst: dict) -> list[int]:
    start = address_of(burst)
    return [int.from_bytes(CONTENTS[at : at + 8], "little") for at in range(start, start + 8 * burst["beats"], 8)]


class Watch:
    """Records a reader's outputs cycle by cycle."""

    def __init__(self, reader: Reader):
        self.reader, self.beats, self.errors = reader, [], []
        self.pulses = self.most_outstanding = 0

    async def run(self, ctx):
        reader = self.reader
        ctx.set(reader.windows, WINDOWS)
        while True:
            *_, valid, word, beat, outstanding, error, code, address = await ctx.tick().sample(
                reader.beat_valid, reader.beat_data, reader.beat, reader.outstanding,
                reader.error_valid, reader.error_code, reader.error_address,
            )  # fmt: skip
            assert valid & (valid - 1) == 0
            if valid:
                self.beats.append((valid.bit_length() - 1, word))
            self.pulses += beat
            self.most_outstanding = max(self.most_outstanding, outstanding)
            if error:
                self.errors.append((code, address))

    def of(self, client: int) -> list[int]:
        return [word for owner, word in self.beats if owner == client]


async def settle(ctx, reader: Reader):
    await ctx.tick().until(reader.idle)
    await ctx.tick().repeat(3)


@pytest.mark.parametrize("bus_idle, client_idle", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.9), (0.3, 0.5)])
@pytest.mark.parametrize("latency", [1, 30])
def test_every_client_gets_its_beats_in_order(bus_idle, client_idle, latency):
    reader = Reader(ARCHITECTURE, 3)
    memory = ReadMemory(reader.bus, CONTENTS, 8, latency=latency, idle=bus_idle)
    watch = Watch(reader)
    requests = [[request(Random(100 * client + n)) for n in range(25)] for client in range(3)]

    def client_bench(client):
        async def bench(ctx):
            await put(ctx, reader.request[client], requests[client], client_idle, Random(client))

        return bench

    async def end(ctx):
        total = sum(burst["beats"] for bursts in requests for burst in bursts)
        while len(watch.beats) < total:
            await ctx.tick()
        await settle(ctx, reader)
        for client in range(3):
            assert watch.of(client) == [word for burst in requests[client] for word in words_of(burst)]
        assert watch.pulses == memory.beats == total and watch.errors == []
        assert ctx.get(reader.outstanding) == 0

    run(reader, *map(client_bench, range(3)), end, background=(memory.run, watch.run), cycles=8000)


def test_lowest_client_goes_first_and_16_bursts_are_in_flight():
    reader = Reader(ARCHITECTURE, 2)
    memory = ReadMemory(reader.bus, CONTENTS, 8, in_flight=99)
    memory.answering = False
    watch = Watch(reader)
    bursts = [{"window": client, "offset": 0, "beats": 1} for client in range(2)]

    async def bench(ctx):
        await ctx.tick()
        for client in range(2):
            ctx.set(reader.request[client].payload, bursts[client])
            ctx.set(reader.request[client].valid, 1)
        await ctx.tick().repeat(10)
        ctx.set(reader.request[0].valid, 0)
        await ctx.tick().repeat(40)
        assert memory.bursts == [(address_of(bursts[0]), 1)] * 10 + [(address_of(bursts[1]), 1)] * 6
        assert ctx.get(reader.outstanding) == 16 and not ctx.get(reader.idle)
        memory.answering = True
        await ctx.tick().repeat(200)
        assert watch.of(0) == 10 * words_of(bursts[0])
        assert len(memory.bursts) > 30 and watch.most_outstanding == 16

    run(reader, bench, background=(memory.run, watch.run), cycles=400)


VIOLATIONS = [
    {"window": Window.INPUT, "offset": WINDOW_BYTES - 8, "beats": 2},
    {"window": Window.INPUT, "offset": WINDOW_BYTES, "beats": 1},
    {"window": Window.SCRATCH, "offset": 0xFFFFFFF8, "beats": 1},
    {"window": 5, "offset": 64, "beats": 1},
    {"window": Window.INPUT, "offset": 0, "beats": 0},
    {"window": Window.INPUT, "offset": 0, "beats": 33},
    {"window": Window.INPUT, "offset": 4, "beats": 1},
]


@pytest.mark.parametrize("bad", VIOLATIONS)
def test_violation_issues_nothing_and_stops(bad):
    reader = Reader(ARCHITECTURE, 2)
    memory = ReadMemory(reader.bus, CONTENTS, 8, latency=20)
    watch = Watch(reader)
    good = {"window": Window.INPUT, "offset": WINDOW_BYTES - 16, "beats": 2}

    async def feed(ctx):
        await ctx.tick()
        await put(ctx, reader.request[1], [good, good, bad, bad, good])

    async def bench(ctx):
        await ctx.tick().repeat(100)
        base = WINDOWS[bad["window"]]["base"] if bad["window"] < len(WINDOWS) else 0
        assert watch.errors == [(ErrorCode.WINDOW, base + bad["offset"])]
        assert memory.bursts == [(address_of(good), 2)] * 2
        assert ctx.get(reader.idle) and ctx.get(reader.outstanding) == 0

    run(reader, bench, background=(memory.run, watch.run, feed), cycles=300)


def test_error_response_stops_and_discards():
    reader = Reader(ARCHITECTURE, 1)
    bursts = [{"window": Window.WEIGHTS, "offset": 256 * n, "beats": 4} for n in range(30)]
    memory = ReadMemory(reader.bus, CONTENTS, 8, latency=20, idle=0.2, errors=[address_of(bursts[n]) for n in (3, 5)])
    watch = Watch(reader)

    async def feed(ctx):
        await ctx.tick()
        await put(ctx, reader.request[0], bursts)

    async def bench(ctx):
        while not watch.errors:
            await ctx.tick()
        issued = 3 + ctx.get(reader.outstanding)  # three were good, the fourth is still coming
        await settle(ctx, reader)
        await ctx.tick().repeat(50)
        assert watch.errors == [(ErrorCode.READ_RESPONSE, memory.errors[0])]
        assert len(watch.beats) == 12 and len(memory.bursts) == issued
        assert watch.pulses == memory.beats == 4 * issued

    run(reader, bench, background=(memory.run, watch.run, feed), cycles=1000)


@pytest.mark.parametrize("client", range(3))
@pytest.mark.parametrize(
    "last, beats",
    [(0, 8), (6, 8), (0, 1), (6, 7), (-1, 8), (8, 9), (15, 16)],
    ids=["first", "one_early", "cut_to_1", "cut_by_1", "never", "one_more", "eight_more"],
)
def test_rlast_at_a_wrong_beat_stops_the_reader(client, last, beats):
    """Bursts of 8 beats, the third one answered wrongly; nothing of a beat that is wrong reaches a client."""
    reader = Reader(ARCHITECTURE, 3)
    bursts = [{"window": Window.WEIGHTS, "offset": 256 * n, "beats": 8} for n in range(6)]
    memory = ReadMemory(reader.bus, CONTENTS, 8, latency=30)
    memory.lasts = {2: (last, beats)}
    watch = Watch(reader)

    async def feed(ctx):
        await ctx.tick()
        await put(ctx, reader.request[client], bursts)

    async def bench(ctx):
        while not watch.errors:
            await ctx.tick()
        await ctx.tick().repeat(150)
        assert watch.errors == [(ErrorCode.READ_LAST, address_of(bursts[2]))]
        wrong = min(last, 7) if last >= 0 else 7
        words = [word for burst in bursts[:3] for word in words_of(burst)]
        assert watch.of(client) == words[: 16 + wrong]
        assert not memory.pending and memory.beats == watch.pulses
        assert bool(ctx.get(reader.idle)) == (beats >= 8)  # what was cut off is waited for, and the watchdog with it

    run(reader, bench, background=(memory.run, watch.run, feed), cycles=600)


def test_a_beat_without_a_burst_is_an_error():
    reader = Reader(ARCHITECTURE, 1)
    watch = Watch(reader)

    async def bench(ctx):
        await ctx.tick().repeat(3)
        ctx.set(reader.bus.rvalid, 1)
        ctx.set(reader.bus.rlast, 1)
        await ctx.tick()
        ctx.set(reader.bus.rvalid, 0)
        await ctx.tick().repeat(3)
        assert watch.errors == [(ErrorCode.READ_LAST, 0)] and watch.beats == []
        assert ctx.get(reader.outstanding) == 0

    run(reader, bench, background=(watch.run,), cycles=50)


@pytest.mark.parametrize("accepting", [True, False])
def test_halt_keeps_an_offered_address_and_discards_beats(accepting):
    reader = Reader(ARCHITECTURE, 1)
    memory = ReadMemory(reader.bus, CONTENTS, 8, latency=10)
    memory.accepting = accepting
    watch = Watch(reader)
    burst = {"window": Window.INPUT, "offset": 0, "beats": 8}

    async def bench(ctx):
        await ctx.tick()
        await ctx.tick()
        ctx.set(reader.request[0].payload, burst)
        ctx.set(reader.request[0].valid, 1)
        await ctx.tick().until(reader.bus.arvalid)
        ctx.set(reader.halt, 1)
        issued = ctx.get(reader.outstanding)
        await ctx.tick().repeat(20)
        assert ctx.get(reader.idle) == 0
        assert ctx.get(reader.bus.arvalid) == (not accepting)
        memory.accepting = True
        await settle(ctx, reader)
        assert len(memory.bursts) == issued and memory.beats == watch.pulses == 8 * issued
        assert watch.beats == [] and watch.errors == []

    run(reader, bench, background=(memory.run, watch.run), cycles=300)


def test_a_reader_needs_a_client():
    with pytest.raises(ValueError, match="0 clients"):
        Reader(ARCHITECTURE, 0)
