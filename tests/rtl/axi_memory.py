"""AXI4 memories for benches: they answer, and they check the master's side of the protocol."""

from collections import deque
from random import Random

OKAY, SLVERR = 0, 2
BURST_BEATS = 32


class _Channel:
    """Asserts that an offered payload stays until it is taken."""

    def __init__(self, name: str):
        self.name, self.offered = name, None

    def step(self, valid, ready, payload) -> bool:
        """One clock edge; True if the payload was transferred."""
        if self.offered is not None:
            assert valid and payload == self.offered, f"{self.name} changed from {self.offered} to {payload}, {valid=}"
        self.offered = payload if valid and not ready else None
        return bool(valid and ready)


def _check_burst(address: int, length: int, size: int, burst: int, prot: int, cache: int, bus_bytes: int):
    beats = length + 1
    assert (1 << size, burst, prot, cache) == (bus_bytes, 1, 0, 3)
    assert address % bus_bytes == 0 and 1 <= beats <= BURST_BEATS
    aligned = BURST_BEATS * bus_bytes
    assert address // aligned == (address + beats * bus_bytes - 1) // aligned, f"{beats} beats from {address:#x} cross"


class ReadMemory:
    """Answers reads in order, the first beat `latency` cycles after its address, one beat per cycle.

    `idle` is the probability per cycle of withholding ARREADY or RVALID; `answering` = False withholds all beats.
    Bursts whose address is in `errors` get SLVERR in every beat. `bursts` logs (address, beats) as accepted. `lasts`
    holds wrong answers: number of the burst: the beat that RLAST comes with (-1: none, though all beats come) and how
    many beats come.
    """

    def __init__(self, bus, contents: bytes, bus_bytes: int, latency=100, in_flight=16, idle=0.0, seed=1, errors=()):
        self.bus, self.contents, self.bus_bytes = bus, contents, bus_bytes
        self.latency, self.in_flight, self.idle, self.errors = latency, in_flight, idle, errors
        self.random = Random(seed)
        self.bursts, self.beats, self.first_cycle, self.last_cycle = [], 0, None, None
        self.answering = self.accepting = True
        self.pending = deque()
        self.lasts: dict[int, tuple[int, int]] = {}

    def _word(self, address: int) -> int:
        return int.from_bytes(self.contents[address : address + self.bus_bytes], "little")

    async def run(self, ctx):
        bus, channel, cycle = self.bus, _Channel("AR"), 0
        beat_offered = False
        while True:
            *_, valid, address, length, size, burst, prot, cache, r_ready, ready = await ctx.tick().sample(
                bus.arvalid, bus.araddr, bus.arlen, bus.arsize, bus.arburst, bus.arprot, bus.arcache, bus.rready,
                bus.arready,
            )  # fmt: skip
            assert r_ready, "RREADY must always be 1"
            if channel.step(valid, ready, (address, length)):
                _check_burst(address, length, size, burst, prot, cache, self.bus_bytes)
                self.bursts.append((address, length + 1))
                _, beats = self.lasts.get(len(self.bursts) - 1, (length, length + 1))
                self.pending.append([cycle + self.latency, address, beats])
                assert len(self.pending) <= 16, "more than 16 reads in flight"
            if beat_offered:
                self.beats += 1
                self.first_cycle = cycle if self.first_cycle is None else self.first_cycle
                self.last_cycle = cycle
                head = self.pending[0]
                head[1] += self.bus_bytes
                head[2] -= 1
                if not head[2]:
                    self.pending.popleft()
            cycle += 1
            beat_offered = bool(
                self.pending
                and self.pending[0][0] <= cycle
                and self.answering
                and not (self.idle and self.random.random() < self.idle)
            )
            ctx.set(bus.rvalid, beat_offered)
            if beat_offered:
                _, at, _ = self.pending[0]
                number = len(self.bursts) - len(self.pending)
                start, length = self.bursts[number]
                last, _ = self.lasts.get(number, (length - 1, length))
                ctx.set(bus.rdata, self._word(at))
                ctx.set(bus.rlast, (at - start) // self.bus_bytes == last)
                ctx.set(bus.rresp, SLVERR if start in self.errors else OKAY)
            else:
                ctx.set(bus.rdata, self.random.getrandbits(8 * self.bus_bytes))
                ctx.set(bus.rlast, self.random.getrandbits(1))
                ctx.set(bus.rresp, self.random.getrandbits(2))
            room = self.accepting and len(self.pending) < self.in_flight
            ctx.set(bus.arready, room and not (self.idle and self.random.random() < self.idle))


class WriteMemory:
    """Takes writes and answers each `latency` cycles after both its address and its last beat were accepted.

    `idle` is the probability per cycle of withholding AWREADY, WREADY or BVALID. Bursts whose address is in `errors`
    get SLVERR. `bursts` logs (address, beats), `strobes` the WSTRB of every beat, as accepted.
    """

    def __init__(self, bus, contents: bytearray, bus_bytes: int, latency=50, idle=0.0, seed=1, errors=()):
        self.bus, self.contents, self.bus_bytes = bus, contents, bus_bytes
        self.latency, self.idle, self.errors = latency, idle, errors
        self.random = Random(seed)
        self.bursts, self.strobes, self.first_cycle, self.last_cycle = [], [], None, None
        self.answers = 0
        self.addresses_accepting = self.data_accepting = self.answering = True

    def _write(self, address: int, word: int, strobe: int):
        for byte in range(self.bus_bytes):
            if strobe >> byte & 1:
                self.contents[address + byte] = word >> 8 * byte & 255

    async def run(self, ctx):
        bus, cycle = self.bus, 0
        address_channel, data_channel = _Channel("AW"), _Channel("W")
        open_bursts, beats, due = deque(), deque(), deque()  # addresses without data, data without address, answers
        answer_offered = False
        while True:
            (*_, valid, ready, address, length, size, burst, prot, cache, w_valid, w_ready, word, strobe, last,
             b_ready) = await ctx.tick().sample(
                bus.awvalid, bus.awready, bus.awaddr, bus.awlen, bus.awsize, bus.awburst, bus.awprot, bus.awcache,
                bus.wvalid, bus.wready, bus.wdata, bus.wstrb, bus.wlast, bus.bready,
            )  # fmt: skip
            assert b_ready, "BREADY must always be 1"
            if address_channel.step(valid, ready, (address, length)):
                _check_burst(address, length, size, burst, prot, cache, self.bus_bytes)
                self.bursts.append((address, length + 1))
                open_bursts.append((address, length + 1))
            if data_channel.step(w_valid, w_ready, (word, strobe, last)):
                beats.append((word, strobe, last))
                self.strobes.append(strobe)
                self.first_cycle = cycle if self.first_cycle is None else self.first_cycle
                self.last_cycle = cycle
            while open_bursts and beats:
                at, left = open_bursts.popleft()
                word, strobe, last = beats.popleft()
                assert last == (left == 1), f"WLAST is {last} with {left} beats to come"
                self._write(at, word, strobe)
                if left > 1:
                    open_bursts.appendleft((at + self.bus_bytes, left - 1))
                else:
                    due.append(cycle + self.latency)
                    assert len(due) + len(open_bursts) <= 16, "more than 16 writes without response"
            if answer_offered:
                due.popleft()
                self.answers += 1
            cycle += 1
            answer_offered = bool(due and due[0] <= cycle and self.answering and not self._idles())
            ctx.set(bus.bvalid, answer_offered)
            failing = answer_offered and self.bursts[self.answers][0] in self.errors
            ctx.set(bus.bresp, (SLVERR if failing else OKAY) if answer_offered else self.random.getrandbits(2))
            ctx.set(bus.awready, self.addresses_accepting and not self._idles())
            ctx.set(bus.wready, self.data_accepting and not self._idles())

    def _idles(self) -> bool:
        return bool(self.idle) and self.random.random() < self.idle
