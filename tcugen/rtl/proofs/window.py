"""No burst leaves its window: the check of every request, and the rules of the settings as a whole."""

from collections.abc import Callable

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Signal, Value
from amaranth.lib import data

from tcugen.arch import BURST_BEATS, Architecture
from tcugen.isa import WRITABLE_WINDOWS, Window
from tcugen.registers import WindowFlaw
from tcugen.rtl.axi import PAGE_BYTES, REQUEST, window_settings
from tcugen.rtl.proofs.fifo import KeepsOrder, front
from tcugen.rtl.proofs.proof import (
    Method,
    Mutant,
    Proof,
    always,
    any_constant,
    anything,
    given,
    inside,
    submodule,
    word,
)
from tcugen.rtl.window import PLACES, WindowCheck
from tcugen.rtl.window_rules import CHECK_CYCLES, PAIRS, STEPS_PER_PAIR, WindowRules

ARCHITECTURE = Architecture()
"""The default: 40 bits of address, 8 bytes of bus."""

BUS_BYTES = ARCHITECTURE.bus_bytes
TOP = 1 << ARCHITECTURE.bus_address_bits


def _request(signal: Signal) -> data.View:
    """The request in a register that also holds a tag."""
    return data.View(REQUEST, Value.cast(signal)[: REQUEST.size])


class Verdicts(Elaboratable):
    """Each request carries itself as its tag, so that what comes out can be compared with what went in.

    Of the verdicts that wait to be taken one is looked at, in any place, for good.
    """

    def elaborate(self, platform):
        m = Module()
        allowed = WRITABLE_WINDOWS
        m.submodules.check = check = WindowCheck(ARCHITECTURE, allowed, tag_bits=REQUEST.size)
        windows = Signal(window_settings(ARCHITECTURE), name="windows")
        m.d.comb += Value.cast(windows).eq(any_constant(len(Value.cast(windows))))
        given(m, *(windows[window].base % PAGE_BYTES == 0 for window in Window))
        request = Signal(REQUEST)
        m.d.comb += [
            check.windows.eq(windows),
            Value.cast(request).eq(anything(REQUEST.size)),
            check.i.valid.eq(anything(1)),
            check.i.payload.request.eq(request),
            check.i.payload.tag.eq(request),
            check.o.ready.eq(anything(1)),
        ]
        for name in ("entered", "chosen", "summed"):
            stage = inside(check, name)
            always(m, stage[: REQUEST.size] == stage[REQUEST.size :])

        # Stage by stage, then the verdict; all in integers.
        chosen, summed = (_request(inside(check, name)) for name in ("chosen", "summed"))
        settings = _settings(windows, allowed)
        base, size, one = settings(chosen.window)
        always(
            m,
            ~inside(check, "chosen_valid")
            | (inside(check, "base") << 12 == base)
            & (inside(check, "size") == size)
            & (inside(check, "allowed") == one),
        )
        base, size, one = settings(summed.window)
        unlawful = ~one | (summed.beats == 0) | (summed.beats > BURST_BEATS) | (summed.offset % BUS_BYTES != 0)
        always(
            m,
            ~inside(check, "summed_valid")
            | (Cat(summed.offset[:12], inside(check, "page")) == base + summed.offset)
            & (inside(check, "end_offset") == summed.offset + summed.beats * BUS_BYTES)
            & (inside(check, "summed_size") == size)
            & (inside(check, "refused") == unlawful),
        )
        verdicts = submodule(check, "verdicts")
        first = front(m, verdicts)
        place = Signal.like(first)
        m.d.comb += place.eq(any_constant(len(place)))
        verdict = data.View(check.o.payload.shape(), word(m, verdicts, place, "verdict"))
        there = (place - first).as_unsigned()[: len(place)] < verdicts.level
        asked = data.View(REQUEST, verdict.tag)
        base, size, one = settings(asked.window)
        address = base + asked.offset
        good = (
            one
            & (asked.beats >= 1)
            & (asked.beats <= BURST_BEATS)
            & (asked.offset % BUS_BYTES == 0)
            & (asked.offset + asked.beats * BUS_BYTES <= size)
            & (address < TOP)
        )
        always(
            m,
            ~there | (verdict.violation == ~good),
            ~there | verdict.violation | (verdict.address == address),
            ~there | (verdict.beats == asked.beats),
            # What is told is the oldest of them.
            ~(check.o.valid & (place == first)) | there & (Value.cast(check.o.payload) == Value.cast(verdict)),
        )
        return m


