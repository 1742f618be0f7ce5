"""Tasks whose tensors are not all on chip run in stripes of output rows and channel_tiles of output channels."""

import math
from bisect import bisect_right
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import assert_never

from tcugen.arch import Architecture
from tcugen.mapping.depthwise import DepthwiseTask
from tcugen.mapping.gather import part_words
from tcugen.mapping.layouts import align
from tcugen.mapping.tasks import AverageTask, ConvTask, GatherTask, PhasedTask, PoolTask, Task
from tcugen.mapping.tiling import WeightPanel, split
from tcugen.program import TensorLayout

ITEM_CYCLES = 1000
"""What a work item is reckoned to cost beside its work, unless a search tries something else."""


Ranges = tuple[tuple[int, int], ...]
"""First and end of each part."""


def address_unit(architecture: Architecture) -> int:
    """Alignment of every tensor and buffer in the activation memory."""
    return max(architecture.rows, architecture.bus_bytes)


def slack_bytes(layout: TensorLayout, architecture: Architecture) -> int:
    """Bytes kept free on each side of a tensor: words that straddle a packed tensor's edge are read with it."""
    return address_unit(architecture) if layout.pixel_bytes < layout.word else 0


def input_rows(task: Task, y0: int, y1: int) -> tuple[int, int]:
    """Rows of the input that output rows y0 .. y1 - 1 read, as a range inside the tensor (empty if all padding)."""
    match task:
        case AverageTask():
            return 0, task.input_shape.height
        case GatherTask():
            return y0, y1
        case PhasedTask():
            parts = zip(task.phases, task.convolutions, strict=True)
            found = [(part, phase.rows(y0, y1)) for phase, part in parts]
            ranges = [input_rows(part, *rows) for part, rows in found if rows[0] < rows[1]]
            return min(low for low, _ in ranges), max(high for _, high in ranges)
        case ConvTask() | PoolTask() | DepthwiseTask():
            pass
        case _:
            assert_never(task)
    first = y0 * task.stride[0] - task.padding[0]
    reach = task.kernel[0] if isinstance(task, DepthwiseTask) else task.row_reach
    last = (y1 - 1) * task.stride[0] - task.padding[0] + reach
    low = min(max(first, 0), task.input_shape.height)
    return low, max(low, min(last, task.input_shape.height))


def _loaded_words(task: Task, spilled: frozenset[str], rows: int) -> Ranges:
    match task:
        case GatherTask():
            numbers = (number for number, part in enumerate(task.parts) if part.tensor in spilled)
            return tuple(part_words(task, number, rows) for number in numbers)
        case ConvTask() | AverageTask() | PhasedTask() | PoolTask() | DepthwiseTask():
            return ()
        case _:
            assert_never(task)


@dataclass(frozen=True)
class Units:
    """The smallest part of a task's output channels that whole planes and whole column groups can hold."""

    count: int
    columns: int
    planes: int

    def column_range(self, first: int, last: int, n_columns: int) -> tuple[int, int]:
        return first * self.columns, min(last * self.columns, n_columns)

    def plane_range(self, first: int, last: int, planes: int) -> tuple[int, int]:
        return first * self.planes, min(last * self.planes, planes)


