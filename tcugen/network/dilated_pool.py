"""Max-pools whose taps are apart in rows and columns, as two that are apart in one direction each."""

from dataclasses import replace

from tcugen.network.operators import MaxPool

_LONGEST = 195
"""Characters of a name that another part is put after."""


def name_of_rows(name: str) -> str:
    """What the first of two steps is called where the second is `name`."""
    return f"{name[:_LONGEST]}.rows"


def in_steps(node: MaxPool) -> tuple[MaxPool, ...]:
    """The node itself, if the pool unit can walk its windows at once, or two nodes that make the same tensor.

    The unit's taps along a row are neighbours. Where they are apart, the maximum over the rows of the window comes
    first, as NAME.rows, and that over its columns second: a maximum of maxima is exact.
    """
    (ky, kx), (sy, sx), (dy, dx) = node.kernel, node.stride, node.dilation
    if ky == 1 or kx == 1 or dx == 1:
        return (node,)
    top, left, bottom, right = node.padding
    rows = MaxPool(name_of_rows(node.name), node.inputs, (ky, 1), (sy, 1), (top, 0, bottom, 0), (dy, 1))
    columns = replace(
        node, inputs=(rows.name,), kernel=(1, kx), stride=(1, sx), padding=(0, left, 0, right), dilation=(1, dx)
    )
    return rows, columns