def _settings(windows: data.View, allowed: tuple[Window, ...]) -> Callable[[Value], tuple[Value, Value, Value]]:
    """Base, size and whether it is allowed, by a window's number; 0 of others."""

    def of(number: Value) -> tuple[Value, Value, Value]:
        base, size, one = Const(0), Const(0), Const(0)
        for window in allowed:
            base = Mux(number == window, windows[window].base, base)
            size = Mux(number == window, windows[window].size, size)
            one = one | (number == window)
        return base, size, one

    return of


class Order(KeepsOrder):
    """The request that is watched is in one of the steps, or waits with its verdict, at the place that it must have."""

    def __init__(self):
        check = WindowCheck(ARCHITECTURE, tuple(Window))
        super().__init__(check, PLACES, False, lambda payload: payload.tag)

    def elaborate(self, platform):
        m = Module()
        _, watched, ahead, item, count = self._follow(m)
        check = self._queue
        verdicts = submodule(check, "verdicts")
        before = verdicts.level
        at = front(m, verdicts)
        verdict = data.View(check.o.payload.shape(), word(m, verdicts, (at + ahead)[: len(at)], "verdict"))
        always(m, ~watched | (ahead >= before) | (verdict.tag == item))
        for step in ("summed", "chosen", "entered"):
            valid, tag = inside(check, f"{step}_valid"), inside(check, step)[REQUEST.size :]
            always(m, ~(watched & valid & (ahead == before)) | (tag == item))
            before = before + valid
        always(m, before == count, inside(check, "room") + count == PLACES)
        return m


class Inside(Elaboratable):
    """What `verdict` shows of a request that passes, in other words: where its burst lies.

    The request does not cross a multiple of the longest burst, as REQUEST has it.
    """

    def elaborate(self, platform):
        m = Module()
        base, size, offset, beats = (
            Signal(bits, name=f"any_{bits}") for bits in (ARCHITECTURE.bus_address_bits, 32, 33, 6)
        )
        m.d.comb += [signal.eq(any_constant(len(signal))) for signal in (base, size, offset, beats)]
        length = beats * BUS_BYTES
        longest = BURST_BEATS * BUS_BYTES
        address = base + offset
        given(
            m,
            base % PAGE_BYTES == 0,
            (beats >= 1) & (beats <= BURST_BEATS),
            offset % BUS_BYTES == 0,
            offset % longest + length <= longest,
            offset + length <= size,
            address < TOP,
        )
        always(
            m,
            address >= base,
            address + length <= base + size,
            address + length <= TOP,
            address % PAGE_BYTES + length <= PAGE_BYTES,
        )
        return m


