"""Operators that leave the elements alone and change at most how the file arranges a tensor."""

from dataclasses import replace
from itertools import product

import numpy as np

from tcugen.network.graph import Shape
from tcugen.onnx.importer.moving_operators import grouped, joined, swapped
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.values import ROW, Constant, Grouped, Layout, Quantized, Real, Unknown, Value
from tcugen.onnx.importer.walk import Walk

EXPORT_FOR_INFERENCE = "export the model for inference: call model.eval() first"
"""The remedy for operators that do something else in training."""

Activation = Real | Quantized | Unknown

_HELP = "activations can only be flattened to (1, channels * height * width)"


def identity(walk: Walk, node: OnnxNode) -> Value:
    """The input itself."""
    return walk.value(node, 0)


def dropout(walk: Walk, node: OnnxNode) -> Value:
    """The input itself. Refused: training mode."""
    mode = walk.constant(node, 2, "training_mode")
    if mode is not None and mode.any():
        raise node.refusal("training_mode", True, EXPORT_FOR_INFERENCE)
    return walk.value(node, 0)


def flatten(walk: Walk, node: OnnxNode) -> Value:
    """The input in two dimensions. Refused: any other than the axis after the batch."""
    axis = int(node.attributes.get("axis", 1))
    if axis not in (1, -1, -3):
        raise node.refusal("axis", axis, f"use axis 1: {_HELP}")
    value, shape = walk.activation(node, 0)
    if axis % len(value.layout.dimensions(shape)) != 1:
        raise node.refusal("axis", axis, f"use axis 1: {_HELP}")
    return _relaid(node, value, shape, ROW.dimensions(shape), "axis")


def reshape(walk: Walk, node: OnnxNode) -> Value:
    """The input in two or four dimensions, or its channels in two, until a channel shuffle is complete.

    Refused: any other shape.
    """
    given = walk.values[node.inputs[0]]
    if isinstance(given, Grouped):
        return joined(walk, node, given)
    value, shape = walk.activation(node, 0)
    wanted = walk.parameter(node, 1, "shape").reshape(-1).tolist()
    before = value.layout.dimensions(shape)
    if not node.attributes.get("allowzero", 0):
        wanted = [before[i] if size == 0 and i < len(before) else size for i, size in enumerate(wanted)]
    total = shape.channels * shape.height * shape.width
    known = int(np.prod([size for size in wanted if size != -1]))
    wanted = [total // max(known, 1) if size == -1 else size for size in wanted]
    return grouped(walk, node, wanted) or _relaid(node, value, shape, wanted, "shape")


def squeeze(walk: Walk, node: OnnxNode) -> Value:
    """The input without dimensions of size 1. Refused: if neither two nor its own four are left."""
    value, shape = walk.activation(node, 0)
    before = value.layout.dimensions(shape)
    axes = _axes(walk, node)
    if axes is None:
        axes = [axis for axis, size in enumerate(before) if size == 1]
    gone = {axis % len(before) for axis in axes}
    return _relaid(node, value, shape, [size for axis, size in enumerate(before) if axis not in gone], "axes")


def unsqueeze(walk: Walk, node: OnnxNode) -> Value:
    """The input with more dimensions of size 1. Refused: if that makes neither two nor its own four."""
    value, shape = walk.activation(node, 0)
    after = list(value.layout.dimensions(shape))
    axes = _axes(walk, node) or []
    rank = len(after) + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        after.insert(axis, 1)
    return _relaid(node, value, shape, after, "axes")


def transpose(walk: Walk, node: OnnxNode) -> Value:
    """The input with channels first or last. Refused: any other order of dimensions."""
    given = walk.values[node.inputs[0]]
    if isinstance(given, Grouped):
        return swapped(node, given)
    value, shape = walk.activation(node, 0)
    before = value.layout.dimensions(shape)
    order = list(node.attributes.get("perm", reversed(range(len(before)))))
    if sorted(order) != list(range(len(before))):
        raise node.refusal("perm", order, f"it does not fit {len(before)} dimensions: export the model again")
    after = _moving([_names(value.layout)[axis] for axis in order], shape)
    for channels_last in (value.layout.channels_last, not value.layout.channels_last):
        layout = replace(value.layout, channels_last=channels_last)
        if _moving(_names(layout), shape) == after and layout.dimensions(shape) == [before[axis] for axis in order]:
            return replace(value, layout=layout)
    raise node.refusal("perm", order, "dimensions can be (1, channels, height, width) or (1, height, width, channels)")


def shape_of(walk: Walk, node: OnnxNode) -> Constant:
    """The input's dimensions, or some of them, as a constant."""
    value, shape = walk.activation(node, 0)
    dimensions = value.layout.dimensions(shape)
    start, end = node.attributes.get("start", 0), node.attributes.get("end", len(dimensions))
    return Constant(np.array(dimensions[start:end], np.int64))


def _axes(walk: Walk, node: OnnxNode) -> list[int] | None:
    if node.has_input(1):
        return walk.parameter(node, 1, "axes").reshape(-1).tolist()
    return node.attributes.get("axes")


def _names(layout: Layout) -> str:
    """One letter a dimension."""
    if layout.flat:
        return "NX"
    return "NHWC" if layout.channels_last else "NCHW"


def _moving(names: str | list[str], shape: Shape) -> list[str]:
    """Those dimensions that hold more than one element: where the others are moves nothing."""
    sizes = {"N": 1, "C": shape.channels, "H": shape.height, "W": shape.width}
    return [name for name in names if sizes.get(name, 2) > 1]


def _relaid(node: OnnxNode, value: Activation, shape: Shape, wanted: list[int], attribute: str) -> Value:
    for flat, channels_last in product((True, False), (False, True)):
        layout = Layout(flat, channels_last)
        if wanted == layout.dimensions(shape) and layout.same_order(value.layout, shape):
            return replace(value, layout=layout)
    raise node.refusal(attribute, f"{wanted} out of {value.layout.dimensions(shape)}", _HELP)
