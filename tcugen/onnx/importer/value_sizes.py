"""How many values shape inference would carry along, before it does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

_CARRIED = frozenset(
    "Abs Add Cast CastLike Ceil Div Equal Floor Gather GatherElements Identity Max Min Mod Mul Neg Not Reshape Round "
    "Slice Squeeze Sub Transpose Unsqueeze Where".split()
)
"""Operators on shapes: none makes more values than it is given."""

_MOST_DIMENSIONS = 8
"""Values of a Shape."""


def most_values(graph: onnx.GraphProto) -> float:
    """Most values of one tensor that come from shapes and constants; infinite where a Range makes them.

    ONNX's inference keeps each of them as a dimension, so a file of some hundred bytes could ask for all memory.
    """
    sizes: dict[str, float] = {one.name: math.prod(one.dims) for one in graph.initializer if len(one.dims) < 2}
    most = 0.0
    for node in graph.node:
        given = [sizes.get(name, 0) for name in node.input]
        match node.op_type:
            case "Range":
                size = math.inf
            case "Concat":
                size = sum(given)
            case "Shape" | "Size":
                size = _MOST_DIMENSIONS
            case "Constant":
                dims = next((list(one.t.dims) for one in node.attribute if one.name == "value"), [1])
                size = math.prod(dims) if len(dims) < 2 else 0
            case op:
                size = max(given, default=0) if op in _CARRIED else 0
        sizes.update(dict.fromkeys(node.output, size))
        # Biases are one-dimensional too, and are in the file; these two alone make more values than they are given.
        most = max(most, size) if node.op_type in ("Range", "Concat") else most
    return most
