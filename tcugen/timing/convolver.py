"""POOL with `depthwise`: a word per cycle, unless the array reads from its bank or the unit's lanes are not done.

A word goes through three cycles that count here: it is asked for, served by its bank, and taken by the multipliers. It
is taken later than it could be where lanes or results hold the unit up, and then others wait in front of it.
"""

from tcugen.arch import ACTIVATION_BANKS, DEPTHWISE_COLUMNS, PARAMETER_BYTES
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Instruction
from tcugen.timing.latencies import (
    DEPTHWISE_RESULT,
    DEPTHWISE_SETTLE,
    DEPTHWISE_WRITE_PERIOD,
    POOL_PADDING_TO_TAKE,
    POOL_QUEUE,
    POOL_RESULTS,
    POOL_TAP_ROOM,
    POOL_TAPS,
    POOL_TO_TAKE,
)
from tcugen.timing.reads import ArrayReads

_COMPLETES, _PARAMETERS = 1 << ACTIVATION_BANKS, 2 << ACTIVATION_BANKS
_BANKS = _COMPLETES - 1


class Convolver:
    """The words of one instruction on their way; it moves with time, as far as it is known what the array does.

    Attributes:
        now: Cycle up to which is known what happened.
        left: Words that are not taken.
        written: Cycle in which the last result so far goes to the memory.
    """

    def __init__(self, instruction: Instruction, word_bytes: int, lanes: int, start: int) -> None:
        """The first word is asked for in cycle `start`."""
        self._words = depthwise_words(instruction, word_bytes)
        self._period = word_bytes // lanes
        self._next = 0
        self.now = start
        self._asked = start - 1
        self._taken = [-1] * POOL_TAPS  # of the last words, by their number modulo POOL_TAPS
        self._served = self._served_before = start - POOL_QUEUE - 1
        self._results = [-1] * POOL_RESULTS  # when the last ones went to the memory, the same
        self._n_results = 0
        self._completed = -(1 << 20)
        self.written = 0

    @property
    def left(self) -> int:
        return len(self._words) - self._next

    def run(self, until: int, reads: ArrayReads) -> None:
        """Serve words before cycle `until`."""
        words, taken, results = self._words, self._taken, self._results
        number, end_number = self._next, len(self._words)
        asked, served, served_before, completed = self._asked, self._served, self._served_before, self._completed
        last_taken = taken[(number - 1) % POOL_TAPS]
        cycle = self.now
        start, end, banks = reads.at(cycle)
        while number < end_number:
            word = words[number]
            bank = word & _BANKS
            # Asked for: one a cycle, with room in the queue of taps, and in the queue in front of the banks.
            ask = asked + 1
            if taken[number % POOL_TAPS] + POOL_TAP_ROOM > ask or (bank and served_before + POOL_QUEUE > ask):
                ask = max(ask + 1, taken[(number + 1) % POOL_TAPS] + POOL_TAP_ROOM)
                if bank and served_before + POOL_QUEUE > ask:
                    ask = served_before + POOL_QUEUE
            if bank:
                # `cycle` may be later, where this word was looked at before.
                serve = max(ask, served + 1, cycle)
                while serve < until:
                    if serve >= end:
                        start, end, banks = reads.at(serve)
                    if serve < start or not banks[serve - start] & bank:
                        break
                    serve += 1
                if serve >= until:
                    cycle = serve
                    break
                served_before, served = served, serve
                take = serve + POOL_TO_TAKE
                cycle = serve + 1
            else:
                if ask >= until:
                    cycle = max(cycle, ask)
                    break
                take = ask + POOL_PADDING_TO_TAKE
            if take <= last_taken:
                take = last_taken + 1
            if word > _BANKS:
                if word & _PARAMETERS:
                    take = max(take, completed + self._period + DEPTHWISE_SETTLE)
                else:
                    place = self._n_results % POOL_RESULTS
                    take = max(take, completed + self._period, results[place] + 1)
                    completed = take
                    self.written = max(take + self._period + DEPTHWISE_RESULT, self.written + DEPTHWISE_WRITE_PERIOD)
                    results[place] = self.written
                    self._n_results += 1
            taken[number % POOL_TAPS] = last_taken = take
            asked = ask
            number += 1
        self._next, self._asked, self._served, self._served_before = number, asked, served, served_before
        self._completed = completed
        self.now = cycle


def depthwise_words(instruction: Instruction, word_bytes: int) -> list[int]:
    """Of each word in order: its bank as a bit, 0 for padding; whether it completes a result or holds parameters."""
    get = instruction.fields.get
    mask = (1 << ACTIVATION_ADDRESS_BITS) - 1
    height, width, ix0, iy0 = get("height", 0), get("width", 0), get("ix0", 0), get("iy0", 0)
    n_ky, n_x, step_x = get("n_ky", 0), get("n_x", 0), get("step_x", 0)
    row_step, stride_y = get("row_step", 0), get("stride_y", 0)
    n_weights = DEPTHWISE_COLUMNS * n_ky
    column_inside = [0 <= ix0 + column < width for column in range(n_x)]
    completes = [
        _COMPLETES * (column >= DEPTHWISE_COLUMNS - 1 and (column - DEPTHWISE_COLUMNS + 1) % step_x == 0)
        for column in range(n_x)
    ]
    words: list[int] = []
    for group in range(get("n_groups", 0)):
        block = get("weights", 0) // word_bytes + group * (n_weights + PARAMETER_BYTES)
        banks = [1 << (block + number) % ACTIVATION_BANKS for number in range(n_weights + PARAMETER_BYTES)]
        words += banks[:n_weights] + [bank | _PARAMETERS for bank in banks[n_weights:]]
        plane = get("base", 0) + group * get("group_step", 0)
        for y in range(get("n_y", 0)):
            lines = [
                ((plane + (y * stride_y + ky) * row_step & mask) // word_bytes, 0 <= iy0 + y * stride_y + ky < height)
                for ky in range(n_ky)
            ]
            for column in range(n_x):
                within = column_inside[column]
                words += [1 << (word + column) % ACTIVATION_BANKS if inside and within else 0 for word, inside in lines]
                words[-1] |= completes[column]
    return words
