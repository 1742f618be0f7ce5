"""A first-in first-out queue between two streams."""

from amaranth.hdl import Module, Mux, ShapeLike, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.rtl.parity import plain, protected, wrong_lanes
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
        late_input: Who offers is known later in a cycle than who takes. It changes nothing but that.
    """

    i: stream.Interface
    o: stream.Interface
    level: Signal
    wrong: Signal

    def __init__(self, shape: ShapeLike, depth: int, parity: int = 0, late_input: bool = False):
        if depth < 2 or depth & (depth - 1):
            raise ValueError(f"FIFO depth is {depth!r}, but it must be a power of two, at least 2")
        self._shape, self._depth, self._parity, self._late_input = shape, depth, parity, late_input
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "level": Out(range(depth + 1)),
                # Where items have a parity bit: that of the one offered at `o` in the cycle before is wrong.
                **({"wrong": Out(1)} if parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if self._depth < SMALL_DEPTH:
            self._elaborate_small(m)
        else:
            self._elaborate_memory(m)
        return m

    def _stored(self) -> Value:
        """The item that enters, as the memory holds it."""
        item = _flat(self.i.payload)
        return protected(item, len(item)) if self._parity else item

    def _offer(self, m: Module, stored: Value) -> None:
        """The item that the memory gave, to `o`."""
        item = _flat(self.o.payload)
        if not self._parity:
            m.d.comb += item.eq(stored)
            return
        offered = Signal()
        m.d.sync += offered.eq(self.o.valid)
        m.d.comb += [
            item.eq(plain(stored, len(item))),
            self.wrong.eq(offered & wrong_lanes(m, stored, len(item), "item")),
        ]

    def _elaborate_small(self, m: Module) -> None:
        m.submodules.queue = queue = SyncFIFO(width=_width(self.i.payload) + self._parity, depth=self._depth)
        m.d.comb += [
            queue.w_data.eq(self._stored()),
            queue.w_en.eq(self.i.valid),
            self.i.ready.eq(queue.w_rdy),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
            self.level.eq(queue.level),  # pyright: ignore[reportAttributeAccessIssue]  # amaranth-stubs lacks it
        ]
        self._offer(m, queue.r_data)

    def _elaborate_memory(self, m: Module) -> None:
        m.submodules.storage = storage = Sram(_width(self.i.payload) + self._parity, self._depth)
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
            storage.write_data.eq(self._stored()),
            storage.read_en.eq(move),
            storage.read_addr.eq(head),
        ]
        self._offer(m, storage.read_data)
        m.d.sync += [
            head.eq(head + move),
            tail.eq(tail + push),
            self.o.valid.eq(move | (self.o.valid & ~self.o.ready)),
        ]
        # What is known late decides whether a number changes, not by how much.
        for number, taken in ((stored, move), (self.level, pop)):
            with m.If(push != taken):
                m.d.sync += number.eq(number + (Mux(taken, -1, 1) if self._late_input else Mux(push, 1, -1)))


def _flat(payload):
    return payload if isinstance(payload, Signal) else payload.as_value()


def _width(payload) -> int:
    return len(_flat(payload))
