"""Small queues between two walkers."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out


class StreamQueue(Component):
    """A queue of `depth` stream payloads, in registers. Latency one cycle, full rate. Reset: empty."""

    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape, depth: int):
        self.shape, self.depth = shape, depth
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        slots = [Signal(self.shape, name=f"slot_{i}", reset_less=True) for i in range(self.depth)]
        level = Signal(range(self.depth + 1))
        put = Signal()
        get = Signal()
        m.d.comb += [
            self.i.ready.eq(level != self.depth),
            self.o.valid.eq(level != 0),
            self.o.payload.eq(slots[0]),
            put.eq(self.i.valid & self.i.ready),
            get.eq(self.o.valid & self.o.ready),
        ]
        m.d.sync += level.eq(level + put - get)
        with m.If(get):
            m.d.sync += [slots[i].eq(slots[i + 1]) for i in range(self.depth - 1)]
        with m.If(put):
            for i in range(self.depth):
                with m.If(level - get == i):
                    m.d.sync += slots[i].eq(self.i.payload)
        return m


class StreamRegister(Component):
    """A queue of one stream payload. Latency one cycle, one payload every other cycle. Reset: empty.

    Neither side's ready or valid depends on the other's, as in a StreamQueue of two, and nothing chooses among
    payloads: no LUT for a bit of them.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape):
        self.shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        payload = Signal(self.shape, reset_less=True)
        m.d.comb += [self.i.ready.eq(~self.o.valid), self.o.payload.eq(payload)]
        with m.If(self.o.valid):
            m.d.sync += self.o.valid.eq(~self.o.ready)
        with m.Elif(self.i.valid):
            m.d.sync += [self.o.valid.eq(1), payload.eq(self.i.payload)]
        return m
