"""Which banks of the activation memory the array reads, cycle by cycle."""

from collections import deque
from collections.abc import Iterator
from itertools import islice

from tcugen.arch import ACTIVATION_BANKS, Architecture
from tcugen.isa import Instruction
from tcugen.timing.banks import NEVER_LEAVES, operand_banks, read_period
from tcugen.timing.completions import NEVER

_SHORT_PASSES = 64
"""Passes looked at where one alone says nothing."""


def _taps(instruction: Instruction) -> Iterator[int]:
    """Where the passes of a column group begin, counted from the first, in order."""
    get = instruction.fields.get
    for group in range(get("n_groups", 0)):
        for ky in range(get("n_ky", 0)):
            for kx in range(get("n_kx", 0)):
                yield group * get("group_step", 0) + ky * get("ky_step", 0) + kx * get("kx_step", 0)


class ArrayReads:
    """The passes of the array, for units that come after it; kept only while such a unit has work to come.

    Attributes:
        wanted: Instructions to come, or under way, that look at the passes.
        until: Cycle after the last read so far.
    """

    def __init__(self, architecture: Architecture, wanted: int) -> None:
        self._rows = architecture.rows
        self._round = ACTIVATION_BANKS * architecture.rows
        self.wanted = wanted
        self.until = 0
        self._period: float | None = None
        self._present: Instruction | None = None
        self._passes: deque[tuple[int, int, bytes]] = deque()

    def add(self, start: int, address: int, rows: int, instruction: Instruction) -> None:
        """A pass of `rows` output rows reads its first operand in cycle `start`, at `address`."""
        banks = self._banks(instruction, address, rows)
        self._passes.append((start, start + len(banks), banks))

    def begin(self, instruction: Instruction) -> None:
        """The array begins with `instruction`."""
        self._present = instruction
        self._period = None

    def word_period(self, start: int) -> float:
        """Cycles per word that are left to a sequential reader from cycle `start` on; a mean."""
        present = self._present
        if present is None or start >= self.until:
            return 1
        if self._period is None:
            get = present.fields.get
            rows = min(get("block_rows", 0), get("n_y", 0))
            first = get("base", 0) + get("offset0", 0)
            self._period = read_period(self._banks(present, first, rows))
            if self._period >= NEVER_LEAVES:
                # Passes so short that they stay in one bank: the next ones go to others.
                passes = [self._banks(present, first + tap, rows) for tap in islice(_taps(present), _SHORT_PASSES)]
                self._period = read_period(b"".join(passes))
        return self._period

    def _banks(self, instruction: Instruction, address: int, rows: int) -> bytes:
        get, modulus = instruction.fields.get, self._round
        steps = get("y_step", 0) % modulus, get("x_step", 0) % modulus
        return operand_banks(self._rows, address % modulus, *steps, rows, get("n_x", 0))

    def at(self, cycle: int) -> tuple[int, int, bytes]:
        """The pass at work in `cycle`, or the next one: its first cycle, the cycle after its last, its banks.

        `cycle` must not fall from call to call.
        """
        passes = self._passes
        while passes and passes[0][1] <= cycle:
            passes.popleft()
        return passes[0] if passes else (NEVER, NEVER, b"")
