"""Tensors from traces: what the output path wrote, put back in the place it has in its tensor.

The output path writes in program order, so the trace of drains is the concatenation of what each DRAIN instruction
writes, and the same holds for pools. The instruction gives the number of writes and their addresses, the program's
observation gives the elements. A layer that lives and dies on chip is seen like any other.
"""

from dataclasses import dataclass

import numpy as np

from tcugen.access.box import Box
from tcugen.access.drain import drain_writes
from tcugen.access.pool import pool_writes
from tcugen.arch import Architecture
from tcugen.isa import Instruction, Opcode
from tcugen.program import Observation, Program, Shared, Tensor, TensorLayout


class ObservationError(RuntimeError):
    """The trace is not what the program's instructions write. The message names instruction, write and difference."""


@dataclass(frozen=True)
class Observed:
    """What one image's traces show.

    Attributes:
        tensors: int8 or int32 [C, H, W] by tensor name, every element written.
        last_cycle: By layer number: cycle of the last write, counted from the start write; layers without are absent.
    """

    tensors: dict[str, Tensor]
    last_cycle: dict[int, int]


def observe(program: Program, drains: np.ndarray, pools: np.ndarray) -> Observed:
    """Rebuilds every tensor that DRAIN and POOL instructions write from the records of `simulate`.

    Args:
        drains, pools: Records of `run.trace_dtype(output_lanes)` and `run.trace_dtype(rows)`.

    Raises:
        ObservationError: If number, layer or address of a write differ from the instruction's, or an element of a
            tensor is never written.
    """
    architecture = program.architecture
    canvases = {name: _Canvas(name, layout) for name, layout in program.tensors.items()}
    streams = {Opcode.DRAIN: _Stream("drain", drains), Opcode.POOL: _Stream("pool", pools)}
    last_cycle: dict[int, int] = {}
    for observation in program.observations:
        instruction = program.instructions[observation.instruction]
        stream = streams[instruction.opcode]
        for box in writes(architecture, instruction):
            records = stream.take(box.wrapped, observation, instruction)
            canvases[observation.tensor].paint(records["data"], box, observation)
            layer, cycle = instruction["layer"], int(records["cycle"].reshape(-1)[-1])
            last_cycle[layer] = max(cycle, last_cycle.get(layer, 0))
    for stream in streams.values():
        stream.check_end()
    for shared in program.shared:
        canvases[shared.tensor].share(canvases[shared.source], shared)
    return Observed({name: canvas.finished() for name, canvas in canvases.items()}, last_cycle)


def writes(architecture: Architecture, instruction: Instruction) -> list[Box]:
    """The writes of one DRAIN or POOL instruction, in order."""
    found = pool_writes if instruction.opcode == Opcode.POOL else drain_writes
    return found(architecture, instruction)


class _Stream:
    """The records of one trace, taken in order."""

    def __init__(self, name: str, records: np.ndarray):
        self._name = name
        self._records = records
        self._position = 0

    def take(self, addresses: np.ndarray, observation: Observation, instruction: Instruction) -> np.ndarray:
        """The next records, one per address in the shape of `addresses`; raises ObservationError if they differ."""
        records = self._records[self._position : self._position + addresses.size]
        place = f"instruction {observation.instruction} ({instruction.opcode.name}, {observation.tensor})"
        if records.size != addresses.size:
            raise ObservationError(
                f"{place} makes {addresses.size} writes from {self._name} record {self._position} on, "
                f"but the trace holds only {records.size} more"
            )
        for name, expected in (("layer", instruction["layer"]), ("address", addresses.reshape(-1))):
            differs = np.flatnonzero(records[name] != expected)
            if differs.size:
                at = int(differs[0])
                wanted = np.broadcast_to(expected, records.shape)[at]
                raise ObservationError(
                    f"{place}: {name} of its write {at} ({self._name} record {self._position + at}, "
                    f"cycle {records['cycle'][at]}) is {records[name][at]}, but the program says {wanted}"
                )
        self._position += addresses.size
        return records.reshape(addresses.shape)

    def check_end(self) -> None:
        surplus = self._records.size - self._position
        if surplus:
            record = self._records[self._position]
            raise ObservationError(
                f"the {self._name} trace holds {surplus} records more than the program writes, "
                f"the first at address {record['address']} in layer {record['layer']}"
            )


class _Canvas:
    """A tensor being put together; padding channels fall off."""

    def __init__(self, name: str, layout: TensorLayout):
        self._name = name
        self._shape = (layout.channels, layout.height, layout.width)
        self._planes = 4 if layout.int32 else 1
        self._bytes = np.zeros((*self._shape, self._planes), np.uint8)
        self._written = np.zeros(self._shape, bool)

    def paint(self, data: np.ndarray, box: Box, observation: Observation) -> None:
        """Places uint8 [columns, n_y, n_x, planes, steps, bytes]."""
        columns, n_y, n_x, planes, steps, lanes = data.shape
        if planes != self._planes:
            raise ObservationError(
                f"instruction {observation.instruction} writes {planes} byte planes, "
                f"but {self._name} has {self._planes}"
            )
        pixels = data.transpose(0, 4, 5, 1, 2, 3).reshape(columns * steps * lanes, n_y, n_x, planes)
        channel = observation.channel0 + box.channel
        if observation.x_channels == 0:
            self._place(pixels, channel, observation.y0, observation.x0, observation)
            return
        for x in range(n_x):
            first = channel + x * observation.x_channels
            self._place(pixels[:, :, x : x + 1], first, observation.y0, observation.x0, observation)

    def _place(self, pixels: np.ndarray, channel: int, y: int, x: int, observation: Observation) -> None:
        channels, height, width = self._shape
        y_end = y + (pixels.shape[1] - 1) * observation.y_step + 1
        x_end = x + (pixels.shape[2] - 1) * observation.x_step + 1
        if y_end > height or x_end > width:
            raise ObservationError(
                f"instruction {observation.instruction} writes rows {y} .. {y_end - 1}, columns "
                f"{x} .. {x_end - 1} of {self._name}, which has only {height} x {width}"
            )
        kept = max(0, min(pixels.shape[0], channels - channel))
        place = (
            slice(channel, channel + kept),
            slice(y, y_end, observation.y_step),
            slice(x, x_end, observation.x_step),
        )
        self._bytes[place] = pixels[:kept]
        self._written[place] = True

    def share(self, source: "_Canvas", shared: Shared) -> None:
        """Take channels that no instruction writes from the tensor whose bytes they are."""
        here = slice(shared.first, shared.first + shared.channels)
        there = slice(shared.source_first, shared.source_first + shared.channels)
        self._bytes[here], self._written[here] = source._bytes[there], source._written[there]

    def finished(self) -> np.ndarray:
        if not self._written.all():
            element = tuple(int(i) for i in np.argwhere(~self._written)[0])
            raise ObservationError(
                f"{np.count_nonzero(~self._written)} elements of {self._name} are never written, "
                f"the first is [channel, row, column] = {list(element)}"
            )
        dtype = "<i4" if self._planes == 4 else np.int8
        return self._bytes.reshape(self._shape[0], self._shape[1], -1).view(dtype).astype(np.dtype(dtype), copy=False)
