"""QuantizeLinear and DequantizeLinear, on activations and on constants."""

from dataclasses import replace

import numpy as np

from tcugen.model.problems import Problem, Refused, Unavailable
from tcugen.network.graph import NetworkError
from tcugen.onnx.importer.elementwise import identity_curve
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.parameters import SUBNORMAL, scale_of
from tcugen.onnx.importer.values import (
    Constant,
    Grouped,
    Quantized,
    QuantizedConstant,
    Real,
    Stored,
    Unknown,
    Value,
    is_constant,
)
from tcugen.onnx.importer.walk import Operator, Review, Walk

_ONNX_TYPES = {2: np.uint8, 3: np.int8}
"""Integer types by their number in ONNX; others are refused."""

_SMALL_INTEGERS = ("int4", "uint4", "int2", "uint2")
"""Types that NumPy knows by name only: it gives 8-bit floating point the same kind."""


def quantize_linear(walk: Walk, node: OnnxNode) -> Value:
    """A real tensor as int8, or a constant as integers.

    What keeps an activation from being rounded is noted, and the walk goes on with a tensor of the same quantization.
    """
    _review(node)
    value = walk.values[node.inputs[0]] if node.has_input(0) else walk.value(node, 0)
    if isinstance(value, Grouped):
        return _within(walk, node, value, quantize_linear)
    if isinstance(value, Constant | QuantizedConstant):
        return _quantized_constant(walk, node, value.array if isinstance(value, Constant) else value.real())
    kind = node.attributes.get("output_dtype", 0)
    if kind not in (0, *_ONNX_TYPES):
        raise node.refusal("output_dtype", kind, "quantize activations to int8 or uint8")
    quantization, unsigned = walk.quantization(node, 1, kind != 3)
    if is_constant(value):
        raise Unavailable
    value, shape = walk.activation(node, 0)
    if not isinstance(value, Unknown):
        try:
            return walk.quantise(node, walk.real(node, 0), quantization, unsigned)
        except (Refused, NetworkError) as error:
            walk.problems += problems_of(error, node)
    # What follows can be checked all the same.
    return Quantized(walk.builder.placeholder(shape, quantization), unsigned, value.layout)


def problems_of(error: Refused | NetworkError, node: OnnxNode) -> list[Problem]:
    """Whatever stopped `node`, as problems."""
    if isinstance(error, Refused):
        return list(error.problems)
    text, _, remedy = str(error).rpartition("; ")
    return [node.problem("shape", text, remedy)]


def dequantize_linear(walk: Walk, node: OnnxNode) -> Value:
    """The real values of an int8 tensor, whose own scale and zero point must be stated, or of constant integers."""
    _review(node)
    value = walk.values[node.inputs[0]] if node.has_input(0) else walk.value(node, 0)
    if isinstance(value, Grouped):
        return _within(walk, node, value, dequantize_linear)
    if isinstance(value, Constant):
        return _dequantized_constant(walk, node, value.array)
    quantized = walk.quantized(node, 0, stated=1)
    curve = identity_curve(walk, quantized.tensor)
    return Real(Stored(quantized.tensor), layout=quantized.layout, curve=curve)


def _within(walk: Walk, node: OnnxNode, value: Grouped, operator: Operator) -> Value:
    """What an operator makes of a tensor whose channels are in groups: the same in its groups."""
    walk.values[node.inputs[0]] = value.value
    try:
        made = operator(walk, node)
    finally:
        walk.values[node.inputs[0]] = value
    return replace(value, value=made) if isinstance(made, Real | Quantized) else made


def _review(node: OnnxNode) -> None:
    review = Review(node)
    review.fixed("block_size", 0, "use one scale per tensor or per channel")
    review.done()


def _dequantized_constant(walk: Walk, node: OnnxNode, integers: np.ndarray) -> QuantizedConstant:
    scale = walk.parameter(node, 1, "scale")
    points = walk.constant(node, 2, "zero point")
    if integers.dtype.name in _SMALL_INTEGERS:
        integers = integers.astype(np.int8)
    if integers.dtype.kind not in "iu" or integers.dtype.itemsize > 4:
        raise node.refusal(f"type of {node.inputs[0]!r}", integers.dtype, "use int8 weights and int32 biases")
    zero_point = np.zeros(scale.shape, np.int64) if points is None else points.astype(np.int64)
    zero_point = zero_point.reshape(()) if zero_point.size == 1 else zero_point
    # The scale of a bias, a product of two, may have come out as zero.
    smallest = 0.0 if integers.dtype == np.int32 else SUBNORMAL
    return _spread(node, integers, scale_of(node, scale, smallest=smallest), zero_point)


def _quantized_constant(walk: Walk, node: OnnxNode, array: np.ndarray) -> Constant:
    """saturate(rint(x / scale) + zero point) in single precision."""
    scale = scale_of(node, walk.parameter(node, 1, "scale"))
    points = walk.constant(node, 2, "zero point")
    kind = np.dtype(np.uint8) if points is None else points.dtype
    if points is None:
        kind = np.dtype(_ONNX_TYPES.get(node.attributes.get("output_dtype", 2), np.uint8))
    if kind.kind not in "iu":
        raise node.refusal("zero point type", kind, "use int8 weights")
    if np.isnan(array).any():
        raise node.refusal(f"input {node.inputs[0]!r}", "NaN", "the trained weights are damaged: export them again")
    zero_point = np.zeros((), np.int64) if points is None else points.astype(np.int64)
    zero_point = zero_point.reshape(()) if zero_point.size == 1 else zero_point
    spread = _spread(node, array, scale, zero_point)
    with np.errstate(over="ignore"):
        steps = np.rint(array.astype(np.float32) / spread.along_axis(scale)).astype(np.float64)
    limits = np.iinfo(kind)
    return Constant(np.clip(steps + spread.along_axis(zero_point), limits.min, limits.max).astype(kind))


def _spread(node: OnnxNode, integers: np.ndarray, scale: np.ndarray, zero_point: np.ndarray) -> QuantizedConstant:
    """Integers with scale and zero point. Raises Refused unless each is one value, or one per index of the axis."""
    axis = int(node.attributes.get("axis", 1)) % integers.ndim if integers.ndim > 1 else 0
    wanted = integers.shape[axis : axis + 1]
    for what, values in (("scale", scale), ("zero point", zero_point)):
        if values.ndim and values.shape != wanted:
            raise node.refusal(
                what,
                f"{values.size} values for a tensor of shape {integers.shape}",
                f"use one for the tensor or one for each index of dimension {axis}",
            )
    return QuantizedConstant(integers, scale, zero_point, axis)
