"""Convolutions, fully connected layers, normalisation and pools."""

import math
import operator
from typing import Any

import numpy as np
import torch
from torch import fx

from tcugen.network.graph import Shape
from tcugen.onnx.importer.geometry import review_dilated_pool, review_window, window
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.walk import Review
from tcugen.quantize.from_onnx.reader import Reader
from tcugen.quantize.from_onnx.writer import shape_of

aten = torch.ops.aten


def convolution(reader: Reader, node: OnnxNode) -> fx.Node:
    """Conv; padding that is not the same on both sides comes first."""
    x, weight = reader.tensor(node, 0), reader.parameter(node, 1, "weight")
    bias = reader.constant(node, 2, "bias")
    _, stride, sides = _window(node, x, list(weight.shape[2:]), may_dilate=True)
    x, padding = _padded(reader, node, x, sides, 0.0)
    operands = [reader.placed(node, 1, weight), None if bias is None else reader.placed(node, 2, bias)]
    dilation, groups = list(node.attributes.get("dilations", [1, 1])), int(node.attributes.get("group", 1))
    return reader.writer.call(node, aten.conv2d.default, x, *operands, list(stride), padding, dilation, groups)


def gemm(reader: Reader, node: OnnxNode) -> fx.Node:
    """Gemm of a tensor and constant weights. Refused: other forms."""
    if node.attributes.get("transA", 0):
        raise node.refusal("transA", 1, "give the tensor as rows")
    weight = np.asarray(reader.parameter(node, 1, "weight"), np.float32)
    weight = weight if node.attributes.get("transB", 0) else weight.T
    bias = reader.constant(node, 2, "bias")
    x = reader.tensor(node, 0)
    placed = reader.placed(node, 1, weight * np.float32(node.attributes.get("alpha", 1.0)))
    term = None
    if bias is not None:
        values = np.asarray(bias, np.float32) * np.float32(node.attributes.get("beta", 1.0))
        if values.size not in (1, len(weight)):
            raise node.refusal("bias", list(values.shape), "use one value per output")
        term = reader.placed(node, 2, np.broadcast_to(values.reshape(-1), (len(weight),)))
    return reader.writer.call(node, aten.linear.default, x, placed, term)


def matmul(reader: Reader, node: OnnxNode) -> fx.Node:
    """MatMul of rows and constant weights."""
    weight = reader.parameter(node, 1, "weight")
    if weight.ndim != 2:
        raise node.refusal("weight", list(weight.shape), "only weights of two dimensions run on the hardware")
    return reader.writer.call(node, aten.linear.default, reader.tensor(node, 0), reader.placed(node, 1, weight.T))


def batch_normalization(reader: Reader, node: OnnxNode) -> fx.Node:
    """BatchNormalization with the statistics of the file."""
    if node.attributes.get("training_mode", 0):
        # Exporters leave it set where only the parameters were to be kept apart; ONNX Runtime would then use the batch.
        raise node.refusal("training_mode", 1, "export the model in evaluation mode")
    names = ("scale", "bias", "mean", "variance")
    operands = [reader.placed(node, i, reader.parameter(node, i, name)) for i, name in enumerate(names, 1)]
    epsilon = number(node.attributes.get("epsilon", 1e-5))
    results = reader.writer.call(
        node, aten._native_batch_norm_legit_no_training.default, reader.tensor(node, 0), *operands, 0.1, epsilon
    )
    return reader.writer.call(node, operator.getitem, results, 0)


