"""The writer keeps the rules of AXI4, and no beat is lost or doubled on the way through it."""

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal, Value

from tcugen.rtl import writer as writer_module
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
    running,
    submodule,
    word,
)
from tcugen.rtl.proofs.window import ARCHITECTURE
from tcugen.rtl.window import PLACES
from tcugen.rtl.writer import Writer


class WriterRules(Elaboratable):
    """A writer whose user and whose memory do what they like."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.writer = writer = Writer(ARCHITECTURE)
        bus: Any = writer.bus
        any_windows(writer.windows, m)
        m.d.comb += [writer.halt.eq(anything(1)), writer.request.valid.eq(anything(1))]
        m.d.comb += Value.cast(writer.request.payload).eq(anything(REQUEST.size))
        m.d.comb += [signal.eq(anything(len(signal))) for signal in (bus.awready, bus.wready, bus.bvalid, bus.bresp)]
        m.d.comb += [writer.data.valid.eq(anything(1)), writer.data.payload.eq(anything(8 * ARCHITECTURE.bus_bytes))]
        stable(m, bus.awvalid, bus.awready, bus.awaddr, bus.awlen)
        stable(m, bus.wvalid, bus.wready, bus.wdata, bus.wstrb, bus.wlast)
        check, halted = submodule(writer, "write_check"), inside(writer, "stopped") | writer.halt
        only_what_passed(m, check, halted, (bus.awvalid, bus.awready, bus.awaddr, bus.awlen))
        front(m, submodule(check, "verdicts"))
        waited, was_halted = Signal(), Signal()
        m.d.sync += [waited.eq(bus.wvalid & ~bus.wready), was_halted.eq(halted)]
        always(
            m,
            ~(running(m) & was_halted & ~waited & bus.wvalid) | (bus.wstrb == 0),
            ~writer.error_valid | inside(writer, "stopped"),
            ~check.o.valid | ~check.o.payload.violation | ~check.o.ready,
            check.o.valid | ~(inside(writer, "waits") | inside(writer, "complete")),
            bus.bready,
            (bus.awsize == 3) & (bus.awburst == 1),
        )
        return m


class WriterBeats(Elaboratable):
    """One request and one beat, any, are followed: the burst has as many beats as it asked for, the last one marked,
    and beats leave in the order in which they came, once, none before the address that it belongs to."""

    def elaborate(self, platform):
        m = Module()
        with (
            replaced(writer_module, "WindowCheck", PassingCheck),
            replaced(writer_module, "MAX_OUTSTANDING", BURSTS),
            replaced(writer_module, "BURST_BEATS", 4),
            replaced(writer_module, "DATA_BEATS", 8),
        ):
            writer = Writer(ARCHITECTURE)
            opened(writer)
        m.submodules.writer = writer
        bus: Any = writer.bus
        most = PLACES + BURSTS + 1
        beats = writer.request.payload.beats
        m.d.comb += [
            writer.request.valid.eq(anything(1)),
            Value.cast(writer.request.payload).eq(anything(REQUEST.size)),
            writer.data.valid.eq(anything(1)),
            writer.data.payload.eq(anything(8 * ARCHITECTURE.bus_bytes)),
            bus.awready.eq(anything(1)),
            bus.wready.eq(anything(1)),
            bus.bvalid.eq(anything(1)),
            bus.bresp.eq(RESPONSE_OKAY),
        ]
        given(m, (beats >= 1) & (beats <= 4))
        takes = writer.request.valid & writer.request.ready
        enters = writer.data.valid & writer.data.ready
        leaves = bus.wvalid & bus.wready
        ends = leaves & bus.wlast
        unanswered = Signal(range(most + 8))
        m.d.sync += unanswered.eq(unanswered + ends - bus.bvalid)
        given(m, ~bus.bvalid | (unanswered != 0))

        # The burst that is followed.
        watch, seen, watched = Signal(), Signal(), Signal()
        open_requests, ahead, left = Signal(range(most + 1)), Signal(range(most + 1)), Signal(range(5))
        m.d.comb += watch.eq(anything(1))
        m.d.sync += open_requests.eq(open_requests + takes - ends)
        with m.If(takes & watch & ~seen):
            m.d.sync += [watched.eq(1), seen.eq(1), left.eq(beats), ahead.eq(open_requests - ends)]
        with m.If(watched & ends):
            m.d.sync += [ahead.eq(ahead - 1), watched.eq(ahead != 0)]
        with m.If(watched & (ahead == 0) & leaves):
            m.d.sync += left.eq(left - 1)

        # The beat that is followed.
        pick, picked, held = Signal(), Signal(), Signal()
        item, before = Signal(), Signal(range(11))
        beats_inside = Signal(range(11))
        m.d.comb += pick.eq(anything(1))
        m.d.sync += beats_inside.eq(beats_inside + enters - leaves)
        with m.If(enters & pick & ~picked):
            m.d.sync += [picked.eq(1), held.eq(1), item.eq(writer.data.payload[0]), before.eq(beats_inside - leaves)]
        with m.If(held & leaves):
            m.d.sync += [before.eq(before - 1), held.eq(before != 0)]

        # Of bursts whose address is on the bus or was taken, beats that have not left; all of them are inside.
        owed = Signal(range(64))
        passed = submodule(writer, "write_check").o.payload
        m.d.sync += owed.eq(owed + Mux(inside(writer, "issue"), passed.beats, 0) - leaves)
        always(
            m,
            ~(watched & (ahead == 0) & bus.wvalid) | (bus.wlast == (left == 1)),
            ~(held & (before == 0) & bus.wvalid) | (bus.wdata[0] == item),
            ~bus.wvalid | (owed != 0),
            owed <= beats_inside,
            # Beats of the burst that was issued in the cycle before are still counted as unclaimed.
            inside(writer, "unclaimed") + owed
            == beats_inside + Mux(inside(writer, "claimed"), inside(writer, "needed"), 0),
            ~bus.wvalid | (bus.wstrb == (1 << ARCHITECTURE.bus_bytes) - 1),
            writer.outstanding <= BURSTS,
            ~writer.error_valid,
            ~watched | seen,
            ~held | picked,
        )
        self._burst_places(m, writer, (watched, ahead, left, owed), open_requests, unanswered)
        self._beat_places(m, writer, (held, before, item, beats_inside))
        return m

    def _burst_places(
        self, m: Module, writer: Writer, request: Followed, open_requests: Signal, unanswered: Signal
    ) -> None:
        """The request waits at the check, or among the bursts whose beats have not left, or its end is offered."""
        watched, ahead, left, owed = request
        bus: Any = writer.bus
        bursts: Any = submodule(writer, "bursts")
        level, at = bursts.level, front(m, bursts)
        present, more, last = (inside(writer, name) for name in ("present", "left", "last"))
        last_offered, another = Signal(), Signal()
        m.d.comb += [last_offered.eq(bus.wvalid & bus.wlast), another.eq(bus.wvalid & ~bus.wlast)]
        begun = last_offered + present  # bursts that have left the queue
        index = (ahead - begun).as_unsigned()[:4]
        offered = watched & last_offered & (ahead == 0)
        sent = watched & present & (ahead == last_offered)
        issued = watched & (ahead >= begun) & (index < level)
        waits = watched & (ahead >= begun) & (index >= level)
        waiting = Waiting(m, writer, "write_check", index - level)
        entries = [word(m, bursts, (at + number)[: len(at)], f"burst_{number}") for number in range(BURSTS)]
        entry = word(m, bursts, (at + index)[: len(at)], "entry")
        checked, complete, needed = (inside(writer, name) for name in ("waits", "complete", "needed"))
        always(
            m,
            open_requests == begun + level + waiting.level,
            submodule(writer, "order").level == begun + level + unanswered,
            ~inside(writer, "stopped"),
            ~watched | (ahead < open_requests),
            ~offered | (left == 1),
            ~sent | (left == more + 1 + another),
            ~issued | (left == entry + 1),
            ~waits | (waiting.beats == left),
            *waiting.within(4),
            ~another | present,
            ~present | (last == (more == 0)),
            owed
            == sum(Mux(number < level, one + 1, 0) for number, one in enumerate(entries))
            + Mux(present, more + 1, 0)
            + bus.wvalid,
            # The burst that is checked stays until it is issued, and so do its beats.
            ~checked | waiting.offered & (needed == waiting.first_beats),
            ~complete | checked & (inside(writer, "unclaimed") >= needed),
            ~(checked & inside(writer, "claimed")),
        )

    def _beat_places(self, m: Module, writer: Writer, beat: Followed) -> None:
        """The beat waits in the queue, or is offered."""
        held, before, item, beats_inside = beat
        bus: Any = writer.bus
        beats: Any = submodule(writer, "beats")
        at = front(m, beats)
        kept = word(m, beats, (at + before - bus.wvalid).as_unsigned()[: len(at)], "kept")
        always(
            m,
            beats_inside == beats.level + bus.wvalid,
            ~held | (before < beats_inside),
            ~held | ((before == 0) & bus.wvalid) | (kept[0] == item),
        )


PROOFS = (
    Proof(
        "writer",
        "axi",
        "AWVALID and WVALID stay until they are taken and what they offer does not change; a burst is offered only as "
        "the window check has passed it; after an error or while halted no burst begins and no byte is written. INCR, "
        "the bus's width. Whatever user and memory do.",
        Method.INDUCTION,
        2,
        WriterRules,
        (
            Mutant("writer.py", "beats.o.valid & (~bus.wvalid | bus.wready)", "beats.o.valid"),
            Mutant("writer.py", "complete & ~halted & ~checked.violation &", "complete & ~halted &"),
            Mutant("writer.py", "Mux(halted, 0, (1", "Mux(halted, 1, (1"),
        ),
    ),
    Proof(
        "writer",
        "beats",
        "Every beat is written once, in order, in the burst that it belongs to, WLAST with the last one; an address is "
        "offered only when all beats of its burst are inside: the credit is never below 0. Bursts to 4 beats here.",
        Method.INDUCTION,
        2,
        WriterBeats,
        (
            Mutant("writer.py", "(unclaimed >= needed)", "(unclaimed >= needed - 1)"),
            Mutant("writer.py", "last.eq(left == 1)", "last.eq(left == 0)"),
            Mutant("writer.py", "complete.eq(waits & ~issue &", "complete.eq(waits &"),
            Mutant("writer.py", "~present | (load & last)", "~present | last"),
            Mutant("writer.py", "unclaimed + push - Mux(claimed", "unclaimed + self.data.valid - Mux(claimed"),
        ),
    ),
)
