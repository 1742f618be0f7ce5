"""Operators on integers: QLinearConv and its kin, of the standard and of ONNX Runtime's domain."""

import numpy as np

from tcugen.network.operators import Add, Multiply
from tcugen.onnx.importer.channelwise import add_constant_to_integers, multiply_integers_by_constant
from tcugen.onnx.importer.convolution import convolution, review_convolution
from tcugen.onnx.importer.linear import fully_connected, linear_weights
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.parameters import SUBNORMAL, checked_bias, scale_of, weights_of
from tcugen.onnx.importer.values import (
    ROW,
    Addition,
    Constant,
    Product,
    Quantized,
    QuantizedConstant,
    Real,
    Value,
    is_constant,
)
from tcugen.onnx.importer.walk import Review, Walk, check_layouts


def qlinear_conv(walk: Walk, node: OnnxNode) -> Quantized:
    """A convolution on integers."""
    weight = _weight(walk, node, 3, 0)
    review_convolution(node, weight)
    weights = weights_of(node, weight, 0)
    quantization, unsigned = walk.quantization(node, 6, False)
    bias = _bias(walk, node, 8)
    checked_bias(node, bias, len(weights[0]), broadcast=False)
    walk.check_planes(node, 0)
    x = walk.quantized(node, 0, stated=1)
    base = convolution(walk, node, x.tensor, weights, _coded_bias(walk, bias, x, weights))
    return walk.quantise(node, Real(base), quantization, unsigned)


def qgemm(walk: Walk, node: OnnxNode) -> Value:
    """A fully connected layer on integers; its result is real if it states no scale. Refused: as Gemm."""
    review = Review(node)
    review.fixed("alpha", 1.0, "scale the weights instead")
    review.fixed("transA", 0, "the image is one row: leave it as it is")
    review.done()
    transposed = bool(node.attributes.get("transB", 0))
    weights = linear_weights(node, _weight(walk, node, 3, 0 if transposed else 1), transposed)
    bias = _bias(walk, node, 6)
    checked_bias(node, bias, len(weights[0]), broadcast=True)
    x = walk.quantized(node, 0, stated=1)
    base = fully_connected(walk, node, x.tensor, x.layout, weights, _coded_bias(walk, bias, x, weights))
    real = Real(base, layout=ROW)
    # Without a scale of its own the output is real.
    return walk.quantise(node, real, *walk.quantization(node, 7, False)) if node.has_input(7) else real


def qlinear_matmul(walk: Walk, node: OnnxNode) -> Quantized:
    """A fully connected layer on integers, without bias."""
    weights = linear_weights(node, _weight(walk, node, 3, 1), False)
    quantization, unsigned = walk.quantization(node, 6, False)
    x = walk.quantized(node, 0, stated=1)
    base = fully_connected(walk, node, x.tensor, x.layout, weights, None)
    return walk.quantise(node, Real(base, layout=ROW), quantization, unsigned)


def qlinear_add(walk: Walk, node: OnnxNode) -> Quantized:
    """The sum of two int8 tensors of one shape, or of one and a constant with one value per channel."""
    quantization, unsigned = walk.quantization(node, 6, False)
    constants = [index for index in (0, 3) if node.has_input(index) and is_constant(walk.values[node.inputs[index]])]
    if constants:
        other = 3 - constants[0]
        term = _weight(walk, node, constants[0], 0, "constants")
        x = walk.quantized(node, other, stated=other + 1)
        return walk.quantise(node, add_constant_to_integers(walk, node, x, term), quantization, unsigned)
    a, b = walk.quantized(node, 0, stated=1), walk.quantized(node, 3, stated=4)
    check_layouts(node, (0, 3), (a.layout, b.layout))
    operands = (a.tensor, b.tensor)
    shapes = [walk.builder.shapes[operand] for operand in operands]
    base = Addition(node, operands, Add(node.name, operands).output_shape(shapes))
    return walk.quantise(node, Real(base, layout=a.layout), quantization, unsigned)


def qlinear_mul(walk: Walk, node: OnnxNode) -> Quantized:
    """The product of two int8 tensors, or of one and a constant with one value per channel."""
    quantization, unsigned = walk.quantization(node, 6, False)
    constants = [index for index in (0, 3) if node.has_input(index) and is_constant(walk.values[node.inputs[index]])]
    if constants:
        other = 3 - constants[0]
        factor = _weight(walk, node, constants[0], 0, "constants")
        x = walk.quantized(node, other, stated=other + 1)
        return walk.quantise(node, multiply_integers_by_constant(walk, node, x, factor), quantization, unsigned)
    a, b = walk.quantized(node, 0, stated=1), walk.quantized(node, 3, stated=4)
    check_layouts(node, (0, 3), (a.layout, b.layout))
    operands = (a.tensor, b.tensor)
    shapes = [walk.builder.shapes[operand] for operand in operands]
    base = Product(node, operands, Multiply(node.name, operands).output_shape(shapes))
    return walk.quantise(node, Real(base, layout=a.layout), quantization, unsigned)


def _weight(walk: Walk, node: OnnxNode, index: int, output_axis: int, what: str = "weights") -> QuantizedConstant:
    """Constant integers at `index`, their scale and zero point after them."""
    integers = walk.parameter(node, index, what)
    if integers.dtype.kind not in "iu":
        raise node.refusal(what, integers.dtype, f"use int8 {what}")
    scale = scale_of(node, walk.parameter(node, index + 1, f"scale of {what}"), f"scale of {what}", SUBNORMAL)
    zero_point = walk.constant(node, index + 2, f"zero point of {what}")
    points = np.zeros((), np.int64) if zero_point is None else zero_point.astype(np.int64)
    return QuantizedConstant(integers, scale, points.reshape(()) if points.size == 1 else points, output_axis)


def _bias(walk: Walk, node: OnnxNode, index: int) -> Constant | None:
    array = walk.constant(node, index, "bias")
    return None if array is None else Constant(array)


def _coded_bias(
    walk: Walk, bias: Constant | None, x: Quantized, weights: tuple[np.ndarray, np.ndarray, bool]
) -> QuantizedConstant | None:
    """The bias, which operator form has in the scale of the sums by definition."""
    if bias is None:
        return None
    scale = walk.builder.scale(x.tensor) * weights[1]
    return QuantizedConstant(bias.array.reshape(-1), scale, np.zeros((), np.int64))
