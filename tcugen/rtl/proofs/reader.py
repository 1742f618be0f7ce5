"""The reader keeps the rules of AXI4, and no beat is lost or doubled on the way through it."""

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal, Value
from amaranth.lib import data

from tcugen.arch import BURST_BEATS
from tcugen.rtl import reader as reader_module
from tcugen.rtl.axi import REQUEST, RESPONSE_OKAY
from tcugen.rtl.proofs.axi import BURSTS, Followed, PassingCheck, Waiting, any_windows, only_what_passed, stable
from tcugen.rtl.proofs.fifo import front
from tcugen.rtl.proofs.proof import (
    Method,
    Mutant,
    Proof,
    always,
    anything,
    given,
    inside,
    opened,
    replaced,
    submodule,
    word,
)
from tcugen.rtl.proofs.window import ARCHITECTURE
from tcugen.rtl.reader import Reader
from tcugen.rtl.window import PLACES

CLIENTS = 2


class ReaderRules(Elaboratable):
    """A reader whose clients and whose memory do what they like."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.reader = reader = Reader(ARCHITECTURE, CLIENTS)
        bus: Any = reader.bus
        any_windows(reader.windows, m)
        m.d.comb += reader.halt.eq(anything(1))
        m.d.comb += [signal.eq(anything(len(signal))) for signal in (bus.arready, bus.rvalid, bus.rresp, bus.rlast)]
        m.d.comb += bus.rdata.eq(anything(len(bus.rdata)))
        for client in reader.request:
            m.d.comb += [client.valid.eq(anything(1)), Value.cast(client.payload).eq(anything(REQUEST.size))]
        stable(m, bus.arvalid, bus.arready, bus.araddr, bus.arlen)
        check = submodule(reader, "read_check")
        only_what_passed(
            m, check, inside(reader, "stopped") | reader.halt, (bus.arvalid, bus.arready, bus.araddr, bus.arlen)
        )
        always(
            m,
            ~reader.error_valid | inside(reader, "stopped"),
            ~check.o.valid | ~check.o.payload.violation | ~check.o.ready,
            bus.rready,
            (bus.arsize == 3) & (bus.arburst == 1),
        )
        return m


class ReaderBeats(Elaboratable):
    """One request, any, is followed: as many beats as it asked for reach its client, unchanged, and no others do.

    Memory answers in order, without errors; how long the bursts before it are is taken from the reader, which is
    shown of every burst as it is followed in its turn.
    """

    def elaborate(self, platform):
        m = Module()
        with replaced(reader_module, "WindowCheck", PassingCheck), replaced(reader_module, "MAX_OUTSTANDING", BURSTS):
            reader = Reader(ARCHITECTURE, CLIENTS)
            opened(reader)
        m.submodules.reader = reader
        bus: Any = reader.bus
        most = PLACES + BURSTS
        takes = Signal(CLIENTS)
        watch, seen, watched = Signal(), Signal(), Signal()
        client = Signal(range(CLIENTS))
        left = Signal(range(BURST_BEATS + 1))
        open_requests = Signal(range(most + 1))  # taken, not all beats here
        ahead = Signal(range(most + 1))
        due = Signal(range(most + 1))  # bursts on the bus
        m.d.comb += [
            watch.eq(anything(1)),
            bus.arready.eq(anything(1)),
            bus.rvalid.eq(anything(1)),
            bus.rdata.eq(anything(len(bus.rdata))),
            bus.rresp.eq(RESPONSE_OKAY),
            bus.rlast.eq(inside(reader, "last")),
        ]
        given(m, ~bus.rvalid | (due != 0))
        for number, one in enumerate(reader.request):
            m.d.comb += [one.valid.eq(anything(1)), Value.cast(one.payload).eq(anything(REQUEST.size))]
            m.d.comb += takes[number].eq(one.valid & one.ready)
            given(m, (one.payload.beats >= 1) & (one.payload.beats <= BURST_BEATS))
        burst_ends = bus.rvalid & bus.rlast
        m.d.sync += [
            open_requests.eq(open_requests + takes.any() - burst_ends),
            due.eq(due + (bus.arvalid & bus.arready) - burst_ends),
        ]
        with m.If(takes.any() & watch & ~seen):
            m.d.sync += [watched.eq(1), seen.eq(1), client.eq(takes[1]), ahead.eq(open_requests - burst_ends)]
            m.d.sync += left.eq(Mux(takes[0], reader.request[0].payload.beats, reader.request[1].payload.beats))
        mine = Signal()
        m.d.comb += mine.eq(watched & (ahead == 0) & bus.rvalid)
        with m.If(watched & burst_ends):
            m.d.sync += ahead.eq(ahead - 1)
            with m.If(ahead == 0):
                m.d.sync += watched.eq(0)
        with m.If(mine):
            m.d.sync += left.eq(left - 1)
        delivered = Signal()
        beat = Signal(2)  # two bits of the data stand for all
        to = Signal(range(CLIENTS))
        arrived = Signal()
        m.d.sync += [delivered.eq(mine), beat.eq(bus.rdata[:2]), to.eq(client), arrived.eq(bus.rvalid)]
        valid = reader.beat_valid
        always(
            m,
            Cat(takes).xor() | ~takes.any(),
            ~mine | (bus.rlast == (left == 1)),
            ~delivered | (valid == Mux(to, 2, 1)) & (reader.beat_data[:2] == beat),
            valid.any() == arrived,
            ~(valid[0] & valid[1]),
            ~reader.error_valid,
            reader.outstanding <= BURSTS,
            due <= reader.outstanding,
            ~watched | seen,
        )
        self._places(m, reader, (watched, ahead, left, client), open_requests, due)
        return m

    def _places(self, m: Module, reader: Reader, request: Followed, open_requests: Signal, due: Signal) -> None:
        """Where the request is: among those that wait at the check, or among the bursts in flight."""
        watched, ahead, left, client = request
        order: Any = submodule(reader, "order")
        level, at = order.level, front(m, order)
        waiting = Waiting(m, reader, "read_check", ahead - level)
        layout = order.o.payload.shape()
        entry = data.View(layout, word(m, order, (at + ahead)[: len(at)], "entry"))
        bursts = [data.View(layout, word(m, order, (at + n)[: len(at)], f"burst_{n}")) for n in range(BURSTS)]
        position, begun, ends = (inside(reader, name) for name in ("arrived", "begun", "ends"))
        issued, waits = watched & (ahead < level), watched & (ahead >= level)
        always(
            m,
            open_requests == level + waiting.level,
            due + reader.bus.arvalid == level,
            ~inside(reader, "stopped"),
            begun == (position != 0),
            (level != 0) | ~begun,
            ~begun | (ends == (position == bursts[0].length)) & (position <= bursts[0].length),
            *((level <= n) | (burst.single == (burst.length == 0)) for n, burst in enumerate(bursts)),
            ~watched | (ahead < open_requests),
            ~watched | (left >= 1) & (left <= BURST_BEATS),
            ~issued | (entry.client == client),
            ~issued | (left + Mux(ahead == 0, position, 0) == entry.length + 1),
            ~waits | (waiting.tag == client) & (waiting.beats == left),
            *waiting.within(BURST_BEATS),
        )


PROOFS = (
    Proof(
        "reader",
        "axi",
        "ARVALID stays until ARREADY and its address does not change; a burst is offered only as the window check has "
        "passed it, and none after an error or while halted. INCR, the bus's width. Whatever clients and memory do.",
        Method.INDUCTION,
        2,
        ReaderRules,
        (
            Mutant("reader.py", "order.i.ready & (~bus.arvalid | bus.arready)", "order.i.ready"),
            Mutant("reader.py", "check.o.valid & ~halted & ~checked.violation &", "check.o.valid & ~halted &"),
            Mutant("reader.py", "halted.eq(stopped | self.halt)", "halted.eq(stopped)"),
        ),
    ),
    Proof(
        "reader",
        "beats",
        "Of a memory without errors, every beat reaches the client that asked for it, once, in order, unchanged; at "
        "most as many bursts are in flight as may be (4 here).",
        Method.INDUCTION,
        2,
        ReaderBeats,
        (
            Mutant(
                "reader.py", "order.o.ready.eq(bus.rvalid & last)", "order.o.ready.eq(bus.rvalid & last & bus.rdata[0])"
            ),
            Mutant("reader.py", "arrived.eq(Mux(last, 0, arrived + 1))", "arrived.eq(arrived + 1)"),
            Mutant("reader.py", "ends.eq(arrived + 1 ==", "ends.eq(arrived + 2 =="),
            Mutant("reader.py", "single.eq(checked.beats == 1)", "single.eq(checked.beats == 2)"),
        ),
    ),
)
