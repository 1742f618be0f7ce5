"""Convolutions, as both forms write them."""

from dataclasses import replace

import numpy as np

from tcugen.network.graph import Shape
from tcugen.network.operators import Conv
from tcugen.onnx.importer.geometry import review_window, window
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.parameters import bias_of
from tcugen.onnx.importer.values import Constant, Convolution, Known, QuantizedConstant, Value
from tcugen.onnx.importer.walk import Review, Walk


def review_convolution(node: OnnxNode, weight: Value) -> None:
    """Refuse a convolution whose attributes the hardware cannot obey; `weight` may be downstream of a refused node."""
    review = Review(node)
    if not isinstance(weight, Constant | QuantizedConstant):
        review_window(review, list(node.attributes.get("kernel_shape", [1, 1])), may_dilate=True)
        review.done()
        return
    array = weight.array if isinstance(weight, Constant) else weight.integers
    kernel = list(array.shape[2:])
    review_window(review, kernel, may_dilate=True)
    stated = node.attributes.get("kernel_shape", kernel)
    review.require(stated == kernel, "kernel_shape", stated, f"the weights have {kernel}: export the model again")
    review.require(array.size > 0, "weights", f"shape {list(array.shape)}", "they are empty: export the model again")
    review.done()


def fitted_convolution(node: OnnxNode, weight: np.ndarray, shape: Shape) -> tuple[Conv, Shape]:
    """The convolution of an input of `shape`, and the shape of its output. Raises Refused or NetworkError if none."""
    kernel, stride, padding = window(node, list(weight.shape[2:]), shape)
    groups = int(node.attributes.get("group", 1))
    if weight.shape[1] * groups != shape.channels:
        raise node.refusal(
            "weights", list(weight.shape), f"they do not fit {shape.channels} input channels: export the model again"
        )
    dilation = node.attributes.get("dilations", [1, 1])
    description = Conv(
        node.name,
        (node.inputs[0],),
        len(weight),
        kernel,
        stride,
        padding,
        groups,
        dilation=(dilation[0], dilation[1]),
    )
    return description, description.output_shape([shape])


def convolution(
    walk: Walk,
    node: OnnxNode,
    x: str,
    weights: tuple[np.ndarray, np.ndarray, bool],
    bias: Known | None,
) -> Convolution:
    """A convolution on the int8 tensor `x`; `weights` as `weights_of` gives them."""
    weight, scale, recoded = weights
    description, result = fitted_convolution(node, weight, walk.builder.shapes[x])
    x, border = walk.builder.without_border(x)
    description = replace(description, padding=tuple(map(sum, zip(description.padding, border, strict=True))))
    if recoded:
        walk.recoded.append(node.name)
    sum_scale = walk.builder.scale(x) * scale
    real, integers = bias_of(node, bias, len(weight), sum_scale)
    return Convolution(
        node=node,
        layer=replace(description, inputs=(x,)),
        weight=weight,
        weight_scale=scale,
        bias=real,
        bias_integers=integers,
        shape=result,
    )
