"""Output pixels at regular distances that are a convolution of their own: its taps and parameters are theirs alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from tcugen.network.operators import AveragePool, DepthToSpace, Resize
from tcugen.network.shape import Shape
from tcugen.network.windows import counted, taps_inside


@dataclass(frozen=True)
class Phase:
    """Output pixels `first + k * step`, k from 0 below `size`; pairs are (y, x).

    Attributes:
        kernel: Taps of each.
        padding: Input rows above and columns left of the picture that the first one's first tap is at; below 0 inside.
        channel: The input channel that the first output channel's sums begin with.
    """

    first: tuple[int, int]
    step: tuple[int, int]
    size: tuple[int, int]
    kernel: tuple[int, int]
    padding: tuple[int, int]
    channel: int = 0

    def rows(self, y0: int, y1: int) -> tuple[int, int]:
        """First and end of its own rows that are among output rows y0 .. y1 - 1."""
        first, step = self.first[0], self.step[0]
        low, high = (min(max(0, -(-(y - first) // step)), self.size[0]) for y in (y0, y1))
        return low, high

    def place(self, row: int, column: int) -> tuple[int, int]:
        """Output row and column of one of its own."""
        return self.first[0] + row * self.step[0], self.first[1] + column * self.step[1]


def average_phases(node: AveragePool, shape: Shape) -> tuple[Phase, ...]:
    """The phases of an average pool on an input of `shape`: a rectangle for every number of pixels that windows count.

    Taps outside the picture in all windows of a rectangle are left out of it.
    """
    rows, columns = counted(node, shape)
    return tuple(
        Phase((y, x), (1, 1), (height, width), (taps_y, taps_x), (top, left))
        for y, height, taps_y, top in _runs(node, shape.height, rows, 0)
        for x, width, taps_x, left in _runs(node, shape.width, columns, 1)
    )


def resize_phases(node: Resize, shape: Shape) -> tuple[Phase, ...]:
    """The phases of a resize of an input of `shape`: one for every place that a pixel is repeated at."""
    return _blocks(node.factor, shape)


def block_phases(node: DepthToSpace, shape: Shape) -> tuple[Phase, ...]:
    """The phases of a depth_to_space of an input of `shape`: one for every place of the block, y outermost.

    Of mode DCR each reads channels of its own, of mode CRD all read all.
    """
    blocks, places = _blocks((node.block, node.block), shape), node.block**2
    apart = shape.channels // places if node.mode == "DCR" else 0
    return tuple(replace(phase, channel=number * apart) for number, phase in enumerate(blocks))


def _blocks(block: tuple[int, int], shape: Shape) -> tuple[Phase, ...]:
    size = (shape.height, shape.width)
    return tuple(Phase((y, x), block, size, (1, 1), (0, 0)) for y in range(block[0]) for x in range(block[1]))


def divisor(node: AveragePool, shape: Shape, phase: Phase) -> int:
    """How many pixels the windows of a phase count."""
    rows, columns = counted(node, shape)
    return rows[phase.first[0]] * columns[phase.first[1]]


def _runs(node: AveragePool, side: int, counts: tuple[int, ...], axis: int) -> Iterator[tuple[int, int, int, int]]:
    """(first output, outputs, taps, padding) of neighbouring outputs that count equally many."""
    for _, members in groupby(range(len(counts)), counts.__getitem__):
        outputs = list(members)
        first, last = outputs[0], outputs[-1]
        # Windows move to the end, so the last one has the first tap that is inside, and the first one the last.
        low, high = taps_inside(node, side, last, axis)[0], taps_inside(node, side, first, axis)[1]
        yield first, len(outputs), high - low, node.padding[axis] - first * node.stride[axis] - low
