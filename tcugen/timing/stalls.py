"""Busy and stalled cycles by layer, charged as `tcugen/rtl/stalls.py` charges them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tcugen.isa import Unit
from tcugen.registers import Stall
from tcugen.timing.queue import InstructionQueue

Span = tuple[int, int]
"""From a cycle until another, which is not in it."""

_REASONS = {
    Unit.LOAD: Stall.LOAD,
    Unit.STORE: Stall.STORE,
    Unit.COMPUTE: Stall.CONTROL,
    Unit.DRAIN: Stall.DRAIN,
    Unit.POOL: Stall.POOL,
}


@dataclass
class Charges:
    """Cycles by layer.

    Attributes:
        busy: Cycles in which the array took an operand.
        stalls: Per layer, by the numbers of `Stall`.
        unexplained: Cycles without an instruction, to be divided by who was still at work once that is known.
    """

    layers: int
    busy: list[int] = field(init=False)
    stalls: list[list[int]] = field(init=False)
    unexplained: list[tuple[int, int, int]] = field(init=False, default_factory=list[tuple[int, int, int]])

    def __post_init__(self) -> None:
        self.busy = [0] * self.layers
        self.stalls = [[0] * len(Stall) for _ in range(self.layers)]

    def charge(self, layer: int, reason: Stall, start: int, end: int) -> int:
        """The cycles from `start` until `end`; returns where the next ones begin."""
        if end <= start:
            return start
        self.stalls[layer][reason] += end - start
        return end

    def charge_instruction(self, queue: InstructionQueue, last_layer: int, layer: int, start: int, taken: int) -> None:
        """The idle cycles from `start` to `taken`, in which `queue` let its next instruction go, whose layer is given.

        To be called before `queue.take`.
        """
        entered, present = queue.entered[queue.left], queue.present[queue.left]
        end = taken + 1
        at = min(end, max(start, entered + 1))
        if at > start:
            self.unexplained.append((last_layer, start, at))
        at = self.charge(last_layer, Stall.CONTROL, at, min(end, present))
        at = self.charge(layer, Stall.CONTROL, at, min(end, present + 1))
        for unit, cycle in queue.reached:
            at = self.charge(layer, _REASONS[unit], at, min(end, cycle + 1))
        self.charge(layer, Stall.CONTROL, at, end)

    def explain(self, drain: Sequence[Span], pool: Sequence[Span], store: Sequence[Span]) -> None:
        """Divide what is left: cycles without an instruction go to the first unit that was at work, else PROGRAM."""
        for layer, start, end in self.unexplained:
            gaps = [(start, end)]
            for reason, spans in ((Stall.DRAIN, drain), (Stall.POOL, pool), (Stall.STORE, store)):
                left: list[Span] = []
                for gap in gaps:
                    left += self._charge_covered(layer, reason, gap, spans)
                gaps = left
            for gap in gaps:
                self.charge(layer, Stall.PROGRAM, *gap)
        self.unexplained.clear()

    def _charge_covered(self, layer: int, reason: Stall, gap: Span, spans: Sequence[Span]) -> list[Span]:
        """Charge what `spans` cover of `gap`; returns the rest."""
        at, end = gap
        rest: list[Span] = []
        for first, until in spans:
            if until <= at:
                continue
            if first >= end or at >= end:
                break
            if first > at:
                rest.append((at, first))
            at = self.charge(layer, reason, max(at, first), min(until, end))
        if at < end:
            rest.append((at, end))
        return rest
