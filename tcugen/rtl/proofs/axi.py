"""What proofs of the reader and of the writer share: rules of a channel, and requests that are followed."""

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tcugen.rtl.axi import REQUEST, window_settings
from tcugen.rtl.proofs.proof import always, any_constant, inside, running, submodule
from tcugen.rtl.queue import StreamQueue

BURSTS = 4
"""In flight, of machines in which beats are followed."""

Offer = tuple[Signal, Signal, Signal, Signal]
"""Valid, ready, address and length of an address channel."""

Followed = tuple[Signal, Signal, Signal, Signal]
"""Of a request or beat that is followed: it is inside, how many are before it, and two more."""


class PassingCheck(wiring.Component):
    """Stands for a WindowCheck whose requests all pass: what `window: order` shows of it, in fewer stages."""

    windows: data.View
    i: stream.Interface
    o: stream.Interface
    empty: Signal

    DEPTH = 2

    def __init__(self, architecture, allowed, tag_bits: int = 1):
        asked = data.StructLayout({"request": REQUEST, "tag": tag_bits})
        checked = data.StructLayout(
            {"address": architecture.bus_address_bits, "beats": 6, "tag": tag_bits, "violation": 1}
        )
        self._asked = asked
        super().__init__(
            {
                "windows": In(window_settings(architecture)),
                "i": In(stream.Signature(asked)),
                "o": Out(stream.Signature(checked)),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = StreamQueue(self._asked, self.DEPTH)
        wiring.connect(m, wiring.flipped(self.i), queue.i)
        m.d.comb += [
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
            self.o.payload.beats.eq(queue.o.payload.request.beats),
            self.o.payload.tag.eq(queue.o.payload.tag),
            self.empty.eq(~queue.o.valid),
        ]
        return m


def stable(m: Module, valid: Signal, ready: Signal, *payload: Value) -> None:
    """What is offered and not taken is offered in the next cycle too, and is the same; unless there was a reset."""
    kept = Signal(len(Cat(*payload)), name=f"kept_{valid.name}")
    waits = Signal(name=f"waits_{valid.name}")
    m.d.sync += [kept.eq(Cat(*payload)), waits.eq(valid & ~ready)]
    always(m, ~waits | (valid & (Cat(*payload) == kept)))


def only_what_passed(m: Module, check: Any, halted: Value, offer: Offer) -> None:
    """An address is offered anew only if the check passed it in the cycle before, and nothing had been halted.

    `offer` is valid, ready, address and length of the channel.
    """
    valid, ready, address, length = offer
    checked = check.o.payload
    passed, waited, was_halted = Signal(), Signal(), Signal()
    last_address, last_beats = Signal(len(address)), Signal(6)
    m.d.sync += [
        passed.eq(check.o.valid & check.o.ready & ~checked.violation),
        waited.eq(valid & ~ready),
        was_halted.eq(halted),
        last_address.eq(checked.address),
        last_beats.eq(checked.beats),
    ]
    anew = valid & ~waited
    always(
        m,
        ~anew | passed,
        ~anew | ((address == last_address) & ((length + 1)[: len(length)] == last_beats)),
        ~(anew & running(m)) | ~was_halted,
        ~(passed & running(m)) | valid,
    )


def any_windows(windows: Any, m: Module) -> None:
    """As a host may have set them; they stay."""
    m.d.comb += Value.cast(windows).eq(any_constant(len(Value.cast(windows))))


def front(m: Module, fifo: Any) -> Signal:
    """Where the oldest item of a Fifo in registers is; its counts agree."""
    queue = submodule(fifo, "queue")
    front, back = inside(queue, "consume"), inside(queue, "produce")
    always(m, (back - front).as_unsigned()[: len(front)] == fifo.level[: len(front)], fifo.level <= 1 << len(front))
    return front


class Waiting:
    """The requests in a PassingCheck: how many, and beats and tag of number `index`."""

    def __init__(self, m: Module, block: Elaboratable, check: str, index: Value):
        queue = submodule(submodule(block, check), "queue")
        self.level = inside(queue, "level")
        self._slots = [inside(queue, f"slot_{number}") for number in range(PassingCheck.DEPTH)]
        always(m, self.level <= PassingCheck.DEPTH)
        chosen = Mux(index == 0, self._slots[0], self._slots[1])
        self.beats, self.tag = self._beats(chosen), chosen[REQUEST.size :]

    @staticmethod
    def _beats(slot: Value) -> Value:
        return data.View(REQUEST, slot[: REQUEST.size]).beats

    def within(self, most: int) -> list[Value]:
        """All have 1 to `most` beats."""
        return [
            (self.level <= number) | (self._beats(slot) >= 1) & (self._beats(slot) <= most)
            for number, slot in enumerate(self._slots)
        ]
