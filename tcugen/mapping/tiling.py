"""How a task is cut into array passes: weight tiles of a column group, blocks of output pixels."""

import itertools
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
from tcugen.mapping.gather import column_pieces, passes
from tcugen.mapping.tasks import ArrayTask, AverageTask, ConvTask, GatherTask, PhasedTask
from tcugen.program import TensorLayout

Range = tuple[int, int]
"""First and end of some rows, columns or channel blocks."""

MAX_LOOP = 4095
"""Largest count of a 12-bit loop field."""


@dataclass(frozen=True, eq=False)
class WeightPanel:
    """The weight tiles of one column group, the same numbers for every group of a task; of a gather or
    of phases, the most.

    Attributes:
        n_columns: Column groups of C output channels.
        n_groups: Input words (R channels each) that a column group reads.
        n_ky, n_kx: Kernel rows; kernel columns, or segments of R bytes when kernel columns are folded.
        first_words: int [n_columns], the input word each column group starts with.
        column_words: Words from one column group's first word to the next; None if that is not constant.
    """

    n_columns: int
    n_groups: int
    n_ky: int
    n_kx: int
    first_words: NDArray[np.int_]
    column_words: int | None

    @property
    def n_tiles(self) -> int:
        return self.n_groups * self.n_ky * self.n_kx

    def column_bytes(self, architecture: Architecture) -> int:
        """Bytes of one column group in the weight stream."""
        return architecture.parameter_group_bytes + self.n_tiles * architecture.tile_bytes


def panel_of(task: ArrayTask, layout: TensorLayout, architecture: Architecture) -> WeightPanel:
    """The panel of a task whose input has the given layout.

    A grouped convolution reads only the words that its column group's channels belong to; where that number differs
    between column groups all take the largest, shifted to stay inside the tensor (their weights there are 0).
    """
    rows, columns = architecture.rows, architecture.columns
    match task:
        case AverageTask():
            height, width = task.kernel
            words = max(1, columns // rows)
            n_columns = -(-words * rows // columns)
            return WeightPanel(n_columns, words, height, width, np.zeros(n_columns, int), 0)
        case GatherTask():
            groups = column_pieces(task, rows, columns)
            return WeightPanel(len(groups), max(map(passes, groups)), 1, 1, np.zeros(len(groups), int), None)
        case PhasedTask():
            panels = [panel_of(convolution, layout, architecture) for convolution in task.convolutions]
            return max(panels, key=lambda panel: panel.n_tiles)
        case ConvTask():
            pass
        case _:
            assert_never(task)
    outputs, inputs = task.output_shape.channels, task.input_shape.channels
    n_columns = -(-outputs // columns)
    n_kx = -(-task.kernel[1] * layout.pixel_bytes // rows)
    if task.groups == 1 and task.first_channel is None:
        return WeightPanel(n_columns, layout.planes, task.kernel[0], n_kx, np.zeros(n_columns, int), 0)
    per_group_out, per_group_in = outputs // task.groups, inputs // task.groups
    first_out = np.arange(n_columns) * columns
    last_out = np.minimum(first_out + columns, outputs) - 1
    begin = task.first_channel or 0
    first = (begin + first_out // per_group_out * per_group_in) // rows
    last = (begin + (last_out // per_group_out + 1) * per_group_in - 1) // rows
    n_groups = int((last - first).max()) + 1
    first = np.minimum(first, layout.planes - n_groups)
    steps = np.diff(first)
    regular = n_columns == 1 or bool((steps == steps[0]).all())
    step = int(steps[0]) if n_columns > 1 and regular else 0
    return WeightPanel(n_columns, n_groups, task.kernel[0], n_kx, first, step if regular else None)


def split(count: int, pieces: int) -> tuple[Range, ...]:
    """`count` things in `pieces` ranges whose sizes differ by at most one."""
    edges = [count * k // pieces for k in range(pieces + 1)]
    return tuple((a, b) for a, b in itertools.pairwise(edges) if b > a)


def block_rows(n_y: int, n_x: int, depth: int) -> int:
    """Output rows per block: the fewest blocks that fit an accumulator bank, of even size."""
    most = max(1, depth // n_x)
    return -(-n_y // -(-n_y // most))


def x_tiles(n_x: int, depth: int) -> tuple[tuple[int, int], ...]:
    """Ranges of output columns that fit an accumulator bank."""
    return split(n_x, -(-n_x // min(depth, MAX_LOOP)))


@dataclass(frozen=True)
class Rectangle:
    """Output rows y0 .. y1 - 1, columns x0 .. x1 - 1, in blocks of `block_rows`."""

    y0: int
    y1: int
    x0: int
    x1: int
    block_rows: int

    @property
    def n_x(self) -> int:
        return self.x1 - self.x0

    @property
    def n_blocks(self) -> int:
        return -(-(self.y1 - self.y0) // self.block_rows)

    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Output rows of each block."""
        starts = range(self.y0, self.y1, self.block_rows)
        return tuple((start, min(start + self.block_rows, self.y1)) for start in starts)

    def by_block(self) -> tuple["Rectangle", ...]:
        return tuple(Rectangle(a, b, self.x0, self.x1, b - a) for a, b in self.blocks())


def rectangles(y0: int, y1: int, n_x: int, depth: int) -> tuple[Rectangle, ...]:
    """Rows y0 .. y1 - 1 of a result `n_x` wide as rectangles, one per range of columns."""
    return tuple(Rectangle(y0, y1, a, b, block_rows(y1 - y0, b - a, depth)) for a, b in x_tiles(n_x, depth))


def busy_cycles(task: ArrayTask, panel: WeightPanel, architecture: Architecture) -> int:
    """Cycles in which the array takes an operand of a task that runs in one piece, an average in whole pixels."""
    match task:
        case AverageTask():
            return (
                panel.n_columns * panel.n_tiles * -(-task.input_shape.channels // (architecture.rows * panel.n_groups))
            )
        case ConvTask():
            return panel.n_columns * panel.n_tiles * task.output_shape.height * task.output_shape.width
        case PhasedTask():
            pixels = [phase.size[0] * phase.size[1] for phase in task.phases]
            taps = [phase.kernel[0] * phase.kernel[1] for phase in task.phases]
            most = max(taps)
            return panel.n_columns * sum(panel.n_tiles * t * p // most for t, p in zip(taps, pixels, strict=True))
        case GatherTask():
            tiles = sum(map(passes, column_pieces(task, architecture.rows, architecture.columns)))
            return tiles * task.output_shape.height * task.output_shape.width
        case _:
            assert_never(task)
