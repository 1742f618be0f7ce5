"""Which pixels the windows of an average pool count."""

from tcugen.network.operators import AveragePool
from tcugen.network.shape import Shape


def counted(node: AveragePool, shape: Shape) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Rows that the window of each output row counts, and columns that the one of each output column counts.

    Their product is the number of pixels that a mean divides by.

    Args:
        node: The average pool.
        shape: Of its input.
    """
    output = node.output_shape([shape])
    rows = _counted(node, shape.height, output.height, 0)
    return rows, _counted(node, shape.width, output.width, 1)


def divisors(node: AveragePool, shape: Shape) -> tuple[int, ...]:
    """Every number of pixels that a window counts, once, ascending."""
    rows, columns = (set(counts) for counts in counted(node, shape))
    return tuple(sorted({row * column for row in rows for column in columns}))


def taps_inside(node: AveragePool, side: int, output: int, axis: int) -> tuple[int, int]:
    """First and end of the taps of output row (axis 0) or column (axis 1) `output` that an input of `side` has."""
    start = output * node.stride[axis] - node.padding[axis]
    return max(0, -start), min(node.kernel[axis], side - start)


def _counted(node: AveragePool, side: int, outputs: int, axis: int) -> tuple[int, ...]:
    if node.count_include_pad:
        return (node.kernel[axis],) * outputs
    taps = (taps_inside(node, side, output, axis) for output in range(outputs))
    return tuple(end - first for first, end in taps)
