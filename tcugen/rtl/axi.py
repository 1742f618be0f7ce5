"""AXI4 master signatures with flat member names, and the shapes of the requests that become bursts.

Every burst is INCR at the full width of the bus, so `a*size`, `a*burst`, `a*prot` and `a*cache` are constants. All
bursts have ID 0, so memory answers in order; the IDs of its answers are not looked at.
"""

from typing import Protocol

from amaranth.hdl import Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.arch import BURST_BEATS, PAGE_BYTES, Architecture
from tcugen.isa import Window

MAX_OUTSTANDING = 16
"""Bursts in flight per direction."""

BURST_INCR = 1
PROT_DATA = 0b000
"""Unprivileged, secure, data."""
CACHE_BUFFERABLE = 0b0011
"""Normal memory, non-cacheable, bufferable."""
RESPONSE_OKAY = 0
ID_BITS = 1

assert BURST_BEATS * 64 <= PAGE_BYTES, "a naturally aligned burst on the widest bus stays inside a page"


REQUEST = data.StructLayout(
    {
        "window": 3,
        "offset": 32,
        "beats": 6,
    }
)
"""One burst: `beats` beats (1 .. BURST_BEATS) from byte `offset`, a multiple of the bus width, in `window`.

A request never crosses a multiple of BURST_BEATS * bus_bytes, so its burst never crosses a page.
"""


def window_settings(architecture: Architecture) -> data.ArrayLayout:
    """All windows, indexed by `isa.Window`: `base` in bytes, a multiple of PAGE_BYTES, and `size` in bytes."""
    return data.ArrayLayout(
        data.StructLayout({"base": architecture.bus_address_bits, "size": 32}),
        len(Window),
    )


def _constant(bits: int, value: int) -> wiring.Member:
    """An output that nothing drives."""
    return Out(bits, init=value)  # pyright: ignore[reportCallIssue]  # amaranth-stubs lacks `init`


class ReadBus(Protocol):
    """What a `ReadSignature` makes."""

    araddr: Signal
    arlen: Signal
    arvalid: Signal
    arready: Signal
    rdata: Signal
    rresp: Signal
    rlast: Signal
    rvalid: Signal
    rready: Signal

    @property
    def signature(self) -> wiring.Signature: ...


class WriteBus(Protocol):
    """What a `WriteSignature` makes."""

    awaddr: Signal
    awlen: Signal
    awvalid: Signal
    awready: Signal
    wdata: Signal
    wstrb: Signal
    wlast: Signal
    wvalid: Signal
    wready: Signal
    bresp: Signal
    bvalid: Signal
    bready: Signal

    @property
    def signature(self) -> wiring.Signature: ...


class ReadSignature(wiring.Signature):
    """Read channels (AR, R) of an AXI4 master, members named as the standard's signals in lower case."""

    def __init__(self, architecture: Architecture):
        super().__init__(
            {
                "arid": _constant(ID_BITS, 0),
                "araddr": Out(architecture.bus_address_bits),
                "arlen": Out(8),
                "arsize": _constant(3, exact_log2(architecture.bus_bytes)),
                "arburst": _constant(2, BURST_INCR),
                "arprot": _constant(3, PROT_DATA),
                "arcache": _constant(4, CACHE_BUFFERABLE),
                "arvalid": Out(1),
                "arready": In(1),
                "rid": In(ID_BITS),
                "rdata": In(8 * architecture.bus_bytes),
                "rresp": In(2),
                "rlast": In(1),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )


class WriteSignature(wiring.Signature):
    """Write channels (AW, W, B) of an AXI4 master, members named as the standard's signals in lower case."""

    def __init__(self, architecture: Architecture):
        super().__init__(
            {
                "awid": _constant(ID_BITS, 0),
                "awaddr": Out(architecture.bus_address_bits),
                "awlen": Out(8),
                "awsize": _constant(3, exact_log2(architecture.bus_bytes)),
                "awburst": _constant(2, BURST_INCR),
                "awprot": _constant(3, PROT_DATA),
                "awcache": _constant(4, CACHE_BUFFERABLE),
                "awvalid": Out(1),
                "awready": In(1),
                "wdata": Out(8 * architecture.bus_bytes),
                "wstrb": Out(architecture.bus_bytes),
                "wlast": Out(1),
                "wvalid": Out(1),
                "wready": In(1),
                "bid": In(ID_BITS),
                "bresp": In(2),
                "bvalid": In(1),
                "bready": Out(1),
            }
        )
