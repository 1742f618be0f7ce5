"""The state that the units share in one run."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
from tcugen.emulator.memory import ActivationMemory, Windows
from tcugen.emulator.observation import Observer
from tcugen.emulator.ordering import VectorClocks
from tcugen.emulator.ring import Ring
from tcugen.emulator.step import Step

ACCUMULATOR_BANKS = 2
"""Tiles that exist between the array and the output path: one accumulates while the other drains."""


@dataclass
class Bank:
    """One tile of sums: int64 [pixels, columns]; `count` is the number of COMPUTE tiles done when it was finished."""

    sums: NDArray[np.int64]
    count: int
    step: Step


@dataclass
class Shared:
    """Memories, rings, accumulator banks and counters of one run.

    Attributes:
        open_bank: The bank that stays with the array between instructions (`finish` = 0), or None.
        finished: Banks handed to the output path, oldest first.
        table: int8 [256] of the output path, entry x + 128; None before the first one.
    """

    architecture: Architecture
    activation: ActivationMemory
    windows: Windows
    clocks: VectorClocks
    parameters: Ring
    tiles: Ring
    observer: Observer
    open_bank: Bank | None
    finished: deque[Bank]
    table: NDArray[np.int8] | None = None

    @property
    def bank_is_free(self) -> bool:
        return len(self.finished) + (self.open_bank is not None) < ACCUMULATOR_BANKS


def blocks(step: Step) -> list[tuple[int, int]]:
    """(first row, rows) of every block of a tile loop."""
    rows, total = step["block_rows"], step["n_y"]
    return [(y0, min(rows, total - y0)) for y0 in range(0, total, rows)]
