"""A first-in first-out queue between two streams."""

from amaranth.hdl import Module, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.rtl.sram import Sram

SMALL_DEPTH = 64
"""Queues shallower than this are read combinationally, from registers or distributed memory."""


class Fifo(wiring.Component):
    """A queue of `depth` items, one in and one out per cycle.

    An item can leave 1 cycle after it entered, 2 cycles from depth SMALL_DEPTH on, where the storage is a memory with
    a registered output. `level` counts all items inside. Reset empties the queue.

    Parameters:
        shape: Shape of an item.
        depth: Items, a power of two, at least 2. ValueError otherwise.
    """

    i: stream.Interface
    o: stream.Interface
    level: Signal

    def __init__(self, shape: ShapeLike, depth: int):
        if depth < 2 or depth & (depth - 1):
            raise ValueError(f"FIFO depth is {depth!r}, but it must be a power of two, at least 2")
        self._shape, self._depth = shape, depth
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "level": Out(range(depth + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if self._depth < SMALL_DEPTH:
            self._elaborate_small(m)
        else:
            self._elaborate_memory(m)
        return m

    def _elaborate_small(self, m: Module) -> None:
        m.submodules.queue = queue = SyncFIFO(width=_width(self.i.payload), depth=self._depth)
        m.d.comb += [
            queue.w_data.eq(self.i.payload),
            queue.w_en.eq(self.i.valid),
            self.i.ready.eq(queue.w_rdy),
            _flat(self.o.payload).eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
            self.level.eq(queue.level),  # pyright: ignore[reportAttributeAccessIssue]  # amaranth-stubs lacks it
        ]

    def _elaborate_memory(self, m: Module) -> None:
        m.submodules.storage = storage = Sram(_width(self.i.payload), self._depth)
        head = Signal(exact_log2(self._depth))
        tail = Signal(exact_log2(self._depth))
        stored = Signal(range(self._depth + 1))  # items that have not moved to the read register yet
        push = Signal()
        move = Signal()
        pop = Signal()
        m.d.comb += [
            self.i.ready.eq(self.level != self._depth),
            push.eq(self.i.valid & self.i.ready),
            move.eq((stored != 0) & (~self.o.valid | self.o.ready)),
            pop.eq(self.o.valid & self.o.ready),
            storage.write_en.eq(push),
            storage.write_addr.eq(tail),
            storage.write_data.eq(_flat(self.i.payload)),
            storage.read_en.eq(move),
            storage.read_addr.eq(head),
            _flat(self.o.payload).eq(storage.read_data),
        ]
        m.d.sync += [
            head.eq(head + move),
            tail.eq(tail + push),
            stored.eq(stored + push - move),
            self.level.eq(self.level + push - pop),
            self.o.valid.eq(move | (self.o.valid & ~self.o.ready)),
        ]


def _flat(payload):
    return payload if isinstance(payload, Signal) else payload.as_value()


def _width(payload) -> int:
    return len(_flat(payload))
