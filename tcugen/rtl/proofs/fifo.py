"""Queues keep every item, in order, and count them."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal, Value
from amaranth.utils import exact_log2

from tcugen.rtl.fifo import SMALL_DEPTH, Fifo
from tcugen.rtl.proofs.proof import (
    Method,
    Mutant,
    Proof,
    always,
    any_constant,
    anything,
    given,
    inside,
    running,
    submodule,
    word,
)
from tcugen.rtl.queue import StreamQueue, StreamRegister


class KeepsOrder(Elaboratable):
    """Watches one item, any: it comes out after exactly the items before it, as it was, and not twice.

    Nothing in a queue depends on the items, so that one bit of each stands for all. An item that is offered and not
    taken stays as it is.
    """

    def __init__(self, queue: Any, depth: int, level: bool, item: Callable[[Any], Value] = Value.cast):
        """`item` is the bit of a payload that is looked at."""
        self._queue, self._depth, self._level, self._item = queue, depth, level, item

    def elaborate(self, platform):
        m = Module()
        self._follow(m)
        return m

    def _follow(self, m: Module) -> tuple[Signal, Signal, Signal, Signal, Signal]:
        """Returns when an item is watched, if it is inside, how many are before it, the item, how many there are."""
        m.submodules.queue = queue = self._queue
        count = Signal(range(self._depth + 1))  # items inside
        watch = Signal()  # this one
        watched = Signal()  # it is inside
        seen = Signal()
        ahead = Signal(range(self._depth + 1))
        item = Signal()
        push = Signal()
        pop = Signal()
        m.d.comb += [
            queue.i.valid.eq(anything(1)),
            Value.cast(queue.i.payload).eq(anything(len(Value.cast(queue.i.payload)))),
            queue.o.ready.eq(anything(1)),
            watch.eq(anything(1)),
            push.eq(queue.i.valid & queue.i.ready),
            pop.eq(queue.o.valid & queue.o.ready),
        ]
        m.d.sync += count.eq(count + push - pop)
        with m.If(push & watch & ~seen):
            m.d.sync += [watched.eq(1), seen.eq(1), ahead.eq(count - pop), item.eq(self._item(queue.i.payload))]
        with m.If(watched & pop):
            m.d.sync += [ahead.eq(ahead - 1), watched.eq(ahead != 0)]
        held = Signal()
        last = Signal()
        m.d.sync += [held.eq(queue.o.valid & ~queue.o.ready), last.eq(self._item(queue.o.payload))]
        live = running(m)
        always(
            m,
            ~(watched & (ahead == 0) & queue.o.valid) | (self._item(queue.o.payload) == item),
            ~(queue.o.valid & (count == 0)),
            ~(push & (count == self._depth)),
            ~(live & held) | (queue.o.valid & (self._item(queue.o.payload) == last)),
            ~watched | (ahead < count),
            ~watched | seen,
        )
        if self._level:
            always(m, queue.level == count)
        return watch, watched, ahead, item, count


class KeepsOrderInMemory(KeepsOrder):
    """The same, with what an item's place in memory has to do with the items before it: it is any place, for good."""

    def elaborate(self, platform):
        m = Module()
        watch, watched, ahead, item, _ = self._follow(m)
        queue = self._queue
        head, tail, stored = (inside(queue, name) for name in ("head", "tail", "stored"))
        place = Signal.like(head)
        m.d.comb += place.eq(any_constant(len(place)))
        given(m, ~watch | (tail == place))
        always(
            m,
            _at(tail - head, self._depth) == _at(stored, self._depth),
            queue.level == stored + queue.o.valid,
            queue.level <= self._depth,
            ~watched | (ahead < queue.o.valid) | (_at(head + ahead - queue.o.valid, self._depth) == place),
            ~watched | (ahead < queue.o.valid) | (word(m, submodule(queue, "storage"), place, "kept") == item),
        )
        return m


def front(m: Module, fifo: Any) -> Signal:
    """Where the oldest item of a Fifo in registers is; its counts agree."""
    queue = submodule(fifo, "queue")
    front, back = inside(queue, "consume"), inside(queue, "produce")
    always(m, (back - front).as_unsigned()[: len(front)] == fifo.level[: len(front)], fifo.level <= 1 << len(front))
    return front


def _at(address: Value, depth: int) -> Value:
    """Modulo the depth, a power of two."""
    return address[: exact_log2(depth)]


class Delivers(Elaboratable):
    """What is inside is offered within `latency` cycles, and what fits is taken."""

    def __init__(self, queue: Any, depth: int, latency: int):
        self._queue, self._depth, self._latency = queue, depth, latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = self._queue
        count = Signal(range(self._depth + 1))
        waited = Signal(range(self._latency + 1))
        m.d.comb += [
            queue.i.valid.eq(anything(1)),
            queue.i.payload.eq(any_constant(1)),
            queue.o.ready.eq(anything(1)),
        ]
        m.d.sync += [
            count.eq(count + (queue.i.valid & queue.i.ready) - (queue.o.valid & queue.o.ready)),
            waited.eq(Mux((count != 0) & ~queue.o.valid, waited + 1, 0)),
        ]
        always(m, waited < self._latency, queue.i.ready | (count == self._depth))
        return m


_LOST = Mutant("fifo.py", "tail.eq(tail + push)", "tail.eq(tail + 1)")
_OVERRUN = Mutant("fifo.py", "self.level != self._depth)", "self.level != self._depth + 1)")

PROOFS = (
    Proof(
        "fifo",
        "order",
        "A FIFO in registers gives back every item once, in order, unchanged while it is not taken; `level` counts "
        "them.",
        Method.PDR,
        0,
        lambda: KeepsOrder(Fifo(1, 4), 4, True),
        (Mutant("fifo.py", "queue.r_en.eq(self.o.ready)", "queue.r_en.eq(1)"),),
    ),
    Proof(
        "fifo",
        "order-in-memory",
        "The same of a FIFO in a memory with a registered output, of 64 items.",
        Method.INDUCTION,
        2,
        lambda: KeepsOrderInMemory(Fifo(1, SMALL_DEPTH), SMALL_DEPTH, True),
        (
            _LOST,
            _OVERRUN,
            Mutant("fifo.py", "self.o.valid.eq(move | (self.o.valid & ~self.o.ready))", "self.o.valid.eq(move)"),
        ),
    ),
    Proof(
        "fifo",
        "delivers",
        "An item in the memory's FIFO is offered after at most 2 cycles, and one that fits is taken.",
        Method.PDR,
        0,
        lambda: Delivers(Fifo(1, SMALL_DEPTH), SMALL_DEPTH, 2),
        (Mutant("fifo.py", "(stored != 0) &", "(stored > 1) &"),),
    ),
    Proof(
        "queue",
        "order",
        "A StreamQueue gives back every item once, in order, unchanged while it is not taken.",
        Method.PDR,
        0,
        lambda: KeepsOrder(StreamQueue(1, 2), 2, False),
        (
            Mutant("queue.py", "level - get == i", "level == i"),
            Mutant("queue.py", "level != self.depth", "level <= self.depth"),
        ),
    ),
    Proof(
        "queue",
        "register",
        "So does a StreamRegister.",
        Method.PDR,
        0,
        lambda: KeepsOrder(StreamRegister(1), 1, False),
        (Mutant("queue.py", "self.i.ready.eq(~self.o.valid)", "self.i.ready.eq(~self.o.valid | self.o.ready)"),),
    ),
)
