"""Tasks whose tensors are not all on chip run in bands of output rows and chunks of output channels."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tcugen.arch import Architecture
from tcugen.mapping.layouts import align
from tcugen.mapping.tasks import AverageTask, ConvTask, PoolTask, Task
from tcugen.mapping.tiling import Strip, split
from tcugen.program import TensorLayout

JOB_CYCLES = (1000, 2000, 4000, 8000)
"""Cycles that one job more may save: the first measures best; the others are for programs that grow too large."""


def address_unit(architecture: Architecture) -> int:
    """Alignment of every tensor and buffer in the activation memory."""
    return max(architecture.rows, architecture.bus_bytes)


def slack_bytes(layout: TensorLayout, architecture: Architecture) -> int:
    """Bytes kept free on each side of a tensor: words that straddle a thin tensor's edge are read with it."""
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


def units_of(task: Task, out_layout: TensorLayout, strip: Strip | None, architecture: Architecture) -> Units:
    """The smallest parts of a task's output channels: one column group or one plane, whichever holds more channels."""
    rows, columns = architecture.rows, architecture.columns
    if isinstance(task, PoolTask):
        return Units(out_layout.planes, 0, 1)
    planes = max(1, columns // rows)
    if isinstance(task, AverageTask):
        return Units(-(-out_layout.planes // planes), 0, planes)
    per_unit = max(1, rows // columns)
    return Units(-(-strip.n_columns // per_unit), per_unit, planes)


@dataclass(frozen=True)
class Bands:
    """How a task runs.

    Attributes:
        bands: Ranges of output rows.
        chunks: Ranges of units (see Units) of output channels.
        chunk_outer: All bands of a chunk before the next chunk, else the other way round.
        input_buffer_bytes, output_buffer_bytes: One buffer each; 0 where the tensor is on chip.
        buffers: Buffers of each kind, 1 or 2.
        input_slack_bytes: Free bytes on both sides of an input buffer.
    """

    bands: tuple[tuple[int, int], ...]
    chunks: tuple[tuple[int, int], ...]
    chunk_outer: bool
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
        """Offset of the input buffer of band `number` among the task's buffers."""
        return number % self.buffers * self._input_pitch + self.input_slack_bytes

    def output_buffer(self, number: int) -> int:
        """Offset of the output buffer of job `number` among the task's buffers."""
        return self.buffers * self._input_pitch + number % self.buffers * self.output_buffer_bytes

    def jobs(self) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """(band, chunk) in order."""
        if self.chunk_outer:
            yield from ((band, chunk) for chunk in self.chunks for band in self.bands)
        else:
            yield from ((band, chunk) for band in self.bands for chunk in self.chunks)


class BandPlanner:
    """Finds the cheapest bands of one task for a given space.

    Args:
        task, in_layout, out_layout, strip: The task; `strip` is None for a pool.
        spilled: Names of the tensors that are not on chip.
        architecture: Sizes.
        job_cycles: What a job costs beside its work; one of JOB_CYCLES.
    """

    def __init__(
        self,
        task: Task,
        in_layout: TensorLayout,
        out_layout: TensorLayout,
        strip: Strip | None,
        spilled: frozenset[str],
        architecture: Architecture,
        job_cycles: int = JOB_CYCLES[0],
    ):
        self.job_cycles = job_cycles
        self.task, self.strip, self.architecture = task, strip, architecture
        self.in_layout, self.out_layout = in_layout, out_layout
        self.input_spilled = task.input in spilled
        self.output_spilled = task.output in spilled
        self.residual_spilled = task.residual is not None and task.residual in spilled
        self.units = units_of(task, out_layout, strip, architecture)

    @property
    def is_resident(self) -> bool:
        """Nothing of the task is in memory: it needs no bands."""
        return not (self.input_spilled or self.output_spilled or self.residual_spilled)

    def whole(self) -> Bands:
        """One band, one chunk, no buffers."""
        return Bands(((0, self.out_layout.height),), ((0, self.units.count),), True)

    def best(self, space: int) -> Bands | None:
        """The plan of fewest estimated cycles that fits `space` bytes, or None."""
        fitting = [entry for entry in self._candidates if entry[1] <= space]
        return min(fitting, key=lambda entry: entry[:2])[2] if fitting else None

    def smallest(self) -> Bands:
        """The plan of fewest bytes."""
        return min(self._candidates, key=lambda entry: (entry[1], entry[0]))[2]

    @cached_property
    def _candidates(self) -> list[tuple[float, int, Bands]]:
        """(estimated cycles, bytes, plan) of every plan."""
        return [(cost, plan.bytes, plan) for cost, plan in self._plans()]

    def _plans(self) -> Iterator[tuple[float, Bands]]:
        height = 1 if isinstance(self.task, AverageTask) else self.out_layout.height
        band_counts = sorted({-(-height // rows) for rows in range(1, height + 1)})
        chunk_counts = sorted({min(self.units.count, 1 << k) for k in range(self.units.count.bit_length() + 1)})
        for n_bands in band_counts:
            for n_chunks in chunk_counts:
                for buffers in (1, 2) if n_bands * n_chunks > 1 else (1,):
                    for chunk_outer in (True, False) if n_chunks > 1 and isinstance(self.task, ConvTask) else (True,):
                        yield self._plan(n_bands, n_chunks, buffers, chunk_outer)

    def _plan(self, n_bands: int, n_chunks: int, buffers: int, chunk_outer: bool) -> tuple[float, Bands]:
        task, unit = self.task, address_unit(self.architecture)
        bands = split(1 if isinstance(task, AverageTask) else self.out_layout.height, n_bands)
        chunks = split(self.units.count, n_chunks)
        held = max(high - low for low, high in (input_rows(task, *band) for band in bands))
        out_rows = max(y1 - y0 for y0, y1 in bands)
        chunk_planes = min(max(b - a for a, b in chunks) * self.units.planes, self.out_layout.planes)
        in_planes = self.in_layout.planes if isinstance(task, ConvTask) else min(chunk_planes, self.in_layout.planes)
        in_bytes = align(in_planes * held * self.in_layout.row_bytes, unit)
        out_bytes = align(chunk_planes * out_rows * self.out_layout.row_bytes, unit)
        plan = Bands(
            bands,
            chunks,
            chunk_outer,
            max(unit, in_bytes) if self.input_spilled else 0,
            out_bytes if self.output_spilled else 0,
            buffers,
            slack_bytes(self.in_layout, self.architecture),
        )
        return self._cost(plan, in_bytes, out_bytes), plan

    def _cost(self, plan: Bands, in_bytes: int, out_bytes: int) -> float:
        n_bands, n_chunks = len(plan.bands), len(plan.chunks)
        reloads = n_chunks if not isinstance(self.task, ConvTask) or plan.chunk_outer else 1
        traffic = self.input_spilled * in_bytes * n_bands * reloads
        traffic += (self.output_spilled + self.residual_spilled) * out_bytes * n_bands * n_chunks
        cycles = 0.0
        if isinstance(self.task, ConvTask):
            strip, architecture = self.strip, self.architecture
            rows = max(y1 - y0 for y0, y1 in plan.bands)
            pixels = max(rows * self.out_layout.width, architecture.rows)
            cycles = strip.n_columns * strip.n_tiles * pixels * n_bands
            once = n_bands == 1 or (
                (plan.chunk_outer or n_chunks == 1)
                and -(-strip.n_columns // n_chunks) * strip.n_tiles <= architecture.weight_tiles
                and -(-strip.n_columns // n_chunks) <= architecture.parameter_groups
            )
            traffic += strip.n_columns * strip.column_bytes(architecture) * (1 if once else n_bands)
        transfer = traffic / self.architecture.bus_bytes
        overlapped = max(cycles, transfer) if plan.buffers == 2 else cycles + transfer
        return overlapped + self.job_cycles * n_bands * n_chunks
