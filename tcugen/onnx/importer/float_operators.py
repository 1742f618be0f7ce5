"""Operators between DequantizeLinear and QuantizeLinear: what each adds to a real tensor."""

import math

import numpy as np

from tcugen.model.problems import Problem, Refused, Unavailable
from tcugen.network.operators import Add, Multiply
from tcugen.network.shape import Shape
from tcugen.onnx.importer.channelwise import with_constant
from tcugen.onnx.importer.convolution import convolution, fitted_convolution, review_convolution
from tcugen.onnx.importer.elementwise import joint_real
from tcugen.onnx.importer.linear import linear
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.parameters import checked_bias, weights_of
from tcugen.onnx.importer.summands import unrounded_operand, unrounded_sum
from tcugen.onnx.importer.values import (
    Addition,
    Constant,
    Layout,
    Product,
    Quantized,
    QuantizedConstant,
    Real,
    Unknown,
    Value,
    is_constant,
)
from tcugen.onnx.importer.walk import Review, Walk, check_layouts


def conv(walk: Walk, node: OnnxNode) -> Real:
    """A convolution of a rounded tensor. Refused: attributes beyond the hardware, weights or bias that do not fit."""
    review_convolution(node, walk.values[node.inputs[1]])
    walk.check_rounded(node, 0)
    weight = walk.value(node, 1)
    given = walk.values[node.inputs[2]] if node.has_input(2) else None
    if not isinstance(weight, QuantizedConstant | Constant):
        raise node.refusal("weights", "computed at run time", "use constant weights")
    weights = weights_of(node, weight, 0)
    bias = checked_bias(node, given, len(weights[0]), broadcast=False)
    walk.check_planes(node, 0)
    fitted_convolution(node, weights[0], walk.activation(node, 0)[1])
    x = walk.planes(node, 0)
    if isinstance(bias, Unknown):
        raise Unavailable
    return Real(convolution(walk, node, x, weights, bias))


def gemm(walk: Walk, node: OnnxNode) -> Real:
    """A fully connected layer of a rounded flat tensor. Refused: factors other than 1, a transposed image."""
    review = Review(node)
    review.fixed("alpha", 1.0, "scale the weights instead")
    review.fixed("transA", 0, "the image is one row: leave it as it is")
    if node.has_input(2):
        review.fixed("beta", 1.0, "scale the bias instead")
    review.done()
    bias = walk.values[node.inputs[2]] if node.has_input(2) else None
    return linear(walk, node, bool(node.attributes.get("transB", 0)), bias)


def matmul(walk: Walk, node: OnnxNode) -> Real:
    """A fully connected layer without bias of a rounded flat tensor."""
    return linear(walk, node, False, None)


def sum_of(walk: Walk, node: OnnxNode) -> Value:
    """As Add. One operand is the sum itself. Refused: more than two, which would be rounded more than once."""
    if len(node.inputs) == 1:
        return walk.value(node, 0)
    if len(node.inputs) > 2:
        raise node.refusal("inputs", len(node.inputs), "add two at a time, with QuantizeLinear after each sum")
    return add(walk, node)


def multiply(walk: Walk, node: OnnxNode) -> Real:
    """A tensor times, or divided by, a constant with one value per channel; the product of two rounded tensors.

    Refused: one tensor divided by another.
    """
    for index, name in enumerate(node.inputs):
        if is_constant(walk.values[name]):
            return with_constant(walk, node, index)
    table = joint_real(walk, node)
    if table is not None:
        return table
    if node.op == "Div":
        for index in range(len(node.inputs)):
            walk.value(node, index)
        raise node.refusal("inputs", "two tensors", "the hardware does not divide by a tensor: let the host compute it")
    operands, shape, layout = _two_tensors(walk, node)
    return Real(Product(node, operands, shape), layout=layout)


def add(walk: Walk, node: OnnxNode) -> Real:
    """The sum or difference of two tensors, of which a convolution's need not be rounded, or of one and a constant per
    channel.

    What is subtracted is negated first, which costs a layer of one multiplication per element.
    """
    for index, name in enumerate(node.inputs):
        if is_constant(walk.values[name]):
            return with_constant(walk, node, index)
    table = joint_real(walk, node)
    if table is not None:
        return table
    unrounded = unrounded_operand(walk, node)
    if unrounded is not None:
        return unrounded_sum(walk, node, unrounded)
    operands, shape, layout = _two_tensors(walk, node)
    if node.op == "Sub":
        operands = operands[0], walk.builder.negated(operands[1], node)
    return Real(Addition(node, operands, shape), layout=layout)


def _two_tensors(walk: Walk, node: OnnxNode) -> tuple[tuple[str, str], Shape, Layout]:
    """Two rounded tensors of one shape, or one of them of a single pixel; shape and layout of what they make.

    Raises:
        Refused, NetworkError: If one was not rounded, or they do not fit together.
        Unavailable: If one is downstream of a refused node.
    """
    operands: list[str] = []
    problems: list[Problem] = []
    for index in range(2):
        try:
            operands.append(walk.tensor(node, index)[0])
        except Refused as refused:
            problems += refused.problems
        except Unavailable:
            continue
    if problems:
        raise Refused(problems)
    inputs = [walk.activation(node, index) for index in range(2)]
    check_layouts(node, (0, 1), (inputs[0][0].layout, inputs[1][0].layout))
    operator = Multiply if node.op == "Mul" else Add
    shape = operator(node.name, (node.inputs[0], node.inputs[1])).output_shape([shape for _, shape in inputs])
    if len(operands) < 2:
        raise Unavailable
    return (operands[0], operands[1]), shape, inputs[0][0].layout


def relu(walk: Walk, node: OnnxNode) -> Value:
    """A lower limit of 0, on real values or on integers."""
    value = walk.value(node, 0)
    if isinstance(value, Quantized):
        return walk.clamped(node, value, 0, 255)
    return walk.real(node, 0).clipped(0.0, math.inf, node)


def clip(walk: Walk, node: OnnxNode) -> Value:
    """Limits from both sides, each of which may be left out. Refused: limits that are NaN or computed at run time."""
    bounds: list[float] = []
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
    return walk.real(node, 0).clipped(bounds[0], bounds[1], node)