def max_pool(reader: Reader, node: OnnxNode) -> fx.Node:
    """MaxPool."""
    review = Review(node)
    review_dilated_pool(review)
    review.done()
    x = reader.tensor(node, 0)
    kernel, stride, sides = _window(node, x, list(node.attributes.get("kernel_shape", [])), may_dilate=True)
    x, padding = _padded(reader, node, x, sides, -math.inf, most=min(kernel) // 2)
    dilation = list(node.attributes.get("dilations", [1, 1]))
    return reader.writer.call(node, aten.max_pool2d.default, x, list(kernel), list(stride), padding, dilation)


def average_pool(reader: Reader, node: OnnxNode) -> fx.Node:
    """AveragePool. Refused: padding that is not counted and not the same on both sides."""
    x = reader.tensor(node, 0)
    kernel, stride, sides = _window(node, x, list(node.attributes.get("kernel_shape", [])), may_dilate=False)
    counts = bool(node.attributes.get("count_include_pad", 0))
    ceil = bool(node.attributes.get("ceil_mode", 0))
    own = _window(node, x, list(kernel), may_dilate=False, ceil=False)[2]
    if own != sides and not counts:
        sides = own
    elif own != sides:
        raise node.refusal("ceil_mode", 1, "set count_include_pad or ceil_mode to 0")
    if sides[:2] != sides[2:] and not counts:
        raise node.refusal("pads", list(sides), "pad both sides alike, or set count_include_pad to 1")
    x, padding = _padded(reader, node, x, sides, 0.0, most=min(kernel) // 2)
    return reader.writer.call(
        node, aten.avg_pool2d.default, x, list(kernel), list(stride), padding, ceil and not counts, counts
    )


def global_average_pool(reader: Reader, node: OnnxNode) -> fx.Node:
    """GlobalAveragePool."""
    return reader.writer.call(node, aten.adaptive_avg_pool2d.default, reader.tensor(node, 0), [1, 1])


def global_max_pool(reader: Reader, node: OnnxNode) -> fx.Node:
    """GlobalMaxPool."""
    x = reader.tensor(node, 0)
    return reader.writer.call(node, aten.max_pool2d.default, x, list(shape_of(x)[2:]))


def reduce_mean(reader: Reader, node: OnnxNode) -> fx.Node:
    """ReduceMean over dimensions that the file states."""
    axes = node.attributes.get("axes")
    if axes is None and node.has_input(1):
        axes = reader.parameter(node, 1, "axes").reshape(-1).tolist()
    if axes is None:
        raise node.refusal("axes", "all", "take the mean over height and width, axes = [2, 3]")
    keep = bool(node.attributes.get("keepdims", 1))
    return reader.writer.call(node, aten.mean.dim, reader.tensor(node, 0), list(axes), keep)


def pad(reader: Reader, node: OnnxNode) -> fx.Node:
    """Pad with a constant."""
    mode = node.attributes.get("mode", "constant")
    if mode != "constant":
        raise node.refusal("mode", mode, "pad with zeros")
    pads = node.attributes.get("pads", node.attributes.get("paddings"))
    if pads is None:
        pads = reader.parameter(node, 1, "pads").reshape(-1).tolist()
    value = reader.constant(node, 2, "value")
    number = node.attributes.get("value", 0.0) if value is None else value.reshape(-1)[0]
    x = reader.tensor(node, 0)
    dimensions = len(shape_of(x))
    axes = reader.constant(node, 3, "axes")
    chosen = list(range(dimensions)) if axes is None else [int(axis) % dimensions for axis in axes.reshape(-1)]
    both = dict(zip(chosen, zip(pads[: len(chosen)], pads[len(chosen) :], strict=True), strict=True))
    from_last = [int(side) for axis in reversed(range(dimensions)) for side in both.get(axis, (0, 0))]
    if not any(from_last):
        return x
    return reader.writer.call(node, aten.constant_pad_nd.default, x, from_last, float(number))


def _window(node: OnnxNode, x: fx.Node, kernel: list[int], may_dilate: bool, ceil: bool = True) -> Any:
    """Kernel, stride and padding. Raises Refused for what is in the way."""
    review = Review(node)
    review_window(review, kernel, may_dilate)
    review.done()
    shape = shape_of(x)
    if len(shape) != 4:
        raise node.refusal("input", f"of {len(shape)} dimensions", "give it four")
    if not ceil:
        attributes = {name: value for name, value in node.attributes.items() if name != "ceil_mode"}
        node = OnnxNode(node.name, node.op, node.inputs, node.outputs, attributes)
    return window(node, kernel, Shape(*shape[1:]))


def _padded(
    reader: Reader, node: OnnxNode, x: fx.Node, sides: tuple[int, int, int, int], value: float, most: int | None = None
) -> tuple[fx.Node, list[int]]:
    """A tensor and the padding [y, x] that is left to the operator: all of it if it is the same on both sides.

    Args:
        most: What the operator can take.
    """
    top, left, bottom, right = sides
    if (top, left) == (bottom, right) and (most is None or max(top, left) <= most):
        return x, [top, left]
    padded = reader.writer.call(node, aten.constant_pad_nd.default, x, [left, right, top, bottom], value)
    return padded, [0, 0]


def number(value: float | np.floating[Any]) -> float:
    """A single precision number of the file as whoever wrote it had it: 1e-5, not 9.999999747378752e-06."""
    return float(str(np.float32(value)))
