"""The gate every burst passes: is it inside a window that this direction may use?"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.arch import BURST_BEATS, Architecture
from tcugen.isa import Window
from tcugen.rtl.axi import PAGE_BYTES, REQUEST, window_settings


class WindowCheck(wiring.Component):
    """Combinational check of one request against the windows.

    `violation` is 1 if the window is not one of `allowed`, if offset + beats * bus_bytes exceeds the window's size
    (33-bit arithmetic), if beats is not 1 .. BURST_BEATS, or if the offset is not a multiple of the bus width.
    `address` is base + offset in either case; the low 12 bits of a base are ignored, so that a burst cannot cross a
    page however the base is set. A window that is not allowed counts as base 0.

    Parameters:
        architecture: Bus widths.
        allowed: Windows this direction may use.
    """

    windows: data.View
    request: data.View
    address: Signal
    violation: Signal

    def __init__(self, architecture: Architecture, allowed: tuple[Window, ...]):
        self._architecture, self._allowed = architecture, allowed
        super().__init__(
            {
                "windows": In(window_settings(architecture)),
                "request": In(REQUEST),
                "address": Out(architecture.bus_address_bits),
                "violation": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus_bits = exact_log2(self._architecture.bus_bytes)
        page_bits = exact_log2(PAGE_BYTES)
        request = self.request
        base = Signal(self._architecture.bus_address_bits)
        size = Signal(32)
        allowed = Signal()
        with m.Switch(request.window):
            for window in self._allowed:
                with m.Case(window):
                    m.d.comb += [
                        base.eq(self.windows[window].base),
                        size.eq(self.windows[window].size),
                        allowed.eq(1),
                    ]
        end = Signal(33)  # below 2**32 + 63 * 64, so 33 bits hold it
        m.d.comb += [
            end.eq(request.offset + (request.beats << bus_bits)),
            self.address.eq(Cat(request.offset[:page_bits], base[page_bits:] + request.offset[page_bits:])),
            self.violation.eq(
                ~allowed
                | (end > size)
                | (request.beats == 0)
                | (request.beats > BURST_BEATS)
                | (request.offset[:bus_bits] != 0)
            ),
        ]
        return m
