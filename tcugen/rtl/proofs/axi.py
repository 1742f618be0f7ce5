"""What proofs of the reader and of the writer share: rules of a channel, and requests that are followed."""

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Signal, Value, ValueLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tcugen.rtl.axi import REQUEST, window_settings
from tcugen.rtl.fifo import Fifo
from tcugen.rtl.proofs.fifo import front
from tcugen.rtl.proofs.proof import always, any_constant, anything, inside, running, submodule, word
from tcugen.rtl.window import PLACES

BURSTS = 4
"""In flight, of machines in which beats are followed."""

Offer = tuple[Signal, Signal, Signal, Signal]
"""Valid, ready, address and length of an address channel."""

Followed = tuple[Signal, Signal, Signal, Signal]
"""Of a request or beat that is followed: it is inside, how many are before it, and two more."""


class PassingCheck(wiring.Component):
    """Stands for a WindowCheck whose requests all pass: what `window: order` shows of it.

    A request comes out any number of cycles after it has entered, at least one.
    """

    windows: data.View
    i: stream.Interface
    o: stream.Interface
    empty: Signal

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
        m.submodules.requests = requests = Fifo(self._asked, 1 << (PLACES - 1).bit_length())
        offered = Signal()
        goes = Signal()
        m.d.comb += [
            self.i.ready.eq(requests.level != PLACES),
            requests.i.valid.eq(self.i.valid & self.i.ready),
            requests.i.payload.eq(self.i.payload),
            self.o.valid.eq(offered),
            goes.eq(offered & self.o.ready),
            requests.o.ready.eq(goes),
            self.o.payload.beats.eq(requests.o.payload.request.beats),
            self.o.payload.tag.eq(requests.o.payload.tag),
            self.empty.eq(requests.level == 0),
        ]
        m.d.sync += offered.eq((offered & ~self.o.ready) | (anything(1) & (requests.level > goes)))
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


class Waiting:
    """The requests in a PassingCheck: how many, beats and tag of number `index`, and whether the first is offered."""

    def __init__(self, m: Module, block: Elaboratable, check: str, index: Value):
        requests: Any = submodule(submodule(block, check), "requests")
        self.level = requests.level
        self.offered = inside(submodule(block, check), "offered")
        at = front(m, requests)

        def number(index: ValueLike, name: str) -> Value:
            return word(m, requests, (at + index)[: len(at)], name)

        self._all = [number(index, f"request_{index}") for index in range(PLACES)]
        chosen = number(index, "request")
        always(m, self.level <= PLACES, ~self.offered | (self.level != 0))
        self.beats, self.tag, self.first_beats = self._beats(chosen), chosen[REQUEST.size :], self._beats(self._all[0])

    @staticmethod
    def _beats(request: Value) -> Value:
        return data.View(REQUEST, request[: REQUEST.size]).beats

    def within(self, most: int) -> list[Value]:
        """All have 1 to `most` beats."""
        return [
            (self.level <= number) | (self._beats(one) >= 1) & (self._beats(one) <= most)
            for number, one in enumerate(self._all)
        ]
