"""The gate every burst passes: is it inside a window that this direction may use?"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.arch import BURST_BEATS, Architecture
from tcugen.isa import Window
from tcugen.rtl.axi import PAGE_BYTES, REQUEST, window_settings
from tcugen.rtl.fifo import Fifo

PLACES = 5
"""Requests inside: as many as enter until the first has left."""


class WindowCheck(wiring.Component):
    """Checks requests against the windows, in order, one per cycle.

    `violation` is 1 if the window is not one of `allowed`, if offset + beats * bus_bytes exceeds the window's size
    (33-bit arithmetic), if base + offset does not fit the bus's addresses, if beats is not 1 .. BURST_BEATS, or if the
    offset is not a multiple of the bus width. `address` is base + offset in either case; the low 12 bits of a base are
    ignored, so that a burst cannot cross a page however the base is set. A window that is not allowed counts as base 0.

    Latency: 4 cycles from `i` to `o`, one step of the check in each. A request enters when one of PLACES is free and
    never stops on its way: `i.ready` depends on registers only, and `o.ready` holds nothing back but what waits at `o`.

    Parameters:
        architecture: Bus widths.
        allowed: Windows this direction may use.
        tag_bits: Width of `tag`, which comes out with the request, at least 1.

    Members:
        windows: Settings; stable while a request is inside.
        i, o: Requests, and what became of them.
        empty: No request is inside.
    """

    windows: data.View
    i: stream.Interface
    o: stream.Interface
    empty: Signal
    queue_wrong: Signal

    LATENCY = 4

    def __init__(self, architecture: Architecture, allowed: tuple[Window, ...], tag_bits: int = 1):
        self._architecture, self._allowed = architecture, allowed
        self._request = data.StructLayout({"request": REQUEST, "tag": tag_bits})
        address_bits = architecture.bus_address_bits
        checked = data.StructLayout({"address": address_bits, "beats": 6, "tag": tag_bits, "violation": 1})
        super().__init__(
            {
                "windows": In(window_settings(architecture)),
                "i": In(stream.Signature(self._request)),
                "o": Out(stream.Signature(checked)),
                "empty": Out(1),
                **({"queue_wrong": Out(1)} if architecture.parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        address_bits = self._architecture.bus_address_bits
        bus_bits, page_bits = exact_log2(self._architecture.bus_bytes), exact_log2(PAGE_BYTES)
        parity = self._architecture.parity
        room = Signal(range(PLACES + 1), init=PLACES)
        layout = self.o.payload.shape()
        stored = data.StructLayout({"verdict": layout, "parity": 1}) if parity else layout
        m.submodules.verdicts = verdicts = Fifo(stored, 1 << (PLACES - 1).bit_length())
        verdict = self._offer(m, verdicts) if parity else verdicts.i.payload
        if not parity:
            wiring.connect(m, verdicts.o, wiring.flipped(self.o))
        taken = Signal()
        left = Signal()
        m.d.comb += [
            self.i.ready.eq(room != 0),
            self.empty.eq(room == PLACES),
            taken.eq(self.i.valid & self.i.ready),
            left.eq(self.o.valid & self.o.ready),
        ]
        m.d.sync += room.eq(room - taken + left)
        entered_valid, chosen_valid, summed_valid = (
            Signal(name=f"{step}_valid") for step in ("entered", "chosen", "summed")
        )
        m.d.sync += [entered_valid.eq(taken), chosen_valid.eq(entered_valid), summed_valid.eq(chosen_valid)]

        # 1: the request. 2: the window's settings.
        entered = Signal(self._request, reset_less=True)
        chosen = Signal(self._request, reset_less=True)
        base = Signal(address_bits - page_bits, reset_less=True)
        size = Signal(32, reset_less=True)
        allowed = Signal(reset_less=True)
        m.d.sync += [entered.eq(self.i.payload), chosen.eq(entered), base.eq(0), size.eq(0), allowed.eq(0)]
        with m.Switch(entered.request.window):
            for window in self._allowed:
                with m.Case(window):
                    m.d.sync += [
                        base.eq(self.windows[window].base[page_bits:]),
                        size.eq(self.windows[window].size),
                        allowed.eq(1),
                    ]

        # 3: sums. 4: the verdict.
        request = chosen.request
        summed = Signal(self._request, reset_less=True)
        page = Signal(address_bits - page_bits + 1, reset_less=True)  # its top bit is the carry out of the addresses
        end_offset = Signal(33, reset_less=True)  # below 2**32 + 63 * 64, so 33 bits hold it
        summed_size = Signal(32, reset_less=True)
        refused = Signal(reset_less=True)
        m.d.sync += [
            summed.eq(chosen),
            page.eq(base + request.offset[page_bits:]),
            end_offset.eq(request.offset + (request.beats << bus_bits)),
            summed_size.eq(size),
            refused.eq(
                ~allowed | (request.beats == 0) | (request.beats > BURST_BEATS) | (request.offset[:bus_bits] != 0)
            ),
        ]
        m.d.comb += [
            verdicts.i.valid.eq(summed_valid),
            verdict.address.eq(Cat(summed.request.offset[:page_bits], page[:-1])),
            verdict.beats.eq(summed.request.beats),
            verdict.tag.eq(summed.tag),
            verdict.violation.eq(refused | page[-1] | (end_offset > summed_size)),
        ]
        return m

    def _offer(self, m: Module, verdicts: Fifo) -> data.View:
        """Verdicts whose parity is right, to `o`: what goes to the bus cannot be taken back. Returns what enters."""
        entering, oldest = verdicts.i.payload, verdicts.o.payload
        sound = Signal()
        m.d.comb += [
            entering.parity.eq(~entering.verdict.as_value().xor()),
            sound.eq(oldest.as_value().xor()),
            self.o.payload.eq(oldest.verdict),
            self.o.valid.eq(verdicts.o.valid & sound),
            verdicts.o.ready.eq(self.o.ready & sound),
        ]
        m.d.sync += self.queue_wrong.eq(verdicts.o.valid & ~sound)
        return entering.verdict
