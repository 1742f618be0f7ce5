"""Whether a run may start with the address windows as the host has set them."""

from itertools import combinations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tcugen.arch import Architecture
from tcugen.isa import WRITABLE_WINDOWS, Window
from tcugen.registers import WindowFlaw
from tcugen.rtl.axi import window_settings

PAIRS = tuple(pair for pair in combinations(Window, 2) if set(pair) & set(WRITABLE_WINDOWS))
"""Windows that must not share a byte: one of them is written. Every window is in a pair."""

STEPS_PER_PAIR = 3
CHECK_CYCLES = 1 + STEPS_PER_PAIR * len(PAIRS)
"""From `changed` to `settled`."""

assert {window for pair in PAIRS for window in pair} == set(Window), "a window's end is looked at in its pairs"


class WindowRules(wiring.Component):
    """Looks at one pair of windows after the other, so that one comparison serves all.

    `flaws` says of the settings, in integers without wrapping: EMPTY, PROGRAM has no byte; WRAPS, base + size of a
    window exceeds the bus's addresses; OVERLAP, a window that the machine writes shares a byte with another one. An
    empty window shares nothing.

    Latency: CHECK_CYCLES from the last `changed` to `settled`; until then `flaws` is not to be relied on.

    Members:
        windows: Settings.
        changed: In the cycle before `windows` may differ.
        settled, flaws: The verdict, bits by `registers.WindowFlaw`.
    """

    windows: data.View
    changed: Signal
    settled: Signal
    flaws: Signal

    def __init__(self, architecture: Architecture):
        self._address_bits = architecture.bus_address_bits
        super().__init__(
            {
                "windows": In(window_settings(architecture)),
                "changed": In(1),
                "settled": Out(1),
                "flaws": Out(len(WindowFlaw)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits = self._address_bits
        pair = Signal(range(len(PAIRS)))
        step = Signal(range(STEPS_PER_PAIR))
        bases = [Signal(bits, name=f"base_{side}", reset_less=True) for side in "ab"]
        sizes = [Signal(32, name=f"size_{side}", reset_less=True) for side in "ab"]
        ends = [Signal(bits + 1, name=f"end_{side}", reset_less=True) for side in "ab"]
        wraps = Signal()
        overlap = Signal()
        m.d.comb += [
            wraps.eq(Cat(end > 1 << bits for end in ends).any()),
            overlap.eq(
                (sizes[0] != 0) & (sizes[1] != 0) & (bases[0] < ends[1]) & (bases[1] < ends[0]),
            ),
        ]
        with m.If(self.changed):
            m.d.sync += [self.settled.eq(0), pair.eq(0), step.eq(0), self.flaws.eq(0)]
        with m.Elif(~self.settled):
            with m.Switch(step):
                with m.Case(0):
                    with m.Switch(pair):
                        for index, windows in enumerate(PAIRS):
                            with m.Case(index):
                                for base, size, window in zip(bases, sizes, windows, strict=True):
                                    m.d.sync += [
                                        base.eq(self.windows[window].base),
                                        size.eq(self.windows[window].size),
                                    ]
                    m.d.sync += step.eq(1)
                with m.Case(1):
                    m.d.sync += [end.eq(base + size) for base, size, end in zip(bases, sizes, ends, strict=True)]
                    m.d.sync += step.eq(2)
                with m.Default():
                    with m.If(wraps):
                        m.d.sync += self.flaws[WindowFlaw.WRAPS].eq(1)
                    with m.If(overlap):
                        m.d.sync += self.flaws[WindowFlaw.OVERLAP].eq(1)
                    with m.If(self.windows[Window.PROGRAM].size == 0):
                        m.d.sync += self.flaws[WindowFlaw.EMPTY].eq(1)
                    m.d.sync += [step.eq(0), pair.eq(pair + 1), self.settled.eq(pair == len(PAIRS) - 1)]
        return m
