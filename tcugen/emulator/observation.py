"""Tensors as the output path and the pool write them, put together element by element."""

import numpy as np
from numpy.typing import NDArray

from tcugen.emulator.step import EmulationError, Step
from tcugen.program import Observation, Program, Tensor


class Observer:
    """Collects what DRAIN and POOL instructions write into the tensors that the program's observations name."""

    def __init__(self, program: Program):
        self._layouts, self._shared = program.tensors, program.shared
        self._boxes = {box.instruction: box for box in program.observations}
        self._tensors: dict[str, Tensor] = {}
        self._seen: dict[str, NDArray[np.bool]] = {}
        for box in program.observations:
            if box.tensor not in program.tensors:
                raise EmulationError(box.instruction, "observation", f"program.tensors does not hold {box.tensor!r}")

    def _open(self, tensor: str) -> tuple[Tensor, NDArray[np.bool]]:
        if tensor not in self._tensors:
            layout = self._layouts[tensor]
            shape = layout.channels, layout.height, layout.width
            self._tensors[tensor] = np.zeros(shape, np.int32 if layout.int32 else np.int8)
            self._seen[tensor] = np.zeros(shape, bool)
        return self._tensors[tensor], self._seen[tensor]

    def write(self, step: Step, channel: int, y0: int, values: NDArray[np.int8 | np.int64]) -> None:
        """Record int8 or int64 `values` [rows, columns, channels] of the instruction's loop.

        Args:
            channel: Channel of values[..., 0], counted from the instruction's first channel.
            y0: Row of values[0], counted from the instruction's first row.
        """
        box = self._boxes.get(step.index)
        if box is None:
            return
        columns = values.shape[1]
        if box.x_channels == 0:
            self._write_box(step, box, box.channel0 + channel, box.y0 + y0 * box.y_step, box.x0, values)
            return
        for x in range(columns):
            first = box.channel0 + channel + x * box.x_channels
            self._write_box(step, box, first, box.y0 + y0 * box.y_step, box.x0, values[:, x : x + 1])

    def _write_box(
        self, step: Step, box: Observation, c0: int, y0: int, x0: int, values: NDArray[np.int8 | np.int64]
    ) -> None:
        tensor, seen = self._open(box.tensor)
        rows, columns, channels = values.shape
        y1, x1 = y0 + (rows - 1) * box.y_step, x0 + (columns - 1) * box.x_step
        if y1 >= tensor.shape[1] or x1 >= tensor.shape[2]:
            last = f"row {y1}, column {x1}"
            raise step.error("observation", f"writes up to {last} of {box.tensor!r}, of shape {tensor.shape}")
        real = max(0, min(channels, tensor.shape[0] - c0))
        where = slice(c0, c0 + real), slice(y0, y1 + 1, box.y_step), slice(x0, x1 + 1, box.x_step)
        tensor[where] = values[..., :real].transpose(2, 0, 1)
        seen[where] = True

    def tensors(self) -> dict[str, Tensor]:
        """int8 or int32 [C, H, W] by name; raises EmulationError if an element of an observed tensor is missing."""
        for shared in self._shared:
            (tensor, seen), (source, found) = self._open(shared.tensor), self._open(shared.source)
            here = slice(shared.first, shared.first + shared.channels)
            there = slice(shared.source_first, shared.source_first + shared.channels)
            tensor[here], seen[here] = source[there], found[there]
        for name, seen in self._seen.items():
            if not seen.all():
                c, y, x = (int(axis[0]) for axis in np.nonzero(~seen))
                missing = np.count_nonzero(~seen)
                raise EmulationError(
                    None, name, f"{missing} elements of {name!r} are never written, the first is [{c}, {y}, {x}]"
                )
        return dict(self._tensors)
