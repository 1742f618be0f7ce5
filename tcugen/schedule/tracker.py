"""Who wrote and who read each word of the activation memory last: the waits of the next instruction follow."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcugen.isa import Unit

_UNITS = len(Unit)
NO_WAITS: tuple[int, ...] = (0,) * _UNITS

Words = NDArray[np.int32]
"""Counts by unit and word."""


@dataclass(frozen=True)
class Region:
    """`count` runs of `length` bytes, `step` bytes apart, the first at `start`."""

    start: int
    count: int
    step: int
    length: int


def join(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    """Counts that satisfy both."""
    return tuple(map(max, first, second))


class Tracker:
    """Completion counts by unit for every word: of the last write, and of the last read.

    Units work in order, so a write after a write or a read of the same unit needs no wait; a read of a unit's own
    result does, because results are in memory only when counted.
    """

    def __init__(self, memory_bytes: int, word_bytes: int):
        self._word_bytes = word_bytes
        self._words = -(-memory_bytes // word_bytes)
        self._written = np.zeros((_UNITS, self._words), np.int32)
        self._read = np.zeros((_UNITS, self._words), np.int32)

    def _views(self, state: Words, region: Region) -> list[Words]:
        """Views [units, runs, words] of a region, clipped to the memory; one if the runs are words apart."""
        size = self._word_bytes
        first = region.start // size
        words = -(-(region.start + region.length) // size) - first
        uniform = region.step % size == 0 and first >= 0
        if uniform and first + (region.count - 1) * (region.step // size) + words <= self._words:
            item = state.itemsize
            strides = (self._words * item, region.step // size * item, item)
            return [np.ndarray((_UNITS, region.count, words), state.dtype, state, first * item, strides)]
        views: list[Words] = []
        for k in range(region.count):
            start = region.start + k * region.step
            low, high = max(0, start // size), min(self._words, -(-(start + region.length) // size))
            views.append(state[:, None, low:high])
        return views

    def before_read(self, region: Region) -> tuple[int, ...]:
        """Counts to wait for before the bytes of a region may be read."""
        if region.count == 0 or region.length == 0:
            return NO_WAITS
        views = self._views(self._written, region)
        return tuple(max(column) for column in zip(*(view.max(axis=(1, 2)).tolist() for view in views), strict=True))

    def before_write(self, unit: Unit, region: Region) -> tuple[int, ...]:
        """Counts to wait for before `unit` may write a region."""
        if region.count == 0 or region.length == 0:
            return NO_WAITS
        waits = self.before_read(region)
        for view in self._views(self._read, region):
            waits = join(waits, tuple(view.max(axis=(1, 2)).tolist()))
        return tuple(0 if other == unit else count for other, count in enumerate(waits))

    def note_read(self, unit: Unit, count: int, region: Region) -> None:
        for view in self._views(self._read, region):
            view[unit] = count

    def note_write(self, unit: Unit, count: int, region: Region) -> None:
        for view in self._views(self._written, region):
            view[unit] = count
