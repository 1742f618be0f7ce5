"""Who may rely on whose work: completion counters, what each unit knows of the others, and races on memory.

Units run side by side, so a program is right only if every order the counters allow gives the same bytes. Each piece
of work carries the vector of completed counts that was certain when it started; an access that meets the work of
another unit outside that vector is a race, whichever order this run happened to take.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcugen.emulator.step import Step
from tcugen.isa import COUNT_BITS, Unit

WAIT_FIELDS = tuple(f"wait_{unit.name.lower()}" for unit in Unit)
"""The field that waits for each unit, in the order of `Unit`."""


@dataclass(frozen=True)
class Work:
    """One counted piece of work: the `count`-th of `unit`, started when `known[v]` works of every unit v were done."""

    step: Step
    unit: Unit
    count: int
    known: tuple[int, ...]


class VectorClocks:
    """Completion counters of all units and what follows from each count."""

    def __init__(self):
        self.completed = [0] * len(Unit)
        self._known = [[0] * len(Unit) for _ in Unit]
        self._history: list[list[list[int]]] = [[[0] * len(Unit)] for _ in Unit]

    def unmet(self, step: Step) -> Unit | None:
        """A unit whose `wait_*` of this instruction is not reached yet, or None."""
        for unit in Unit:
            if self.completed[unit] < step[WAIT_FIELDS[unit]]:
                return unit
        return None

    def begin(self, unit: Unit, step: Step) -> None:
        """`unit` starts `step`: all its waits are met."""
        for other in Unit:
            self.join(unit, other, step[WAIT_FIELDS[other]])

    def join(self, unit: Unit, other: Unit, count: int) -> None:
        """From here on `unit` relies on `count` works of `other`, and on all that those relied on."""
        self._known[unit] = list(map(max, self._known[unit], self._history[other][count]))

    def work(self, unit: Unit, step: Step) -> Work:
        """The next piece of work of `unit`."""
        return Work(step, unit, self.completed[unit] + 1, tuple(self._known[unit]))

    def complete(self, work: Work) -> None:
        if work.count >= 1 << COUNT_BITS:
            raise work.step.error(
                WAIT_FIELDS[work.unit], f"count {work.count} of {work.unit.name} exceeds {COUNT_BITS} bits"
            )
        self.completed[work.unit] = work.count
        after = list(work.known)
        after[work.unit] = work.count
        self._history[work.unit].append(after)


class AccessLog:
    """The last write and the last read by each unit of every byte of one memory.

    `read` and `write` take the byte addresses as an index array or a slice and raise EmulationError if another
    unit's conflicting access is not ordered before this one. Results of a unit's own earlier work need a wait too:
    they are in memory only when counted.
    """

    def __init__(self, size: int):
        self._writes = np.zeros(size, np.int32)
        self._reads: dict[Unit, NDArray[np.int32]] = {}
        self._last_write = [0] * len(Unit)
        self._instructions: dict[tuple[Unit, int], int] = {}

    def read(self, work: Work, where: NDArray[np.int64] | slice) -> None:
        self._check_writes(work, where, "reads", None)
        if work.unit not in self._reads:
            self._reads[work.unit] = np.zeros_like(self._writes)
        self._reads[work.unit][where] = work.count
        self._instructions[work.unit, work.count] = work.step.index

    def write(self, work: Work, where: NDArray[np.int64] | slice) -> None:
        self._check_writes(work, where, "writes", work.unit)
        for unit, reads in self._reads.items():
            if unit != work.unit and (last := int(reads[where].max(initial=0))) > work.known[unit]:
                self._fail(work, unit, last, "writes", "reads")
        self._writes[where] = (work.unit << COUNT_BITS) + work.count
        self._last_write[work.unit] = work.count
        self._instructions[work.unit, work.count] = work.step.index

    def _check_writes(self, work: Work, where: NDArray[np.int64] | slice, verb: str, in_order: Unit | None) -> None:
        suspects = [unit for unit in Unit if unit != in_order and self._last_write[unit] > work.known[unit]]
        if not suspects:
            return
        writers = self._writes[where]
        for unit in suspects:
            first, last = (unit << COUNT_BITS) + work.known[unit], (unit + 1) << COUNT_BITS
            late = writers[(writers > first) & (writers < last)]
            if late.size:
                self._fail(work, unit, int(late.max()) - (unit << COUNT_BITS), verb, "writes")

    def _fail(self, work: Work, unit: Unit, count: int, verb: str, other_verb: str) -> None:
        place = f"instruction {self._instructions[unit, count]}"
        this, other = f"work {work.count} of {work.unit.name}", f"work {count} of {unit.name}"
        field, other_field = WAIT_FIELDS[unit], WAIT_FIELDS[work.unit]
        raise work.step.error(
            field,
            f"{this} {verb} a byte that {other} ({place}) {other_verb}, "
            f"and nothing orders the two; raise {field} to {count} or {other_field} of {place} to {work.count}",
        )
