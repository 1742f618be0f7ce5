"""The instruction list under construction: numbering, waits, transfers between memory and the activation memory."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
from tcugen.isa import ACTIVATION_ADDRESS_BITS, EncodingError, Instruction, Opcode, Unit, Window
from tcugen.mapping.errors import CompileError
from tcugen.mapping.views import Views
from tcugen.program import Observation, TensorLayout
from tcugen.schedule.tracker import NO_WAITS, Region, Tracker, join

_ADDRESS_MASK = (1 << ACTIVATION_ADDRESS_BITS) - 1


def address(value: int) -> int:
    """An activation address modulo the address space."""
    return value & _ADDRESS_MASK


@dataclass(frozen=True)
class SramView:
    """Rows and planes of a tensor in the activation memory: `base` holds row `first_row` of plane `first_plane`."""

    base: int
    plane_step: int
    row_bytes: int
    first_row: int = 0
    first_plane: int = 0

    def at(self, plane: int, row: int) -> int:
        """Byte address of a row; may be negative or past the end for rows that are not held."""
        return self.base + (plane - self.first_plane) * self.plane_step + (row - self.first_row) * self.row_bytes

    def region(self, planes: tuple[int, int], rows: tuple[int, int]) -> Region:
        count, length = planes[1] - planes[0], (rows[1] - rows[0]) * self.row_bytes
        return Region(self.at(planes[0], rows[0]), count, self.plane_step, length)


@dataclass(frozen=True)
class DramAddress:
    """Where a tensor stands in memory."""

    window: Window
    offset: int


@dataclass(frozen=True)
class Entry:
    """One instruction and, for DRAIN and POOL, what it writes (instruction index not set yet)."""

    instruction: Instruction
    observation: Observation | None = None


class Emitter:
    """Collects instructions in program order and keeps the tracker up to date.

    Attributes:
        entries: Instructions so far.
        counts: Completed work by unit once everything so far has run.
        layer: Layer number of the next instructions.
        node: Node to name in errors.
    """

    def __init__(
        self, architecture: Architecture, layouts: dict[str, TensorLayout], dram: dict[str, DramAddress], views: Views
    ):
        self.architecture, self.layouts, self.dram, self.views = architecture, layouts, dram, views
        self.tracker = Tracker(architecture.activation_bytes, architecture.rows)
        self.entries: list[Entry] = []
        self.counts = [0] * len(Unit)
        self.layer, self.node = 0, ""
        self._stored: dict[str, NDArray[np.int32]] = {}

    def append(
        self, opcode: Opcode, waits: tuple[int, ...], fields: dict[str, int], observation: Observation | None = None
    ) -> None:
        """Append one instruction; raises CompileError if a field does not fit."""
        header = {"layer": self.layer} | {f"wait_{unit.name.lower()}": waits[unit] for unit in Unit if waits[unit]}
        try:
            instruction = Instruction(opcode, header | {name: int(value) for name, value in fields.items()})
        except EncodingError as error:
            raise CompileError(
                f"node {self.node!r}: {error}; the shape is too large for the instruction set"
            ) from error
        self.entries.append(Entry(instruction, observation))

    def count(self, unit: Unit, work: int = 1) -> int:
        """Number of the last of the next `work` pieces of work of a unit."""
        self.counts[unit] += work
        return self.counts[unit]

    def load(self, tensor: str, place: SramView, planes: tuple[int, int], rows: tuple[int, int]) -> None:
        """Bring rows of some planes of a tensor on chip."""
        region = place.region(planes, rows)
        if region.count == 0 or region.length == 0:
            return
        waits = self.tracker.before_write(Unit.LOAD, region)
        storage, first = self.views.place(tensor)
        if storage in self._stored:
            stored = int(self._stored[storage][first + planes[0] : first + planes[1], rows[0] : rows[1]].max())
            waits = join(waits, replace_wait(Unit.STORE, stored))
        self.append(Opcode.LOAD, waits, self._transfer(tensor, place, planes, rows))
        self.tracker.note_write(Unit.LOAD, self.count(Unit.LOAD), region)

    def load_weights(self, address: int, offset: int, size: int) -> None:
        """Bring `size` bytes of weights on chip, `offset` bytes after those that are streamed."""
        region = Region(address, 1, 0, size)
        fields = {"window": Window.WEIGHTS, "offset": offset, "activation": address, "segment_bytes": size}
        self.append(Opcode.LOAD, self.tracker.before_write(Unit.LOAD, region), fields | {"segments": 1})
        self.tracker.note_write(Unit.LOAD, self.count(Unit.LOAD), region)

    def store(self, tensor: str, place: SramView, planes: tuple[int, int], rows: tuple[int, int]) -> None:
        """Write rows of some planes of a tensor to memory."""
        region = place.region(planes, rows)
        layout = self.layouts[tensor]
        fields = self._transfer(tensor, place, planes, rows)
        fields |= {"row_step": layout.row_bytes, "row_bytes": layout.width * layout.pixel_bytes}
        self.append(Opcode.STORE, self.tracker.before_read(region), fields)
        count = self.count(Unit.STORE)
        self.tracker.note_read(Unit.STORE, count, region)
        storage, first = self.views.place(tensor)
        if storage not in self._stored:
            whole = self.views.of[tensor].planes if tensor in self.views.of else layout.planes
            self._stored[storage] = np.zeros((whole * (4 if layout.int32 else 1), layout.height), np.int32)
        self._stored[storage][first + planes[0] : first + planes[1], rows[0] : rows[1]] = count

    def _transfer(self, tensor: str, place: SramView, planes: tuple[int, int], rows: tuple[int, int]) -> dict[str, int]:
        layout, dram = self.layouts[tensor], self.dram[tensor]
        segments, segment = planes[1] - planes[0], (rows[1] - rows[0]) * layout.row_bytes
        if segment == layout.plane_bytes == place.plane_step:
            segments, segment = 1, segment * segments
        return {
            "window": dram.window,
            "offset": dram.offset + planes[0] * layout.plane_bytes + rows[0] * layout.row_bytes,
            "activation": place.at(planes[0], rows[0]),
            "segment_bytes": segment,
            "segments": segments,
            "memory_step": layout.plane_bytes,
            "activation_step": place.plane_step,
        }

    def finish(self) -> list[Entry]:
        """All entries, END last; END waits for everything."""
        self.append(Opcode.END, tuple(self.counts), {})
        return self.entries


def replace_wait(unit: Unit, count: int) -> tuple[int, ...]:
    """Waits for one unit only."""
    return tuple(count if other == unit else 0 for other in range(len(NO_WAITS)))


def after_the_stream(instruction: Instruction, streamed_bytes: int) -> Instruction:
    """A LOAD of weights from its place in the window, known when all that is streamed is; others as they are."""
    if instruction.opcode != Opcode.LOAD or instruction["window"] != Window.WEIGHTS:
        return instruction
    return replace(instruction, fields=instruction.fields | {"offset": streamed_bytes + instruction["offset"]})


def numbered(entries: list[Entry]) -> tuple[tuple[Instruction, ...], tuple[Observation, ...]]:
    """Instructions in their final order and their observations with instruction indices."""
    observations = tuple(
        replace(entry.observation, instruction=index) for index, entry in enumerate(entries) if entry.observation
    )
    return tuple(entry.instruction for entry in entries), observations
