"""Convolutions, as both forms write them."""

import numpy as np

from tcugen.network.graph import Node, output_shape
from tcugen.quant.importers.geometry import review_window, window
from tcugen.quant.importers.onnx_file import OnnxNode
from tcugen.quant.importers.parameters import bias_of
from tcugen.quant.importers.values import Coded, Constant, Convolution, Value
from tcugen.quant.importers.walk import Review, Walk


def review_convolution(node: OnnxNode, weight: Coded | Constant) -> None:
    """Refuse a convolution whose attributes the hardware cannot obey."""
    review = Review(node)
    array = weight.array if isinstance(weight, Constant) else weight.integers
    review_window(review, list(array.shape[2:]))
    review.done()


def convolution(
    walk: Walk,
    node: OnnxNode,
    x: str,
    weights: tuple[np.ndarray, np.ndarray, bool],
    bias: Value | None,
) -> Convolution:
    """A convolution on the int8 tensor `x`; `weights` as `weights_of` gives them."""
    weight, scale, recoded = weights
    shape = walk.builder.shapes[x]
    kernel, stride, padding = window(node, list(weight.shape[2:]), shape)
    groups = int(node.attributes.get("group", 1))
    if weight.shape[1] * groups != shape.channels:
        raise node.refusal(
            "weights", list(weight.shape), f"they do not fit {shape.channels} input channels: export the model again"
        )
    if recoded:
        walk.recoded.append(node.name)
    sum_scale = walk.builder.tensors[x].scale * scale
    real, integers = bias_of(node, bias, len(weight), sum_scale)
    description = Node(node.name, "conv", (x,), len(weight), kernel, stride, padding, groups)
    return Convolution(
        node=node,
        op="conv",
        x=x,
        weight=weight,
        weight_scale=scale,
        bias=real,
        bias_integers=integers,
        kernel=kernel,
        stride=stride,
        padding=padding,
        groups=groups,
        shape=output_shape(description, [shape]),
    )
