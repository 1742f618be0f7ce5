"""What is certain about the order of two pieces of work, and that nothing hangs on any other order.

Every unit counts its completed work. A piece of work knows how much of every unit's work was complete when it began:
what its instruction and those before it in the unit waited for, and what that work knew in turn. Two accesses to a
word, one of them a write, are in order on the hardware, whatever its speed and that of memory, if the later one knows
the earlier one. All other pairs are refused.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcugen.certify.errors import NotCertified
from tcugen.isa import COUNT_BITS, Instruction, Unit

Known = tuple[int, ...]
"""Completed work by unit."""

NOTHING: Known = (0,) * len(Unit)


@dataclass(frozen=True)
class Work:
    """The `count`-th piece of work of a unit, begun when `known` was certainly complete."""

    unit: Unit
    count: int
    known: Known


class VectorClocks:
    """How much each unit has completed, and what each piece of its work knew."""

    def __init__(self):
        self.completed = [0] * len(Unit)
        self._known: list[Known] = [NOTHING] * len(Unit)
        self._history: list[list[Known]] = [[NOTHING] for _ in Unit]

    def ready(self, instruction: Instruction) -> bool:
        """Whether all that an instruction waits for is complete."""
        return all(self.completed[unit] >= wait for unit, wait in _waits(instruction))

    def begin(self, unit: Unit, instruction: Instruction) -> None:
        """A unit begins an instruction that is ready."""
        for other, wait in _waits(instruction):
            self.join(unit, other, wait)

    def join(self, unit: Unit, other: Unit, count: int) -> None:
        """From here on a unit knows that `count` works of another one are complete."""
        self._known[unit] = tuple(map(max, self._known[unit], self._history[other][count]))

    def work(self, unit: Unit) -> Work:
        """The next piece of work of a unit."""
        return Work(unit, self.completed[unit] + 1, self._known[unit])

    def complete(self, work: Work) -> None:
        """Count a piece of work."""
        if work.count >= 1 << COUNT_BITS:
            raise NotCertified(f"{work.unit.name} completes more work than its counter of {COUNT_BITS} bits holds")
        self.completed[work.unit] = work.count
        after = list(work.known)
        after[work.unit] = work.count
        self._history[work.unit].append(tuple(after))


def _waits(instruction: Instruction) -> list[tuple[Unit, int]]:
    return [(unit, instruction[f"wait_{unit.name.lower()}"]) for unit in Unit]


class WordLog:
    """The last write and the last read of every word of a memory by each unit.

    Words, since the memories promise nothing about a word that is read while any of its bytes is written. Earlier
    accesses of the same unit are in order with its last one.
    """

    def __init__(self, words: int):
        self._written = np.zeros((len(Unit), words), np.int32)
        self._read = np.zeros((len(Unit), words), np.int32)
        self._latest = np.zeros((2, len(Unit)), np.int64)
        self.pairs = 0

    def read(self, work: Work, words: NDArray[np.int64], own_writes: bool = True) -> None:
        """Raises NotCertified unless all writes of these words are known; `own_writes` are checked too if set."""
        for unit in Unit:
            if unit != work.unit or own_writes:
                self._check(work, unit, words, 0, "reads what", "writes")
        self._read[work.unit][words] = work.count
        self._latest[1][work.unit] = work.count

    def write(self, work: Work, words: NDArray[np.int64]) -> None:
        """Raises NotCertified unless all accesses of other units to these words are known."""
        for unit in Unit:
            if unit != work.unit:
                self._check(work, unit, words, 0, "overwrites what", "writes")
                self._check(work, unit, words, 1, "overwrites what", "reads")
        self._written[work.unit][words] = work.count
        self._latest[0][work.unit] = work.count

    def _check(self, work: Work, unit: Unit, words: NDArray[np.int64], kind: int, verb: str, does: str) -> None:
        log = (self._written, self._read)[kind][unit]
        if self._latest[kind][unit] == 0 or words.size == 0:
            return
        last = int(log[words].max())
        self.pairs += words.size
        if last > work.known[unit]:
            raise NotCertified(
                f"work {work.count} of {work.unit.name} {verb} work {last} of {unit.name} {does}, and no wait orders "
                f"the two: certain are {work.known[unit]} only"
            )
