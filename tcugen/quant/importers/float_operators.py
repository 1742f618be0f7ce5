"""Operators between DequantizeLinear and QuantizeLinear: what each adds to a real tensor."""

import math
from dataclasses import replace

import numpy as np

from tcugen.network.graph import Node, output_shape
from tcugen.quant.importers.convolution import convolution, review_convolution
from tcugen.quant.importers.linear import linear
from tcugen.quant.importers.onnx_file import OnnxNode
from tcugen.quant.importers.parameters import bias_of, weights_of
from tcugen.quant.importers.values import Addition, Coded, Constant, Convolution, Quantized, Real, Value
from tcugen.quant.importers.walk import Review, Walk


def conv(walk: Walk, node: OnnxNode) -> Real:
    weight = walk.value(node, 1)
    bias = walk.value(node, 2) if node.has_input(2) else None
    if not isinstance(weight, Coded | Constant):
        raise node.refusal("weights", "computed at run time", "use constant weights")
    review_convolution(node, weight)
    weights = weights_of(node, weight, 0)
    x, _ = walk.tensor(node, 0)
    return Real(convolution(walk, node, x, weights, bias))


def gemm(walk: Walk, node: OnnxNode) -> Real:
    review = Review(node)
    review.fixed("alpha", 1.0, "scale the weights instead")
    review.fixed("transA", 0, "the image is one row: leave it as it is")
    if node.has_input(2):
        review.fixed("beta", 1.0, "scale the bias instead")
    review.done()
    bias = walk.value(node, 2) if node.has_input(2) else None
    return linear(walk, node, bool(node.attributes.get("transB", 0)), bias)


def matmul(walk: Walk, node: OnnxNode) -> Real:
    return linear(walk, node, False, None)


def add(walk: Walk, node: OnnxNode) -> Real:
    values = [walk.value(node, index) for index in range(2)]
    constants = [isinstance(value, Constant | Coded) for value in values]
    if any(constants):
        return _biased(walk, node, constants.index(True))
    operands = tuple(walk.tensor(node, index)[0] for index in range(2))
    shapes = [walk.builder.shapes[operand] for operand in operands]
    return Real(Addition(node, operands, output_shape(Node(node.name, "add", operands), shapes)), flat=values[0].flat)


def _biased(walk: Walk, node: OnnxNode, constant: int) -> Real:
    """A constant added to a convolution's result before anything else happened to it: part of its bias."""
    real, base = walk.real(node, 1 - constant), walk.real(node, 1 - constant).base
    value = walk.value(node, constant)
    array = value.array if isinstance(value, Constant) else value.real()
    if not isinstance(base, Convolution) or real.is_clipped or real.pools:
        raise node.refusal(
            f"input {node.inputs[constant]!r}",
            "a constant",
            "a constant can only be added as bias, between a convolution and its QuantizeLinear",
        )
    channels = len(base.weight)
    per_channel = array.size == 1 or array.shape[-1 if real.flat else -3 :] == (
        (channels,) if real.flat else (channels, 1, 1)
    )
    if not per_channel or array.size not in (1, channels):
        raise node.refusal("bias", f"shape {list(array.shape)}", f"give one value for each of {channels} channels")
    more, _ = bias_of(node, Constant(array.astype(np.float64)), channels, base.weight_scale)
    return replace(real, base=replace(base, bias=base.bias + more, bias_integers=None))


def batch_normalization(walk: Walk, node: OnnxNode) -> Real:
    """Folded into the convolution before it: the integers of the weights stay, their scales and the bias change."""
    names = ("scale", "bias", "mean", "variance")
    gamma, beta, mean, variance = (
        walk.parameter(node, index, name).astype(np.float64) for index, name in enumerate(names, 1)
    )
    real = walk.real(node, 0)
    base = real.base
    if not isinstance(base, Convolution) or real.is_clipped or real.pools:
        raise node.refusal(
            "operator", "BatchNormalization", "fold it into the convolution before it, then quantize"
        )
    factor = gamma / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
    bias = (base.bias - mean) * factor + beta
    if not (np.isfinite(factor).all() and np.isfinite(bias).all()):
        raise node.refusal("scale, bias, mean, variance", "not finite", "export the trained model again")
    sign = np.sign(factor).astype(np.int16).reshape(-1, 1, 1, 1)
    weight = base.weight * sign
    if weight.max(initial=0) > 127:
        raise node.refusal(
            "scale", "negative where a weight is -128", "fold it into the convolution before it, then quantize"
        )
    # A channel that is switched off keeps a scale, with weights of 0.
    scale = (base.weight_scale * np.where(factor == 0, 1.0, np.abs(factor))).astype(np.float32)
    walk.folded.append(node.name)
    folded = replace(base, weight=weight.astype(np.int8), weight_scale=scale, bias=bias, bias_integers=None)
    return replace(real, base=folded)


def relu(walk: Walk, node: OnnxNode) -> Value:
    value = walk.value(node, 0)
    if isinstance(value, Quantized):
        return walk.clamped(node, value, 0, 255)
    return walk.real(node, 0).clipped(0.0, math.inf, node)


def clip(walk: Walk, node: OnnxNode) -> Value:
    bounds = []
    for index, name, default in ((1, "min", -math.inf), (2, "max", math.inf)):
        array = walk.constant(node, index, name)
        bound = float(node.attributes.get(name, default)) if array is None else float(np.asarray(array).reshape(-1)[0])
        if math.isnan(bound):
            raise node.refusal(name, "NaN", "give a number")
        bounds.append(bound)
    value = walk.value(node, 0)
    if isinstance(value, Quantized):
        low, high = (int(min(max(bound, -128), 255)) for bound in bounds)
        return walk.clamped(node, value, low, high)
    return walk.real(node, 0).clipped(*bounds, node)