def units_of(task: Task, out_layout: TensorLayout, panel: WeightPanel | None, architecture: Architecture) -> Units:
    """The smallest parts of a task's output channels: whole column groups, or pixels of an average, of whole planes."""
    rows, columns = architecture.rows, architecture.columns
    channels = math.lcm(rows, columns)
    match task:
        case ConvTask():
            assert panel is not None, "only tasks of the pool unit have none"
            per_unit = channels // columns
            return Units(-(-panel.n_columns // per_unit), per_unit, channels // rows)
        case AverageTask():
            planes = max(1, columns // rows)
            return Units(-(-out_layout.planes // planes), 0, planes)
        case PoolTask() | DepthwiseTask():
            return Units(out_layout.planes, 0, 1)
        case GatherTask() | PhasedTask():
            assert panel is not None, "only tasks of the pool unit have none"
            return Units(1, panel.n_columns, out_layout.planes)
        case _:
            assert_never(task)


@dataclass(frozen=True)
class Stripes:
    """How a task runs.

    Attributes:
        stripes: Ranges of output rows.
        channel_tiles: Ranges of units (see Units) of output channels.
        channels_outer: All stripes of a channel_tile before the next channel_tile, else the other way round.
        input_buffer_bytes, output_buffer_bytes: One buffer each; 0 where the tensor is on chip.
        buffers: Buffers of each kind, 1 or 2.
        input_slack_bytes: Free bytes on both sides of an input buffer.
    """

    stripes: Ranges
    channel_tiles: Ranges
    channels_outer: bool
    input_buffer_bytes: int = 0
    output_buffer_bytes: int = 0
    buffers: int = 1
    input_slack_bytes: int = 0

    @property
    def _input_pitch(self) -> int:
        return self.input_buffer_bytes + 2 * self.input_slack_bytes if self.input_buffer_bytes else 0

    @property
    def bytes(self) -> int:
        """Bytes of all buffers."""
        return self.buffers * (self._input_pitch + self.output_buffer_bytes)

    def input_buffer(self, number: int) -> int:
        """Offset of the input buffer of stripe `number` among the task's buffers."""
        return number % self.buffers * self._input_pitch + self.input_slack_bytes

    def output_buffer(self, number: int) -> int:
        """Offset of the output buffer of item `number` among the task's buffers."""
        return self.buffers * self._input_pitch + number % self.buffers * self.output_buffer_bytes

    def items(self) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """(stripe, channel_tile) in order."""
        if self.channels_outer:
            yield from ((stripe, channel_tile) for channel_tile in self.channel_tiles for stripe in self.stripes)
        else:
            yield from ((stripe, channel_tile) for stripe in self.stripes for channel_tile in self.channel_tiles)


@dataclass(frozen=True)
class _Candidate:
    """One way to run a task: estimated cycles, bytes of all buffers, and how it is cut."""

    cycles: float
    bytes: int
    n_stripes: int
    n_channel_tiles: int
    buffers: int
    channels_outer: bool


class StripePlanner:
    """Finds the cheapest stripes of one task for a given space.

    Args:
        task, in_layout, out_layout, panel: The task; `panel` is None in the pool unit.
        spilled: Names of the tensors that are not on chip.
        architecture: Sizes.
        item_cycles: What a work item is reckoned to cost beside its work.
        passed: The output goes to the next task channel tile by channel tile, out of two buffers: rows are not cut.
    """

    def __init__(
        self,
        task: Task,
        in_layout: TensorLayout,
        out_layout: TensorLayout,
        panel: WeightPanel | None,
        spilled: frozenset[str],
        architecture: Architecture,
        item_cycles: int = ITEM_CYCLES,
        passed: bool = False,
    ):
        self.item_cycles, self.passed = item_cycles, passed
        self.task, self.panel, self.architecture = task, panel, architecture
        self.in_layout, self.out_layout = in_layout, out_layout
        self.loaded_words = _loaded_words(task, spilled, architecture.rows)
        """Words of each part of a gather that are in memory; of other tasks none, they read one tensor whole."""
        self.input_spilled = bool(self.loaded_words) or task.input in spilled
        self.output_spilled = task.output in spilled
        self.residual_spilled = task.residual is not None and task.residual in spilled
        self.units = units_of(task, out_layout, panel, architecture)

    @property
    def is_resident(self) -> bool:
        """Nothing of the task is in memory: it needs no stripes."""
        return not (self.input_spilled or self.output_spilled or self.residual_spilled)

    def whole(self) -> Stripes:
        """One stripe, one channel_tile, no buffers."""
        return Stripes(((0, self.out_layout.height),), ((0, self.units.count),), True)

    def best(self, space: int) -> Stripes | None:
        """The plan of fewest estimated cycles that fits `space` bytes, or None."""
        fitting = bisect_right(self.front, space, key=lambda entry: entry.bytes)
        return self._stripes(self.front[fitting - 1]) if fitting else None

    def smallest(self) -> Stripes:
        """The plan of fewest bytes."""
        return self._stripes(self.front[0])

    @property
    def key(self) -> Hashable:
        """What the plans follow from: tasks of one key have the same ones."""
        task, panel = self.task, self.panel
        shape = () if panel is None else (panel.n_columns, panel.n_tiles)
        match task:
            case ConvTask() | PoolTask() | DepthwiseTask():
                window: Hashable = (task.kernel, task.stride, task.padding)
            case AverageTask():
                window = task.kernel
            case PhasedTask():
                window = (task.phases, task.stride, task.groups, task.channels)
            case GatherTask():
                window = self.loaded_words
            case _:
                assert_never(task)
        dilation = task.dilation if isinstance(task, ConvTask | PoolTask) else None
        spilled = (self.input_spilled, self.output_spilled, self.residual_spilled, self.passed)
        return type(task), window, dilation, self.in_layout, self.out_layout, shape, spilled

    @cached_property
    def front(self) -> tuple[_Candidate, ...]:
        """Every plan that no other one beats in both bytes and estimated cycles, fewest bytes first."""
        front: list[_Candidate] = []
        for candidate in sorted(self._candidates(), key=lambda entry: (entry.bytes, entry.cycles)):
            if not front or candidate.cycles < front[-1].cycles:
                front.append(candidate)
        return tuple(front)

    def _candidates(self) -> Iterator[_Candidate]:
        height, count = self.out_layout.height, self.units.count
        if self.passed:
            shape = _Candidate(0.0, 0, 1, count, 2, True)
            yield replace(shape, bytes=self._stripes(shape).bytes)
            return
        stripe_counts = sorted({-(-height // rows) for rows in range(1, height + 1)})
        channel_tile_counts = sorted({min(count, 1 << k) for k in range(count.bit_length() + 1)})
        for n_stripes in stripe_counts:
            stripes = split(height, n_stripes)
            held = max(high - low for low, high in (input_rows(self.task, *stripe) for stripe in stripes))
            rows = max(y1 - y0 for y0, y1 in stripes)
            for n_channel_tiles in channel_tile_counts:
                in_bytes, out_bytes = self._buffer_bytes(held, rows, n_channel_tiles)
                several = n_stripes * n_channel_tiles > 1
                for buffers in (1, 2) if several else (1,):
                    for channels_outer in (True, False) if n_channel_tiles > 1 and self.task.sums_channels else (True,):
                        shape = _Candidate(0.0, 0, n_stripes, n_channel_tiles, buffers, channels_outer)
                        cycles = self._cost(shape, rows, in_bytes, out_bytes)
                        size = self._sized((), (), shape, in_bytes, out_bytes).bytes
                        yield replace(shape, cycles=cycles, bytes=size)

    def _buffer_bytes(self, held: int, rows: int, n_channel_tiles: int) -> tuple[int, int]:
        """Bytes of the input and of the output of the largest work item."""
        unit = address_unit(self.architecture)
        tile_planes = min(-(-self.units.count // n_channel_tiles) * self.units.planes, self.out_layout.planes)
        in_planes = self.in_layout.planes if self.task.sums_channels else min(tile_planes, self.in_layout.planes)
        if isinstance(self.task, GatherTask):
            # Tensors of one size in whole words, so that their rows have the bytes of the first one's.
            in_planes = sum(last - first for first, last in self.loaded_words)
        in_bytes = align(in_planes * held * self.in_layout.row_bytes, unit)
        return in_bytes, align(tile_planes * rows * self.out_layout.row_bytes, unit)

    def _sized(self, stripes: Ranges, tiles: Ranges, shape: _Candidate, in_bytes: int, out_bytes: int) -> Stripes:
        return Stripes(
            stripes,
            tiles,
            shape.channels_outer,
            max(address_unit(self.architecture), in_bytes) if self.input_spilled else 0,
            out_bytes if self.output_spilled else 0,
            shape.buffers,
            slack_bytes(self.in_layout, self.architecture),
        )

    def _stripes(self, shape: _Candidate) -> Stripes:
        stripes, tiles = split(self.out_layout.height, shape.n_stripes), split(self.units.count, shape.n_channel_tiles)
        held = max(high - low for low, high in (input_rows(self.task, *stripe) for stripe in stripes))
        rows = max(y1 - y0 for y0, y1 in stripes)
        return self._sized(stripes, tiles, shape, *self._buffer_bytes(held, rows, shape.n_channel_tiles))

    def _cost(self, shape: _Candidate, rows: int, in_bytes: int, out_bytes: int) -> float:
        """Estimated cycles: good enough to rank plans of one task; what a plan really takes is for a replay to say."""
        n_stripes, n_channel_tiles = shape.n_stripes, shape.n_channel_tiles
        reloads = 1 if self.task.sums_channels and not shape.channels_outer else n_channel_tiles
        traffic = self.input_spilled * in_bytes * n_stripes * reloads
        traffic += (self.output_spilled + self.residual_spilled) * out_bytes * n_stripes * n_channel_tiles
        match self.task:
            case ConvTask():
                cycles, weights = self._array_cost(shape, rows)
            case DepthwiseTask():
                cycles, weights = self._depthwise_cycles(self.task) * self.out_layout.planes * n_stripes * rows, 0
            case AverageTask() | PoolTask() | GatherTask() | PhasedTask():
                # Reckoned as what they move.
                cycles, weights = 0, 0
            case _:
                assert_never(self.task)
        transfer = (traffic + weights) / self.architecture.bus_bytes
        overlapped = max(cycles, transfer) if shape.buffers == 2 else cycles + transfer
        return overlapped + self.item_cycles * n_stripes * n_channel_tiles

    def _depthwise_cycles(self, task: DepthwiseTask) -> int:
        """Cycles of the pool unit for a row of results of one channel group."""
        results = self.architecture.rows // max(1, self.architecture.depthwise) * self.out_layout.width
        return max(task.kernel[0] * task.input_columns, results)

    def _array_cost(self, shape: _Candidate, rows: int) -> tuple[int, int]:
        """Cycles of the array, and bytes of weights read, of a convolution."""
        panel, architecture = self.panel, self.architecture
        assert panel is not None, "only tasks of the pool unit have none"
        pixels = max(rows * self.out_layout.width, architecture.rows)
        together = -(-panel.n_columns // shape.n_channel_tiles)
        once = shape.n_stripes == 1 or (
            (shape.channels_outer or shape.n_channel_tiles == 1)
            and together * panel.n_tiles <= architecture.weight_tiles
            and together <= architecture.parameter_groups
        )
        weights = panel.n_columns * panel.column_bytes(architecture)
        return panel.n_columns * panel.n_tiles * pixels * shape.n_stripes, weights * (1 if once else shape.n_stripes)
