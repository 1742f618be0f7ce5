"""What a replay predicts, in the words of the machine's counters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tcugen.isa import Opcode
from tcugen.registers import Stall


@dataclass(frozen=True)
class LayerCycles:
    """Cycles of one layer number.

    Attributes:
        busy: Cycles in which the array took an operand of it.
        stalls: Cycles in which the array waited for it, by reason; reasons without any are left out.
    """

    busy: int
    stalls: Mapping[Stall, int]

    @property
    def cycles(self) -> int:
        """All of them."""
        return self.busy + sum(self.stalls.values())


@dataclass(frozen=True)
class Prediction:
    """One run of a program.

    Attributes:
        cycles: From the start to done: the counter CYCLES.
        layers: By layer number. Their sum is `cycles`.
        bytes_read, bytes_written: As the counters of the same names.
        spans: From when until when each unit had each of its instructions, in program order; until is not in it.
    """

    cycles: int
    layers: tuple[LayerCycles, ...]
    bytes_read: int
    bytes_written: int
    spans: Mapping[Opcode, Sequence[tuple[int, int]]] = field(
        default_factory=dict[Opcode, Sequence[tuple[int, int]]], compare=False, repr=False
    )

    @property
    def busy(self) -> int:
        """The counter BUSY."""
        return sum(layer.busy for layer in self.layers)

    @property
    def stalls(self) -> dict[Stall, int]:
        """The counters STALL_*, those that are not 0."""
        totals = {reason: sum(layer.stalls.get(reason, 0) for layer in self.layers) for reason in Stall}
        return {reason: cycles for reason, cycles in totals.items() if cycles}
