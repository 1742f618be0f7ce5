"""Which banks of the activation memory the array reads, cycle by cycle."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(slots=True)
class _Span:
    """Cycles `start` to `end` - 1, in which the array reads for one instruction."""

    start: int
    end: int
    instruction: Instruction


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
        self._spans: deque[_Span] = deque()
        self._measured: Instruction | None = None  # whose period was asked for last
        self._period = 1.0
        self._passes: deque[tuple[int, int, bytes]] = deque()

    def add(self, start: int, address: int, rows: int, instruction: Instruction) -> None:
        """A pass of `rows` output rows reads its first operand in cycle `start`, at `address`."""
        banks = self._banks(instruction, address, rows)
        self._passes.append((start, start + len(banks), banks))

    def busy(self, start: int, end: int, instruction: Instruction) -> None:
        """The array reads from cycle `start` to the one before `end`, but for a few between passes."""
        self.until = end
        last = self._spans[-1] if self._spans else None
        if last is not None and last.instruction is instruction and start <= last.end + 1:
            last.end = end
        else:
            self._spans.append(_Span(start, end, instruction))

    def sequential(self, start: int, beats: int, beat_words: float) -> int:
        """Cycle in which a sequential reader has the last word of its last beat, as far as reads are known.

        Args:
            start: Cycle of its first word; must not fall from call to call.
            beats: At most one a cycle.
            beat_words: Words to a beat.
        """
        spans = self._spans
        while spans and spans[0].end <= start:
            spans.popleft()
        alone = max(1.0, beat_words)
        cycle, left = float(start), float(beats)
        for span in spans:
            if cycle + left * alone <= span.start:
                break
            if span.start > cycle:
                left -= (span.start - cycle) / alone
                cycle = span.start
            beside = max(1.0, beat_words * self._word_period(span.instruction))
            if left * beside <= span.end - cycle:
                return int(cycle + left * beside) - 1
            left -= (span.end - cycle) / beside
            cycle = span.end
        return int(cycle + left * alone) - 1

    def _word_period(self, instruction: Instruction) -> float:
        """Cycles per word that the array leaves to a sequential reader; a mean."""
        if self._measured is not instruction:
            get = instruction.fields.get
            rows = min(get("block_rows", 0), get("n_y", 0))
            first = get("base", 0) + get("offset0", 0)
            self._measured = instruction
            self._period = read_period(self._banks(instruction, first, rows))
            if self._period >= NEVER_LEAVES:
                # Passes so short that they stay in one bank: the next ones go to others.
                taps = islice(_taps(instruction), _SHORT_PASSES)
                self._period = read_period(b"".join(self._banks(instruction, first + tap, rows) for tap in taps))
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
