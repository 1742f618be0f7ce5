"""Rings: credit is never below 0 nor above what there is, and what is read is what came over the bus."""

from amaranth.hdl import Elaboratable, Module, Mux, Signal, Value

from tcugen.rtl.proofs.proof import (
    Method,
    Mutant,
    Proof,
    always,
    any_constant,
    anything,
    given,
    inside,
    running,
    submodule,
    word,
)
from tcugen.rtl.ring import Ring


class KeepsBytes(Elaboratable):
    """One bit of one beat of the stream, any, is followed into the memory and out of it.

    The user claims no more than is free, frees items that are complete, and reads items that are complete and not
    freed; bytes come in order, so that an item's number and the place inside say which beat of the stream it was.
    """

    def __init__(self, items: int, item_bytes: int, beat_bytes: int, unit_bytes: int):
        self._sizes = items, item_bytes, beat_bytes, unit_bytes

    def elaborate(self, platform):
        m = Module()
        items, item_bytes, beat_bytes, unit_bytes = self._sizes
        m.submodules.ring = ring = Ring(*self._sizes)
        m.d.comb += [
            ring.claim_en.eq(anything(1)),
            ring.claim_beats.eq(anything(len(ring.claim_beats))),
            ring.beat_en.eq(anything(1)),
            ring.beat.eq(anything(len(ring.beat))),
            ring.read_en.eq(anything(1)),
            ring.read_item.eq(anything(len(ring.read_item))),
            ring.read_unit.eq(anything(len(ring.read_unit))),
            ring.release.eq(anything(1)),
        ]
        beats = range(ring.capacity + 1)
        claimed, filled = Signal(beats), Signal(beats)  # neither written nor freed; written and not freed
        in_item = Signal(range(ring.item_beats))
        complete = Signal(range(items + 1))  # items written and not freed
        oldest = Signal(range(items))  # number of the oldest of them
        item_ends = ring.beat_en & (in_item == ring.item_beats - 1)
        given(
            m,
            ~ring.claim_en | (ring.claim_beats <= ring.free_beats),
            ~ring.beat_en | (claimed != 0),
            ~ring.release | (complete != 0),
            ~ring.read_en | ((ring.read_item - oldest) % items < complete) & (ring.read_unit < ring.units),
        )
        take = Mux(ring.claim_en, ring.claim_beats, 0)
        free = Mux(ring.release, ring.item_beats, 0)
        m.d.sync += [
            claimed.eq(claimed + take - ring.beat_en),
            filled.eq(filled + ring.beat_en - free),
            complete.eq(complete + item_ends - ring.release),
            oldest.eq((oldest + ring.release) % items),
        ]
        with m.If(ring.beat_en):
            m.d.sync += in_item.eq(Mux(item_ends, 0, in_item + 1))

        # The byte that is followed: number `at` of item `slot`.
        slot = Signal(range(items))
        at = Signal(range(item_bytes))
        m.d.comb += [slot.eq(any_constant(len(slot))), at.eq(any_constant(len(at)))]
        given(m, at < item_bytes)
        known, bit = Signal(), Signal()
        number = (oldest + complete) % items  # of the item that is being written
        with m.If(ring.beat_en & (number == slot) & (at // beat_bytes == in_item)):
            m.d.sync += [known.eq(1), bit.eq(ring.beat.word_select(at % beat_bytes, 8)[0])]
        spilled = self._progress(m, ring, number, in_item, (slot, at), bit)
        read, wanted, sub = Signal(), Signal(), Signal(range(unit_bytes))
        hit = ring.read_en & (ring.read_item == slot) & (ring.read_unit == at // unit_bytes)
        m.d.sync += [read.eq(hit & known), wanted.eq(bit), sub.eq(at % unit_bytes)]
        always(
            m,
            ring.free_beats == ring.capacity - claimed - filled,
            ring.free_beats <= ring.capacity,
            claimed + filled <= ring.capacity,
            inside(ring, "pending") == claimed,
            ring.idle == (claimed == 0),
            ring.written % items == number,
            filled == complete * ring.item_beats + in_item,
            complete <= items,
            in_item < ring.item_beats,
            ~(read & running(m)) | (ring.data.word_select(sub, 8)[0] == wanted),
        )
        self._place(m, ring, (slot, at), known & ~spilled, bit)
        return m

    def _progress(
        self, m: Module, ring: Ring, number: Value, in_item: Signal, byte: tuple[Signal, Signal], bit: Signal
    ) -> Signal:
        """The ring's own counts are those of the stream; returns whether the byte waits beside the memory."""
        slot, at = byte
        spilled = Signal()
        try:
            lane, position, previous = (inside(ring, name) for name in ("lane", "word", "previous"))
        except KeyError:  # all sizes are powers of two: one counter
            always(m, inside(ring, "beats")[: (ring.item_beats - 1).bit_length()] == in_item)
            return spilled
        word_bytes = submodule(ring, "memory").width // 8
        beyond = in_item * ring.beat_bytes
        m.d.comb += spilled.eq(
            (number == slot) & (at < beyond) & (at + lane >= beyond) & (lane < ring.beat_bytes) & (in_item != 0)
        )
        waiting = previous.word_select((at + ring.beat_bytes - beyond)[: len(at)], 8)[0]
        always(m, lane == beyond % word_bytes, position == beyond // word_bytes, ~spilled | (waiting == bit))
        return spilled

    def _place(self, m: Module, ring: Ring, byte: tuple[Signal, Signal], there: Value, bit: Signal) -> None:
        """Where in memory the byte is: words of whole units that hold a beat, a power of two of them for each item."""
        slot, at = byte
        memory = submodule(ring, "memory")
        word_bytes = memory.width // 8
        words = memory.depth // ring.items
        address = slot * words + at // word_bytes
        kept = word(m, memory, address[: len(memory.read_addr)], "kept")
        always(m, ~there | (kept.word_select(at % word_bytes, 8)[0] == bit))


PROOFS = (
    Proof(
        "ring",
        "bytes",
        "Free beats are the capacity less those claimed and those not freed, never below 0; every byte that is read is "
        "the one of its beat in the stream. 4 items of 4 beats, 2 beats a unit.",
        Method.INDUCTION,
        2,
        lambda: KeepsBytes(4, 4, 1, 2),
        (
            Mutant("ring.py", "self.free_beats - claimed + freed", "self.free_beats - claimed + freed + self.beat_en"),
            Mutant("ring.py", "with m.If(self.claim_en | self.release):", "with m.If(self.claim_en):"),
            Mutant("ring.py", "memory.write_addr.eq(beats[lane_bits:])", "memory.write_addr.eq(beats[lane_bits:] | 1)"),
        ),
    ),
    Proof(
        "ring",
        "lanes",
        "The same of a ring whose beats and words are of different sizes: 2 items of 6 bytes, 2 bytes a beat, 3 a "
        "unit.",
        Method.INDUCTION,
        2,
        lambda: KeepsBytes(2, 6, 2, 3),
        (
            Mutant("ring.py", "beat_lanes + k - first", "beat_lanes + k"),
            Mutant("ring.py", "with m.If(last_word):", "with m.If(0):"),
        ),
    ),
)
