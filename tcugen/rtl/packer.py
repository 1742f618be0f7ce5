"""Packs words of the activation memory into bus beats."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.arch import Architecture, bits_for


def word_layout(architecture: Architecture) -> data.StructLayout:
    """A word of `rows` bytes of which `units` units of min(bus_bytes, rows) bytes count, the first at `position`.

    `last`: it ends its transfer. Bytes have their parity bit, if they have one, above them.
    """
    units = architecture.rows // min(architecture.bus_bytes, architecture.rows)
    stored_bits = 8 + architecture.parity
    return data.StructLayout(
        {"data": stored_bits * architecture.rows, "position": bits_for(units), "units": range(units + 1), "last": 1}
    )


def beat_layout(architecture: Architecture) -> data.StructLayout:
    """A beat; `last`: it ends its transfer. Bytes as in `word_layout`."""
    return data.StructLayout({"data": (8 + architecture.parity) * architecture.bus_bytes, "last": 1})


class Packer(wiring.Component):
    """Words in, beats out, first byte lowest.

    A word at least as wide as the bus gives `units` beats; of narrower words bus_bytes / rows make one beat, and
    `position` and `units` do not matter. Combinational from word to beat; one beat or one word per cycle, whichever
    is fewer bytes.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, architecture: Architecture):
        self._rows, self._bus_bytes = architecture.rows, architecture.bus_bytes
        self._stored_bits = 8 + architecture.parity  # of a byte
        super().__init__(
            {
                "i": In(stream.Signature(word_layout(architecture))),
                "o": Out(stream.Signature(beat_layout(architecture))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if self._rows > self._bus_bytes:
            self._elaborate_split(m)
        elif self._rows == self._bus_bytes:
            m.d.comb += [
                self.o.payload.data.eq(self.i.payload.data),
                self.o.payload.last.eq(self.i.payload.last),
                self.o.valid.eq(self.i.valid),
                self.i.ready.eq(self.o.ready),
            ]
        else:
            self._elaborate_join(m)
        return m

    def _elaborate_split(self, m: Module) -> None:
        word = self.i.payload
        beats = self._rows // self._bus_bytes
        sent = Signal(exact_log2(beats))  # beats of the present word already sent
        place = Signal(exact_log2(beats))
        last = Signal()
        m.d.comb += [
            place.eq(word.position + sent),
            last.eq(sent + 1 >= word.units),
            self.o.payload.data.eq(word.data.word_select(place, self._stored_bits * self._bus_bytes)),
            self.o.payload.last.eq(word.last & last),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready & last),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += sent.eq(sent + 1)
            with m.If(last):
                m.d.sync += sent.eq(0)

    def _elaborate_join(self, m: Module) -> None:
        words = self._bus_bytes // self._rows
        word_bits = self._stored_bits * self._rows
        held = Signal(word_bits * (words - 1))  # all words of a beat but the last, first word lowest
        count = Signal(exact_log2(words))
        complete = Signal()
        m.d.comb += [
            complete.eq(count == words - 1),
            self.o.payload.data.eq(Cat(held, self.i.payload.data)),
            self.o.payload.last.eq(self.i.payload.last),
            self.o.valid.eq(self.i.valid & complete),
            self.i.ready.eq(self.o.ready | ~complete),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                count.eq(count + 1),
                held.eq(Cat(held, self.i.payload.data)[word_bits:]),
            ]
