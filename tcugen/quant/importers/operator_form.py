"""Operators on integers: QLinearConv and its kin, of the standard and of ONNX Runtime's domain."""

import numpy as np

from tcugen.network.graph import Node, output_shape
from tcugen.quant.importers.convolution import convolution, review_convolution
from tcugen.quant.importers.linear import fully_connected, linear_weights
from tcugen.quant.importers.onnx_file import OnnxNode
from tcugen.quant.importers.parameters import scale_of, weights_of
from tcugen.quant.importers.values import Addition, Coded, Constant, Quantized, Real, Value
from tcugen.quant.importers.walk import Review, Walk


def qlinear_conv(walk: Walk, node: OnnxNode) -> Quantized:
    weight = _weight(walk, node, 3, 0)
    review_convolution(node, weight)
    weights = weights_of(node, weight, 0)
    quantization, unsigned = walk.quantization(node, 6, False)
    bias = _bias(walk, node, 8)
    x = walk.quantized(node, 0, stated=1)
    base = convolution(walk, node, x.tensor, weights, _coded_bias(walk, bias, x, weights))
    return walk.quantise(node, Real(base), quantization, unsigned)


def qgemm(walk: Walk, node: OnnxNode) -> Value:
    review = Review(node)
    review.fixed("alpha", 1.0, "scale the weights instead")
    review.fixed("transA", 0, "the image is one row: leave it as it is")
    review.done()
    transposed = bool(node.attributes.get("transB", 0))
    weights = linear_weights(node, _weight(walk, node, 3, 0 if transposed else 1), transposed)
    bias = _bias(walk, node, 6)
    x = walk.quantized(node, 0, stated=1)
    base = fully_connected(walk, node, x.tensor, x.flat, weights, _coded_bias(walk, bias, x, weights))
    real = Real(base, flat=True)
    # Without a scale of its own the output is real.
    return walk.quantise(node, real, *walk.quantization(node, 7, False)) if node.has_input(7) else real


def qlinear_matmul(walk: Walk, node: OnnxNode) -> Quantized:
    weights = linear_weights(node, _weight(walk, node, 3, 1), False)
    quantization, unsigned = walk.quantization(node, 6, False)
    x = walk.quantized(node, 0, stated=1)
    base = fully_connected(walk, node, x.tensor, x.flat, weights, None)
    return walk.quantise(node, Real(base, flat=True), quantization, unsigned)


def qlinear_add(walk: Walk, node: OnnxNode) -> Quantized:
    for index in (0, 3):
        if isinstance(walk.value(node, index), Constant):
            raise node.refusal(
                f"input {node.inputs[index]!r}",
                "a constant",
                "give it to the convolution or Gemm before as bias, so that it is added before rounding",
            )
    a, b = walk.quantized(node, 0, stated=1), walk.quantized(node, 3, stated=4)
    quantization, unsigned = walk.quantization(node, 6, a.unsigned)
    operands = (a.tensor, b.tensor)
    shapes = [walk.builder.shapes[operand] for operand in operands]
    base = Addition(node, operands, output_shape(Node(node.name, "add", operands), shapes))
    return walk.quantise(node, Real(base, flat=a.flat), quantization, unsigned)


def _weight(walk: Walk, node: OnnxNode, index: int, output_axis: int) -> Coded:
    """Weights at `index`, their scale and zero point behind them."""
    integers = walk.parameter(node, index, "weights")
    if integers.dtype.kind not in "iu":
        raise node.refusal("weights", integers.dtype, "use int8 weights")
    scale = scale_of(node, walk.parameter(node, index + 1, "weight scale"), "weight scale")
    zero_point = walk.constant(node, index + 2, "weight zero point")
    points = np.zeros((), np.int64) if zero_point is None else zero_point.astype(np.int64)
    return Coded(integers, scale, points.reshape(()) if points.size == 1 else points, output_axis)


def _bias(walk: Walk, node: OnnxNode, index: int) -> Constant | None:
    array = walk.constant(node, index, "bias")
    return None if array is None else Constant(array)


def _coded_bias(
    walk: Walk, bias: Constant | None, x: Quantized, weights: tuple[np.ndarray, np.ndarray, bool]
) -> Coded | None:
    """The bias, which operator form has in the scale of the sums by definition."""
    if bias is None:
        return None
    scale = walk.builder.tensors[x.tensor].scale * weights[1]
    return Coded(bias.array.reshape(-1), scale, np.zeros((), np.int64))
