"""The segment walker covers each transfer exactly, in groups that keep to their natural boundaries."""

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Signal, Value
from amaranth.utils import exact_log2

from tcugen.rtl.proofs.proof import Method, Mutant, Proof, always, anything, inside
from tcugen.rtl.segments import SEGMENT_BYTES_BITS, SEGMENTS_BITS, SegmentWalker


class Covers(Elaboratable):
    """Follows a walker: where it is in its transfer is counted in units sent, segments left and segments begun.

    Every group must then be `units` units from the segment's start plus what has been sent, up to the segment's end or
    the next natural boundary, whichever comes first.
    """

    def __init__(self, address_bits: int, unit_bytes: int, group_units: int, ahead: bool):
        self._address_bits, self._unit_bytes, self._group = address_bits, unit_bytes, group_units
        self._ahead = ahead

    def elaborate(self, platform):
        m = Module()
        walker = SegmentWalker(self._address_bits, self._unit_bytes, self._group, 1, not self._ahead, self._ahead)
        m.submodules.walker = walker
        unit_bits = exact_log2(self._unit_bytes)
        m.d.comb += [walker.i.valid.eq(anything(1)), walker.o.ready.eq(anything(1))]
        m.d.comb += Value.cast(walker.i.payload).eq(anything(len(Value.cast(walker.i.payload))))
        new = Signal.like(walker.i.payload)
        accept = self._accepted(m, walker, new)
        advance = inside(walker, "advance")

        busy = Signal()
        start = Signal(self._address_bits)  # of the segment
        step = Signal(self._address_bits)
        tag = Signal()
        units = Signal(SEGMENT_BYTES_BITS - unit_bits)  # of a segment
        sent = Signal(SEGMENT_BYTES_BITS - unit_bits)
        segments = Signal(SEGMENTS_BITS)  # with this one
        at = Signal(self._address_bits)  # of the group that comes next
        first_unit = Signal(self._address_bits - unit_bits)
        length = Signal(range(self._group + 1))
        ends = Signal()
        m.d.comb += [
            first_unit.eq(start[unit_bits:] + sent),
            at.eq(Mux(sent == 0, start, Cat(Const(0, unit_bits), first_unit))),
            length.eq(_least(self._group - first_unit % self._group, units - sent)),
            ends.eq(sent + length == units),
        ]
        with m.If(advance):
            m.d.sync += sent.eq(sent + length)
            with m.If(ends):
                m.d.sync += [sent.eq(0), start.eq(start + step), segments.eq(segments - 1)]
                with m.If(segments <= 1):
                    m.d.sync += busy.eq(0)
        with m.If(accept):
            m.d.sync += [
                busy.eq(1),
                start.eq(new.address),
                step.eq(new.step),
                tag.eq(new.tag),
                units.eq(new.segment_bytes >> unit_bits),
                sent.eq(0),
                segments.eq(new.segments),
            ]

        # What must be offered, one cycle later.
        offered = Signal()
        group = Signal.like(walker.o.payload)
        with m.If(advance):
            m.d.sync += [
                offered.eq(1),
                group.address.eq(at),
                group.units.eq(length),
                group.last.eq(ends & (segments <= 1)),
                group.tag.eq(tag),
            ]
        with m.Elif(walker.o.ready):
            m.d.sync += offered.eq(0)
        always(
            m,
            walker.o.valid == offered,
            ~offered | (walker.o.payload == group),
            # Invariants: the walker's own counts are these.
            inside(walker, "busy") == busy,
            ~(accept & busy) | (advance & ends & (segments <= 1)),
            ~busy | (inside(walker, "address") == at),
            ~busy | (inside(walker, "left") == units - sent),
            ~busy | (inside(walker, "space") == self._group - first_unit % self._group),
            ~busy | (inside(walker, "segment_last") == ends),
            ~busy | (inside(walker, "last_segment") == (segments <= 1)),
            ~busy | (sent <= units) & ((sent < units) | (units == 0)),
        )
        transfer = walker.i.payload.shape()(inside(walker, "transfer"))
        always(
            m,
            ~busy | (transfer.step == step) & (transfer.segment_bytes >> unit_bits == units) & (transfer.tag == tag),
            ~busy | (transfer.address == (start + step)[: self._address_bits]),
            ~busy | (transfer.segments == segments),
        )
        return m

    def _accepted(self, m: Module, walker: SegmentWalker, new: Signal) -> Value:
        """When a transfer begins, which is `new` then."""
        entered = walker.i.valid & walker.i.ready
        if not self._ahead:
            m.d.comb += new.eq(walker.i.payload)
            return entered
        begin = inside(walker, "begin")
        waits = Signal()
        with m.If(entered):
            m.d.sync += [waits.eq(1), new.eq(walker.i.payload)]
        with m.Elif(begin):
            m.d.sync += waits.eq(0)
        stale = Signal(init=1)  # where the next segment lies has changed: what it begins with is not found yet
        m.d.sync += stale.eq(entered | begin | (inside(walker, "advance") & inside(walker, "segment_last")))
        transfer = walker.i.payload.shape()(inside(walker, "transfer"))
        unit_bits = exact_log2(self._unit_bytes)
        first = self._group - (transfer.address >> unit_bits) % self._group
        always(
            m,
            inside(walker, "fresh") == waits,
            ~waits | ((Value.cast(transfer) == Value.cast(new)) & ~inside(walker, "busy")),
            ~(waits & inside(walker, "found")) | ~stale,
            ~(inside(walker, "busy") & inside(walker, "segment_last") & inside(walker, "settled")) | ~stale,
            stale | (inside(walker, "first_found") == first),
            stale | (inside(walker, "single_found") == (transfer.segment_bytes >> unit_bits <= first)),
        )
        return begin


def _least(a: Value, b: Value) -> Value:
    return Mux(a < b, a, b)


_MUTANTS = (
    Mutant("segments.py", "Mux(segment_last, left, space)", "Mux(last, left, space)"),
    Mutant("segments.py", "left <= space + group", "left < space + group"),
    Mutant("segments.py", "transfer.segments <= 2", "transfer.segments <= 1"),
    Mutant("segments.py", "address[boundary:] + 1", "address[boundary:] + 2"),
    Mutant("segments.py", "settled.eq(~single)", "settled.eq(1)"),
    Mutant("segments.py", "found.eq(~entered)", "found.eq(1)"),
)

PROOFS = (
    Proof(
        "segments",
        "bursts",
        "Groups of a transfer cover each of its segments exactly once, in order, and cross neither a segment's end nor "
        "a multiple of the longest burst; as requests of the bus, 32 bits of address.",
        Method.INDUCTION,
        2,
        lambda: Covers(32, 8, 32, True),
        _MUTANTS,
    ),
    Proof(
        "segments",
        "words",
        "The same of the walk over words of the activation memory, transfers back to back.",
        Method.INDUCTION,
        2,
        lambda: Covers(24, 4, 1, False),
        (Mutant("segments.py", "~busy | (advance & last)", "~busy | last"),),
    ),
)
