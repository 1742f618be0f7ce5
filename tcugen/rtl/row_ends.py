"""Zeros in place of what follows the last pixel of a row, on the way to memory."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.arch import Architecture
from tcugen.isa import ACTIVATION_ADDRESS_BITS
from tcugen.rtl.packer import beat_layout
from tcugen.rtl.parity import wrong_lanes

ROWS = data.StructLayout({"row_step": ACTIVATION_ADDRESS_BITS, "row_bytes": ACTIVATION_ADDRESS_BITS})
"""A transfer that consists of rows `row_step` bytes long, of which the first `row_bytes` are pixels."""


class RowEnds(wiring.Component):
    """Beats in, the same beats out, bytes that are no pixel replaced by 0.

    A transfer begins at a row's first byte. Each costs one cycle before its first beat, in which `rows` is taken;
    then one beat per cycle, combinational from `i` to `o`.
    """

    rows: stream.Interface
    i: stream.Interface
    o: stream.Interface
    wrong: Signal

    def __init__(self, architecture: Architecture):
        self._bus_bytes, self._parity = architecture.bus_bytes, architecture.parity
        super().__init__(
            {
                "rows": In(stream.Signature(ROWS)),
                "i": In(stream.Signature(beat_layout(architecture))),
                "o": Out(stream.Signature(8 * architecture.bus_bytes)),
                # Where bytes come with a parity bit: that of a pixel was wrong.
                **({"wrong": Out(1)} if architecture.parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus_bytes = self._bus_bytes
        bus_bits = exact_log2(bus_bytes)
        rows = Signal(ROWS, reset_less=True)
        busy = Signal()
        pixels = Signal(ACTIVATION_ADDRESS_BITS, reset_less=True)  # bytes of the row, from this beat on
        beats = Signal(ACTIVATION_ADDRESS_BITS - bus_bits, reset_less=True)  # after this one, to the row's end
        sent = Signal()
        m.d.comb += [
            self.rows.ready.eq(~busy),
            self.o.valid.eq(busy & self.i.valid),
            self.i.ready.eq(busy & self.o.ready),
            sent.eq(self.o.valid & self.o.ready),
        ]
        stored_bits = 8 + self._parity
        pixel_bytes: list[Value] = []
        for byte in range(bus_bytes):
            is_pixel = Signal(name=f"is_pixel_{byte}")
            m.d.comb += is_pixel.eq(pixels > byte)
            stored = self.i.payload.data.word_select(byte, stored_bits)
            with m.If(is_pixel):
                m.d.comb += self.o.payload.word_select(byte, 8).eq(stored[:8])
            pixel_bytes.append(is_pixel)
        with m.If(self.rows.valid & self.rows.ready):
            m.d.sync += [
                busy.eq(1),
                rows.eq(self.rows.payload),
                pixels.eq(self.rows.payload.row_bytes),
                beats.eq(self.rows.payload.row_step[bus_bits:] - 1),
            ]
        with m.If(sent):
            m.d.sync += [
                pixels.eq(Mux(pixels[bus_bits:] != 0, pixels - Const(bus_bytes), 0)),
                beats.eq(beats - 1),
            ]
            with m.If(beats == 0):
                m.d.sync += [pixels.eq(rows.row_bytes), beats.eq(rows.row_step[bus_bits:] - 1)]
            with m.If(self.i.payload.last):
                m.d.sync += busy.eq(0)
        if self._parity:
            used = Signal(bus_bytes)
            m.d.sync += used.eq(Cat(pixel_bytes) & sent.replicate(bus_bytes))
            m.d.sync += self.wrong.eq((used & wrong_lanes(m, self.i.payload.data, 8, "beat")).any())
        return m
