"""Conflicts in the banks of the activation memory, where they cost cycles.

Who comes first is fixed (`tcugen/rtl/activation.py`): reads array, residual, pool, store; writes drain, pool, load.
Word w stands in bank w % 4, so what happens depends on addresses modulo four words only.
"""

from functools import lru_cache

from tcugen.arch import ACTIVATION_BANKS, Architecture
from tcugen.isa import Instruction

_TRIAL_WORDS = 256
"""Words over which a mean is taken."""

NEVER_LEAVES = 64
"""Cycles per word from which on a reader is taken to be kept from a bank for ever."""

_REMEMBERED = 4096
"""Patterns kept from replay to replay; a search meets the same ones again."""


@lru_cache(_REMEMBERED)
def operand_banks(word_bytes: int, address: int, row_step: int, pixel_step: int, rows: int, n_x: int) -> bytes:
    """The banks that a pass of the array reads, one byte per cycle, bit b for bank b.

    An operand that begins within a word takes its neighbour too. Addresses and steps count modulo four words.
    """
    banks: list[int] = []
    for y in range(rows):
        at = address + y * row_step
        for _ in range(n_x):
            word = at // word_bytes
            mask = 1 << word % ACTIVATION_BANKS
            if at % word_bytes:
                mask |= 1 << (word + 1) % ACTIVATION_BANKS
            banks.append(mask)
            at += pixel_step
    return bytes(banks)


@lru_cache(_REMEMBERED)
def drained_banks(
    word_bytes: int, lanes: int, steps: int, channel: int, plane_step: int, pixel_step: int
) -> tuple[int, ...]:
    """The bank of each write of the output path while it drains pixels, over one round of the banks."""
    banks: list[int] = []
    for pixel in range(ACTIVATION_BANKS):
        for step in range(steps):
            plane, _ = divmod(channel + step * lanes, word_bytes)
            banks.append((pixel * pixel_step + plane * plane_step) // word_bytes % ACTIVATION_BANKS)
    return tuple(banks)


@lru_cache(_REMEMBERED)
def slowed(writes_per_word: int, others: tuple[int, ...]) -> float:
    """Cycles per write of a sequential writer that gives way to one whose writes go to the banks `others`.

    A faster writer runs into the bank of the slower and then follows it, bank by bank.
    """
    total = cycle = word = done = 0
    while total < _TRIAL_WORDS * writes_per_word:
        if others[cycle % len(others)] != word % ACTIVATION_BANKS:
            total += 1
            done += 1
            if done == writes_per_word:
                word, done = word + 1, 0
        cycle += 1
        if cycle > 64 * _TRIAL_WORDS * writes_per_word:
            break  # the other never leaves the bank
    return cycle / max(1, total)


@lru_cache(_REMEMBERED)
def read_period(array: bytes) -> float:
    """Cycles per word of a sequential reader beside an array that reads the banks `array`, again and again."""
    cycle = word = 0
    while word < _TRIAL_WORDS:
        if not array[cycle % len(array)] >> word % ACTIVATION_BANKS & 1:
            word += 1
        cycle += 1
        if cycle > NEVER_LEAVES * _TRIAL_WORDS:
            break  # the array never leaves the bank
    return cycle / max(1, word)


class DrainWrites:
    """When the output path writes, and what that leaves to LOAD."""

    def __init__(self, architecture: Architecture) -> None:
        a = architecture
        self._architecture = a
        self._word_writes = a.rows // min(a.bus_bytes, a.rows)
        self._round = ACTIVATION_BANKS * a.rows
        self._spans: list[tuple[int, int, float]] = []
        self._at = 0

    def slowing(self, drain: Instruction, column: int) -> float:
        """Cycles per write of a LOAD beside this DRAIN's column group number `column`."""
        a, get = self._architecture, drain.fields.get
        last = column + 1 == get("n_columns", 0)
        others = drained_banks(
            a.rows,
            a.output_lanes,
            get("last_steps", 0) if last else a.output_steps,
            get("channel0", 0) + column * a.columns,
            get("out_plane_step", 0) % self._round,
            get("out_x_step", 0) % self._round,
        )
        return slowed(self._word_writes, others)

    def add(self, first: int, last: int, slow: float) -> None:
        """Writes in the cycles `first` to `last`, during which a LOAD takes `slow` cycles each. Spans come in order."""
        spans = self._spans
        if spans and first <= spans[-1][1] + 1 and spans[-1][2] == slow:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]), slow)
        else:
            spans.append((first, last, slow))

    def place(self, start: int, last_arrival: int, writes: int) -> tuple[int, int]:
        """Cycle of the last of `writes` writes and about how many cycles each took.

        The first goes no earlier than `start`, the last no earlier than `last_arrival`.
        """
        spans, at = self._spans, self._at
        while at < len(spans) and spans[at][1] < start:
            at += 1
        self._at = at
        if at == len(spans) or spans[at][0] >= start + writes:
            end = start + writes - 1
            return (end, 1) if end > last_arrival else (last_arrival, 1)
        cycle, left = start, writes
        while at < len(spans) and left > 0:
            first, last, slow = spans[at]
            if first >= cycle + left:
                break
            if first > cycle:
                left -= first - cycle
                cycle = first
            span = last + 1 - cycle
            if span >= left * slow:
                cycle += int(left * slow)
                left = 0
            else:
                left -= int(span / slow)
                cycle = last + 1
            at += 1
        end = max(cycle + left - 1, last_arrival)
        period = max(1, (end - start) // writes) if writes > 1 else 1
        return end, period