class Rules(Elaboratable):
    """From a change of the settings on they stay; the walk over the pairs is followed step by step."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.rules = rules = WindowRules(ARCHITECTURE)
        windows = Signal(window_settings(ARCHITECTURE), name="windows")
        waited = Signal(range(CHECK_CYCLES + 1))
        m.d.comb += [
            Value.cast(windows).eq(any_constant(len(Value.cast(windows)))),
            rules.windows.eq(windows),
            rules.changed.eq(anything(1)),
        ]
        with m.If(rules.changed):
            m.d.sync += waited.eq(0)
        with m.Elif(waited != CHECK_CYCLES):
            m.d.sync += waited.eq(waited + 1)
        pair, step = inside(rules, "pair"), inside(rules, "step")
        for index, (a, b) in enumerate(PAIRS):
            at = ~rules.settled & (pair == index)
            for name, window in (("a", windows[a]), ("b", windows[b])):
                base, size, end = (inside(rules, f"{part}_{name}") for part in ("base", "size", "end"))
                loaded = (base == window.base) & (size == window.size)
                always(m, ~(at & (step >= 1)) | loaded, ~(at & (step >= 2)) | (end == window.base + window.size))
        done = Signal(range(len(PAIRS) + 1))  # pairs that have been looked at
        m.d.comb += done.eq(pair)
        with m.If(rules.settled):
            m.d.comb += done.eq(len(PAIRS))
        wraps = Cat((number < done) & (_wraps(windows[a]) | _wraps(windows[b])) for number, (a, b) in enumerate(PAIRS))
        overlap = Cat((number < done) & _share(windows[a], windows[b]) for number, (a, b) in enumerate(PAIRS))
        always(
            m,
            step < STEPS_PER_PAIR,
            ~rules.settled | (pair == 0) | (pair == len(PAIRS)),
            rules.settled | (pair < len(PAIRS)),
            rules.settled | (waited <= pair * STEPS_PER_PAIR + step),
            rules.settled | (waited < CHECK_CYCLES),
            rules.flaws[WindowFlaw.WRAPS] == wraps.any(),
            rules.flaws[WindowFlaw.OVERLAP] == overlap.any(),
            rules.flaws[WindowFlaw.EMPTY] == (windows[Window.PROGRAM].size == 0) & (done != 0),
        )
        return m


def _wraps(window: data.View) -> Value:
    return window.base + window.size > TOP


def _share(a: data.View, b: data.View) -> Value:
    """Is there a byte in both? Of two intervals that are not empty: each begins before the other ends."""
    return (a.size != 0) & (b.size != 0) & (a.base < b.base + b.size) & (b.base < a.base + a.size)


PROOFS = (
    Proof(
        "window",
        "verdict",
        "A request passes exactly if its window is allowed, has all of its bytes, and none is beyond the last address; "
        "its burst then begins at base + offset. In integers, without wrapping.",
        Method.INDUCTION,
        2,
        Verdicts,
        (
            Mutant("window.py", "refused | page[-1] | (end", "refused | (end"),
            Mutant("window.py", "end_offset > summed_size", "end_offset > summed_size + 1"),
            Mutant("window.py", "request.beats > BURST_BEATS", "request.beats > BURST_BEATS + 1"),
            Mutant("window.py", "end_offset = Signal(33,", "end_offset = Signal(32,"),
        ),
    ),
    Proof(
        "window",
        "inside",
        "Such a burst lies in its window with every byte, below the end of the addresses, and within 4 KiB: arithmetic "
        "on what the verdict says.",
        Method.SAT,
        1,
        Inside,
        (),
    ),
    Proof(
        "window",
        "order",
        "Every request comes out once, in order, unchanged while it is not taken.",
        Method.INDUCTION,
        2,
        Order,
        (
            Mutant("window.py", "(PLACES - 1).bit_length()", "(PLACES - 2).bit_length()"),
            Mutant("window.py", "self.i.ready.eq(room != 0)", "self.i.ready.eq(1)"),
        ),
    ),
    Proof(
        "window_rules",
        "flaws",
        "When settled, the flaws are those of all windows: no PROGRAM, one wraps, a written one shares a byte. "
        "Settled after CHECK_CYCLES.",
        Method.INDUCTION,
        2,
        Rules,
        (
            Mutant("window_rules.py", "end > 1 << bits", "end >= 1 << bits"),
            Mutant("window_rules.py", "bits + 1, name", "bits, name"),
            Mutant("window_rules.py", "bases[0] < ends[1]", "bases[0] <= ends[1]"),
            Mutant("window_rules.py", "pair == len(PAIRS) - 1", "pair == len(PAIRS) - 2"),
        ),
    ),
)
