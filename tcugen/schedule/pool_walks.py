"""How POOL instructions walk over the windows of a max-pool whose taps may be apart.

The unit's taps along a row are neighbours, and those along a column are any distance apart. So rows that are apart are
walked as if they were all there are: output rows at a distance at which their windows begin in the same of these
pictures. Taps of one row that are apart take the place of kernel rows, for a run of outputs whose windows all have the
same taps inside the picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from math import gcd

from tcugen.mapping.tasks import PoolTask
from tcugen.mapping.tiling import Range
from tcugen.program import TensorLayout


@dataclass(frozen=True)
class Walk:
    """Windows of one instruction, on each channel block.

    Attributes:
        y, y_step, n_y: First output row, how far they are apart, how many there are.
        x, n_x: First output column, and how many there are.
        row, column: Of the input, where the first window's first tap is; outside it in the padding.
        tap_bytes: From one row of taps to the next.
        kernel, stride: Of the walk, (y, x); rows are `tap_bytes` apart.
        place: Row and column of the first tap among those that are walked over.
        size: Rows and columns that are walked over; taps outside are left out.
    """

    y: int
    y_step: int
    n_y: int
    x: int
    n_x: int
    row: int
    column: int
    tap_bytes: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    place: tuple[int, int]
    size: tuple[int, int]


def walks(task: PoolTask, layout: TensorLayout, rows: Range) -> Iterator[Walk]:
    """The walks that make output rows rows[0] .. rows[1] - 1 of a pool of a tensor of `layout`: one if no taps are
    apart."""
    yield from _along_rows(task, layout, rows) if task.dilation[1] == 1 else _along_columns(task, layout, rows)


def _along_rows(task: PoolTask, layout: TensorLayout, rows: Range) -> Iterator[Walk]:
    apart, stride = task.dilation[0], task.stride[0]
    step = apart // gcd(apart, stride)
    for y in range(rows[0], min(rows[0] + step, rows[1])):
        row = y * stride - task.padding[0]
        number, first = divmod(row, apart)
        yield Walk(
            y=y,
            y_step=step,
            n_y=-(-(rows[1] - y) // step),
            x=0,
            n_x=task.output_shape.width,
            row=row,
            column=-task.padding[1],
            tap_bytes=apart * layout.row_bytes,
            kernel=task.kernel,
            stride=(stride * step // apart, task.stride[1]),
            place=(number, -task.padding[1]),
            size=(-(-(layout.height - first) // apart), layout.width),
        )


def _along_columns(task: PoolTask, layout: TensorLayout, rows: Range) -> Iterator[Walk]:
    assert task.kernel[0] == 1, "where taps along a row are apart, a window has one row of them"
    apart, stride = task.dilation[1], task.stride[1]

    def inside(x: int) -> Range:
        first = x * stride - task.padding[1]
        taps = [tap for tap in range(task.kernel[1]) if 0 <= first + tap * apart < layout.width]
        return taps[0], taps[-1] + 1

    runs = [(taps, list(columns)) for taps, columns in groupby(range(task.output_shape.width), inside)]
    for y in range(*rows):
        for (first, end), columns in runs:
            yield Walk(
                y=y,
                y_step=1,
                n_y=1,
                x=columns[0],
                n_x=len(columns),
                row=y * task.stride[0],
                column=columns[0] * stride - task.padding[1] + first * apart,
                tap_bytes=apart * layout.pixel_bytes,
                kernel=(end - first, 1),
                stride=(1, stride),
                place=(0, 0),
                size=(end - first, (len(columns) - 1) * stride + 1),
            )
