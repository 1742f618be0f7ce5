"""Which rows of the array have a nonzero weight, in the order of the weight stream."""

import numpy as np
from numpy.typing import NDArray

from tcugen.isa import Instruction
from tcugen.mapping.errors import CompileError
from tcugen.program import Program

Lanes = NDArray[np.bool_]
"""[tiles, rows]"""


class WeightLanes:
    """The tiles that WEIGHT instructions stream, taken by COMPUTE instructions."""

    def __init__(self, program: Program):
        self._architecture, self._image = program.architecture, program.weights
        self._known: dict[tuple[int, int, int], Lanes] = {}
        self._stream: list[Lanes] = []
        self._ends: list[int] = []
        self._read = 0

    def push(self, weight: Instruction) -> None:
        """A WEIGHT instruction, in program order."""
        key = (weight["offset"], weight["n_columns"], weight["n_tiles"])
        if key not in self._known:
            rows, columns = self._architecture.rows, self._architecture.columns
            parameters = self._architecture.parameter_group_bytes
            size = parameters + key[2] * self._architecture.tile_bytes
            block = self._image[key[0] : key[0] + key[1] * size].reshape(key[1], size)[:, parameters:]
            self._known[key] = np.any(block.reshape(key[1] * key[2], rows, columns) != 0, axis=2)
        self._stream.append(self._known[key])
        self._ends.append((self._ends[-1] if self._ends else 0) + len(self._stream[-1]))

    def take(self, count: int, keep: bool) -> Lanes:
        """bool [count, rows] of the next tiles; they come again if `keep`.

        Raises:
            CompileError: If fewer are streamed.
        """
        parts: list[Lanes] = []
        at, left, position = int(np.searchsorted(self._ends, self._read, side="right")), count, self._read
        while left and at < len(self._stream):
            start = position - (self._ends[at] - len(self._stream[at]))
            part = self._stream[at][start : start + left]
            parts.append(part)
            left, position, at = left - len(part), position + len(part), at + 1
        if left:
            raise CompileError(f"COMPUTE needs {count} weight tiles, but only {count - left} are streamed before it")
        if not keep:
            self._read = position
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
