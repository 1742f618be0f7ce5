"""Concat without a copy and slice as a view: several tensors in one storage, each a range of its planes.

A part of a gather needs no pass of the array if its tensor stands where the gather's output has these channels. That is
exact where values only move, and possible where channels begin and end at words, so that nobody writes into the word of
another. Every plane is written by one task only: two tensors share planes only where one is a part of the other.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tcugen.arch import Architecture
from tcugen.mapping.gather_task import GatherTask, Part
from tcugen.mapping.tasks import Task
from tcugen.program import TensorLayout

Range = tuple[int, int]


@dataclass(frozen=True)
class View:
    """A tensor that is some planes of a storage.

    Attributes:
        storage: Its name, that of one of its members.
        plane: The first of the tensor's.
        planes: Of the whole storage.
    """

    storage: str
    plane: int
    planes: int


@dataclass(frozen=True)
class _Storage:
    """Members and the plane of each, counted from any origin; planes that tasks write, and by whom."""

    planes: dict[str, int]
    written: dict[int, str]

    def moved(self, by: int) -> "_Storage":
        planes = {name: plane + by for name, plane in self.planes.items()}
        return _Storage(planes, {plane + by: name for plane, name in self.written.items()})

    def joined(self, other: "_Storage") -> "_Storage | None":
        """Both in one; None if some plane would be written twice."""
        if self.written.keys() & other.written.keys():
            return None
        return _Storage(self.planes | other.planes, self.written | other.written)


def offsets(task: GatherTask) -> Iterator[tuple[Part, int]]:
    """The parts of a gather, and the output channel that each begins at."""
    start = 0
    for part in task.parts:
        yield part, start
        start += part.channels


@dataclass(frozen=True)
class Views:
    """Tensors that share storage with others, by name; `rows` and `columns` are those of the array."""

    rows: int
    columns: int
    of: dict[str, View]

    def members(self, tensor: str) -> tuple[str, ...]:
        """All tensors of the storage of one, itself too."""
        if tensor not in self.of:
            return (tensor,)
        return tuple(name for name, view in self.of.items() if view.storage == self.of[tensor].storage)

    def place(self, tensor: str) -> tuple[str, int]:
        """The storage of a tensor, which has its own name if it shares none, and its first plane there."""
        view = self.of.get(tensor)
        return (tensor, 0) if view is None else (view.storage, view.plane)

    def copied(self, task: GatherTask) -> tuple[bool, ...]:
        """For each part, whether it has to pass through the array, since its tensor does not stand in the output."""
        return tuple(
            task.interleaved or not part.moved or not self._stands(task.output, start, part)
            for part, start in offsets(task)
        )

    def columns_of(self, task: GatherTask) -> tuple[Range, ...]:
        """Ranges of column groups with channels of parts that are copied; parts that are not have whole ones."""
        if task.interleaved:
            return ((0, -(-task.output_shape.channels // self.columns)),)
        found: list[Range] = []
        for (part, start), copied in zip(offsets(task), self.copied(task), strict=True):
            first, end = start // self.columns, -(-(start + part.channels) // self.columns)
            if copied and found and first <= found[-1][1]:
                found[-1] = (found[-1][0], end)
            elif copied:
                found.append((first, end))
        return tuple(found)

    def needs_nothing(self, task: Task) -> bool:
        """Whether it is a gather all of whose parts stand where they are wanted."""
        return isinstance(task, GatherTask) and not any(self.copied(task))

    def _stands(self, output: str, start: int, part: Part) -> bool:
        if output not in self.of or part.tensor not in self.of or start % self.rows or part.first % self.rows:
            return False
        at, source = self.of[output], self.of[part.tensor]
        return at.storage == source.storage and at.plane + start // self.rows == source.plane + part.first // self.rows


def find_views(
    tasks: tuple[Task, ...],
    layouts: dict[str, TensorLayout],
    architecture: Architecture,
    copied: Collection[str] = (),
) -> Views:
    """As many views as can be.

    Inputs of the network stay as the host lays them out.

    Args:
        tasks, layouts, architecture: What is planned.
        copied: Outputs of gathers that shall copy all their parts.
    """
    inputs = {name for task in tasks for name in task.reads} - {task.output for task in tasks}
    finder = _Finder(layouts, architecture, frozenset(inputs))
    for task in tasks:
        if isinstance(task, GatherTask) and not task.interleaved and task.output not in copied:
            finder.take(task)
    return Views(architecture.rows, architecture.columns, finder.views())


class _Finder:
    """Storages, joined gather by gather."""

    def __init__(self, layouts: dict[str, TensorLayout], architecture: Architecture, inputs: frozenset[str]):
        self._layouts, self._rows, self._inputs = layouts, architecture.rows, inputs
        self._whole = math.lcm(architecture.rows, architecture.columns)
        self._storages: dict[str, _Storage] = {}

    def take(self, task: GatherTask) -> None:
        """Let as many parts of a gather as can be stand in its output."""
        output, shape = task.output, task.output_shape
        if self._layouts[output].pixel_bytes != self._rows:
            return
        able = [(part, start) for part, start in offsets(task) if self._may_stand(task, part, start)]
        chosen: list[tuple[Part, int]] = []
        best = self._joined(task, able, shape.channels) if able else None
        # All at once, else one after the other: what is copied beside the first may stand with the second.
        for candidate in able if best is None else ():
            joined = self._joined(task, [*chosen, candidate], shape.channels)
            if joined is not None:
                chosen.append(candidate)
                best = joined
        if best is not None:
            for name in best.planes:
                self._storages[name] = best

    def _may_stand(self, task: GatherTask, part: Part, start: int) -> bool:
        """Whether values only move, and channels are whole words of tensors of one layout."""
        end, last = start + part.channels, part.first + part.channels
        layout, made = self._layouts[part.tensor], self._layouts[task.output]
        whole = end == task.output_shape.channels if end % self._rows else True
        inside = last == part.shape.channels or last % self._rows == 0
        return (
            part.moved
            and part.tensor not in self._inputs
            and start % self._rows == 0
            and part.first % self._rows == 0
            and whole
            and inside
            # What follows the last channel of a word is written as zeros once, by whoever writes the word.
            and (end % self._rows == 0 or last == part.shape.channels)
            and (layout.pixel_bytes, layout.row_bytes, layout.plane_bytes)
            == (made.pixel_bytes, made.row_bytes, made.plane_bytes)
        )

    def _joined(self, task: GatherTask, chosen: list[tuple[Part, int]], channels: int) -> _Storage | None:
        """The storage of a gather with all chosen parts, the others copied; None if that cannot be."""
        output, rows = task.output, self._rows
        storage: _Storage | None = None
        stands: set[int] = set()
        for part, start in chosen:
            own = self._storage_of(part.tensor)
            shift = start // rows - (own.planes[part.tensor] + part.first // rows)
            if storage is None:
                storage = own.moved(shift)
            elif part.tensor in storage.planes:
                if storage.planes[part.tensor] != own.planes[part.tensor] + shift:
                    return None
            else:
                storage = storage.joined(own.moved(shift))
            if storage is None:
                return None
            stands |= set(range(start // rows, -(-(start + part.channels) // rows)))
        assert storage is not None, "some part is chosen"
        copied = set(range(-(-channels // rows))) - stands
        if copied and any(edge % self._whole for edge in self._edges(chosen, channels)):
            return None
        if copied & storage.written.keys():
            return None
        return _Storage(storage.planes | {output: 0}, storage.written | dict.fromkeys(copied, output))

    def _edges(self, chosen: list[tuple[Part, int]], channels: int) -> Iterator[int]:
        """Channels at which chosen parts begin or end, but for the last one."""
        for part, start in chosen:
            yield start
            if start + part.channels < channels:
                yield start + part.channels

    def _storage_of(self, tensor: str) -> _Storage:
        if tensor not in self._storages:
            planes = self._layouts[tensor].planes
            self._storages[tensor] = _Storage({tensor: 0}, dict.fromkeys(range(planes), tensor))
        return self._storages[tensor]

    def views(self) -> dict[str, View]:
        """Of all tensors that share their storage."""
        found: dict[str, View] = {}
        for name, storage in self._storages.items():
            if len(storage.planes) > 1:
                first, last = min(storage.written), max(storage.written)
                found[name] = View(next(iter(storage.planes)), storage.planes[name] - first, last + 1 - first)
        return found
