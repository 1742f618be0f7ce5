"""Tasks whose tensors are not all on chip run in stripes of output rows and channel_tiles of output channels."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tcugen.arch import Architecture
from tcugen.mapping.layouts import align
from tcugen.mapping.tasks import AverageTask, ConvTask, PoolTask, Task
from tcugen.mapping.tiling import WeightPanel, split
from tcugen.program import TensorLayout

ITEM_CYCLES = (1000, 2000, 4000, 8000)
"""Cycles that one item more may save: the first measures best; the others are for programs that grow too large."""


def address_unit(architecture: Architecture) -> int:
    """Alignment of every tensor and buffer in the activation memory."""
    return max(architecture.rows, architecture.bus_bytes)


def slack_bytes(layout: TensorLayout, architecture: Architecture) -> int:
    """Bytes kept free on each side of a tensor: words that straddle a packed tensor's edge are read with it."""
    return address_unit(architecture) if layout.pixel_bytes < layout.word else 0


def input_rows(task: Task, y0: int, y1: int) -> tuple[int, int]:
    """Rows of the input that output rows y0 .. y1 - 1 read, as a range inside the tensor (empty if all padding)."""
    if isinstance(task, AverageTask):
        return 0, task.input_shape.height
    first = y0 * task.stride[0] - task.padding[0]
    last = (y1 - 1) * task.stride[0] - task.padding[0] + task.kernel[0]
    low = min(max(first, 0), task.input_shape.height)
    return low, max(low, min(last, task.input_shape.height))


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
    """The smallest parts of a task's output channels: one column group or one plane, whichever holds more channels."""
    rows, columns = architecture.rows, architecture.columns
    if isinstance(task, PoolTask):
        return Units(out_layout.planes, 0, 1)
    planes = max(1, columns // rows)
    if isinstance(task, AverageTask):
        return Units(-(-out_layout.planes // planes), 0, planes)
    per_unit = max(1, rows // columns)
    return Units(-(-panel.n_columns // per_unit), per_unit, planes)


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

    stripes: tuple[tuple[int, int], ...]
    channel_tiles: tuple[tuple[int, int], ...]
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


class StripePlanner:
    """Finds the cheapest stripes of one task for a given space.

    Args:
        task, in_layout, out_layout, panel: The task; `panel` is None for a pool.
        spilled: Names of the tensors that are not on chip.
        architecture: Sizes.
        item_cycles: What a work item costs beside its work; one of ITEM_CYCLES.
    """

    def __init__(
        self,
        task: Task,
        in_layout: TensorLayout,
        out_layout: TensorLayout,
        panel: WeightPanel | None,
        spilled: frozenset[str],
        architecture: Architecture,
        item_cycles: int = ITEM_CYCLES[0],
    ):
        self.item_cycles = item_cycles
        self.task, self.panel, self.architecture = task, panel, architecture
        self.in_layout, self.out_layout = in_layout, out_layout
        self.input_spilled = task.input in spilled
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
        fitting = [entry for entry in self._candidates if entry[1] <= space]
        return min(fitting, key=lambda entry: entry[:2])[2] if fitting else None

    def smallest(self) -> Stripes:
        """The plan of fewest bytes."""
        return min(self._candidates, key=lambda entry: (entry[1], entry[0]))[2]

    @cached_property
    def _candidates(self) -> list[tuple[float, int, Stripes]]:
        """(estimated cycles, bytes, plan) of every plan."""
        return [(cost, plan.bytes, plan) for cost, plan in self._plans()]

    def _plans(self) -> Iterator[tuple[float, Stripes]]:
        height = 1 if isinstance(self.task, AverageTask) else self.out_layout.height
        stripe_counts = sorted({-(-height // rows) for rows in range(1, height + 1)})
        channel_tile_counts = sorted({min(self.units.count, 1 << k) for k in range(self.units.count.bit_length() + 1)})
        for n_stripes in stripe_counts:
            for n_channel_tiles in channel_tile_counts:
                for buffers in (1, 2) if n_stripes * n_channel_tiles > 1 else (1,):
                    for channels_outer in (
                        (True, False) if n_channel_tiles > 1 and isinstance(self.task, ConvTask) else (True,)
                    ):
                        yield self._plan(n_stripes, n_channel_tiles, buffers, channels_outer)

    def _plan(self, n_stripes: int, n_channel_tiles: int, buffers: int, channels_outer: bool) -> tuple[float, Stripes]:
        task, unit = self.task, address_unit(self.architecture)
        stripes = split(1 if isinstance(task, AverageTask) else self.out_layout.height, n_stripes)
        channel_tiles = split(self.units.count, n_channel_tiles)
        held = max(high - low for low, high in (input_rows(task, *stripe) for stripe in stripes))
        out_rows = max(y1 - y0 for y0, y1 in stripes)
        tile_planes = min(max(b - a for a, b in channel_tiles) * self.units.planes, self.out_layout.planes)
        in_planes = self.in_layout.planes if isinstance(task, ConvTask) else min(tile_planes, self.in_layout.planes)
        in_bytes = align(in_planes * held * self.in_layout.row_bytes, unit)
        out_bytes = align(tile_planes * out_rows * self.out_layout.row_bytes, unit)
        plan = Stripes(
            stripes,
            channel_tiles,
            channels_outer,
            max(unit, in_bytes) if self.input_spilled else 0,
            out_bytes if self.output_spilled else 0,
            buffers,
            slack_bytes(self.in_layout, self.architecture),
        )
        return self._cost(plan, in_bytes, out_bytes), plan

    def _cost(self, plan: Stripes, in_bytes: int, out_bytes: int) -> float:
        n_stripes, n_channel_tiles = len(plan.stripes), len(plan.channel_tiles)
        reloads = n_channel_tiles if not isinstance(self.task, ConvTask) or plan.channels_outer else 1
        traffic = self.input_spilled * in_bytes * n_stripes * reloads
        traffic += (self.output_spilled + self.residual_spilled) * out_bytes * n_stripes * n_channel_tiles
        cycles = 0.0
        if isinstance(self.task, ConvTask):
            panel, architecture = self.panel, self.architecture
            rows = max(y1 - y0 for y0, y1 in plan.stripes)
            pixels = max(rows * self.out_layout.width, architecture.rows)
            cycles = panel.n_columns * panel.n_tiles * pixels * n_stripes
            once = n_stripes == 1 or (
                (plan.channels_outer or n_channel_tiles == 1)
                and -(-panel.n_columns // n_channel_tiles) * panel.n_tiles <= architecture.weight_tiles
                and -(-panel.n_columns // n_channel_tiles) <= architecture.parameter_groups
            )
            traffic += panel.n_columns * panel.column_bytes(architecture) * (1 if once else n_stripes)
        transfer = traffic / self.architecture.bus_bytes
        overlapped = max(cycles, transfer) if plan.buffers == 2 else cycles + transfer
        return overlapped + self.item_cycles * n_stripes * n_channel_tiles
