"""Fully connected layers on flattened tensors."""

import numpy as np

from tcugen.model.problems import Unavailable
from tcugen.network.graph import Shape
from tcugen.network.operators import Conv, Linear
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.parameters import bias_of, checked_bias, weights_of
from tcugen.onnx.importer.values import (
    ROW,
    Constant,
    Convolution,
    Known,
    Layout,
    QuantizedConstant,
    Real,
    Unknown,
    Value,
)
from tcugen.onnx.importer.walk import Walk


def linear(walk: Walk, node: OnnxNode, transposed: bool, bias: Value | None) -> Real:
    """A fully connected layer of a flattened input 0 with weights in input 1, [O, K] if `transposed`, else [K, O]."""
    walk.check_rounded(node, 0)
    weights = linear_weights(node, walk.value(node, 1), transposed)
    known_bias = checked_bias(node, bias, len(weights[0]), broadcast=True)
    value, shape = walk.activation(node, 0)
    _check_fit(node, weights[0], shape, value.layout)
    x, layout = walk.tensor(node, 0)
    if isinstance(known_bias, Unknown):
        raise Unavailable
    return Real(fully_connected(walk, node, x, layout, weights, known_bias), layout=ROW)


def linear_weights(node: OnnxNode, value: Value, transposed: bool) -> tuple[np.ndarray, np.ndarray, bool]:
    """int8 [O, K] weights, float32 [O] scales, and whether a zero point was taken out."""
    if not isinstance(value, QuantizedConstant | Constant):
        raise node.refusal("weights", "computed at run time", "use constant weights")
    array = value.array if isinstance(value, Constant) else value.integers
    if array.ndim != 2 or not array.size:
        raise node.refusal("weights", f"shape {list(array.shape)}", "a fully connected layer has a matrix of weights")
    weight, scale, recoded = weights_of(node, value, 0 if transposed else 1)
    return weight if transposed else np.ascontiguousarray(weight.T), scale, recoded


def fully_connected(
    walk: Walk,
    node: OnnxNode,
    x: str,
    layout: Layout,
    weights: tuple[np.ndarray, np.ndarray, bool],
    bias: Known | None,
) -> Convolution:
    """The layer on the int8 tensor `x`. On more than one pixel it is a convolution whose kernel covers them all.

    Raises:
        Refused: If the input was not flattened or has another number of elements than the weights.
    """
    weight, scale, recoded = weights
    shape = walk.builder.shapes[x]
    _check_fit(node, weight, shape, layout)
    if recoded:
        walk.recoded.append(node.name)
    real, integers = bias_of(node, bias, len(weight), walk.builder.scale(x) * scale, broadcast=True)
    channels, kernel = len(weight), (shape.height, shape.width)
    if layout.channels_last:
        weight = weight.reshape(channels, *kernel, shape.channels).transpose(0, 3, 1, 2)
    weight = np.ascontiguousarray(weight.reshape(channels, shape.channels, *kernel))
    return Convolution(
        node=node,
        layer=Linear(node.name, (x,), channels) if kernel == (1, 1) else Conv(node.name, (x,), channels, kernel),
        weight=weight,
        weight_scale=scale,
        bias=real,
        bias_integers=integers,
        shape=Shape(channels, 1, 1),
    )


def _check_fit(node: OnnxNode, weight: np.ndarray, shape: Shape, layout: Layout) -> None:
    """Raises Refused if [O, K] weights do not fit an input of `shape`, or that is not flattened."""
    if not layout.flat:
        raise node.refusal(f"input {node.inputs[0]!r}", f"shape {shape}", "flatten it to two dimensions in front")
    if weight.shape[1] != shape.channels * shape.height * shape.width:
        raise node.refusal(
            "weights", list(weight.shape), f"they do not fit an input of {shape}: export the model again"
        )
