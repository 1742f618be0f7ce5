"""Functions of one int8 tensor, value by value: any chain of operators that depends on no other becomes a table.

Each operator is evaluated on all 256 values in float64 and rounded to float32, as ONNX Runtime does it in single
precision.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tcugen.model.functions import Float32s, Reals, input_reals, real_function
from tcugen.network.fields import Function
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.parameters import SUBNORMAL, scale_of
from tcugen.onnx.importer.rectified import is_convolution, rectified, slopes_of
from tcugen.onnx.importer.values import Curve, Elementwise, Layout, Quantized, Real, is_constant
from tcugen.onnx.importer.walk import Walk

_NAMED: dict[str, tuple[Function, float | None]] = {
    "Sigmoid": ("sigmoid", None),
    "Tanh": ("tanh", None),
    "LeakyRelu": ("leaky_relu", 0.01),
    "HardSwish": ("hard_swish", None),
    "Exp": ("exp", None),
    "Elu": ("elu", 1.0),
    "Softplus": ("softplus", None),
}
"""Operators that are a function of the network, and what their attribute `alpha` is where it is left out."""

Attributes = Mapping[str, Any]

_OTHERS: dict[str, Callable[[Reals, Attributes], Reals]] = {
    "Abs": lambda x, _: np.abs(x),
    "Ceil": lambda x, _: np.ceil(x),
    "Celu": lambda x, a: np.maximum(x, 0) + np.minimum(0, a.get("alpha", 1.0) * np.expm1(x / a.get("alpha", 1.0))),
    "Cos": lambda x, _: np.cos(x),
    "Erf": lambda x, _: np.vectorize(math.erf, otypes=[np.float64])(x),
    "Floor": lambda x, _: np.floor(x),
    "Log": lambda x, _: np.log(x),
    "Mish": lambda x, _: x * np.tanh(np.logaddexp(x, 0)),
    "Neg": lambda x, _: -x,
    "Reciprocal": lambda x, _: 1 / x,
    "Round": lambda x, _: np.rint(x),
    "Selu": lambda x, a: (
        a.get("gamma", 1.0507009873554805)
        * np.where(x > 0, x, a.get("alpha", 1.6732632423543772) * np.expm1(np.minimum(x, 0)))
    ),
    "Sign": lambda x, _: np.sign(x),
    "Sin": lambda x, _: np.sin(x),
    "Softsign": lambda x, _: x / (1 + np.abs(x)),
    "Sqrt": lambda x, _: np.sqrt(x),
    "ThresholdedRelu": lambda x, a: np.where(x > a.get("alpha", 1.0), x, 0),
    "com.microsoft.QuickGelu": lambda x, a: x * real_function("sigmoid", None)(a.get("alpha", 1.702) * x),
}

FUNCTIONS = frozenset((*_NAMED, *_OTHERS, "HardSigmoid", "Gelu", "com.microsoft.Gelu"))
"""Operators of one operand that are a table."""

_BINARY: dict[str, Callable[[Reals, Reals], Reals]] = {
    "Add": lambda a, b: a + b,
    "Sum": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Div": lambda a, b: a / b,
    "Pow": lambda a, b: a**b,
    "Min": np.minimum,
    "Max": np.maximum,
}


def function_of(walk: Walk, node: OnnxNode) -> Real:
    """A function of a rounded tensor; LeakyRelu also of a convolution.

    Refused: any other tensor that is not rounded, a result that is no number.
    """
    if node.op == "LeakyRelu" and is_convolution(walk, node):
        return rectified(walk, node, np.array([np.float32(node.attributes.get("alpha", 0.01))], np.float64))
    curve, layout = _operand(walk, node, 0)
    return _real(walk, node, _evaluated(node, curve, *_function(node)), layout)


def prelu(walk: Walk, node: OnnxNode) -> Real:
    """A leaky_relu of a rounded tensor; of a convolution, or with one slope per channel, a sum of two convolutions.

    Refused: any other tensor that is not rounded.
    """
    slopes = slopes_of(walk, node)
    if slopes.size > 1 or is_convolution(walk, node):
        return rectified(walk, node, slopes)
    curve, layout = _operand(walk, node, 0)
    alpha = float(slopes[0])
    found = _evaluated(node, curve, "leaky_relu", alpha, real_function("leaky_relu", alpha))
    return _real(walk, node, found, layout)


def limited(walk: Walk, node: OnnxNode) -> Real:
    """The smaller or larger of a tensor and a constant, the power of a tensor: Min, Max, Pow. Refused: all others."""
    for index in range(len(node.inputs)):
        if not is_constant(walk.values[node.inputs[index]]):
            _operand(walk, node, index)
    found = joint_curve(walk, node)
    if found is None:
        raise node.refusal("inputs", len(node.inputs), "only functions of one tensor and of single numbers are tables")
    return _real(walk, node, *found)


def joint_real(walk: Walk, node: OnnxNode) -> Real | None:
    """What an operator of two operands makes, if both depend on one tensor and are not both that tensor as it is."""
    values = [walk.values[name] for name in node.inputs]
    if all(isinstance(value, Real) and value.stored is not None for value in values) and node.op in (
        "Add",
        "Sub",
        "Sum",
    ):
        return None
    found = joint_curve(walk, node)
    return None if found is None else _real(walk, node, *found)


def joint_curve(walk: Walk, node: OnnxNode) -> tuple[Curve, Layout] | None:
    """The result of an operator of two operands, if they depend on one tensor and single numbers alone."""
    operands: list[Reals] = []
    curves: list[Curve] = []
    layouts: list[Layout] = []
    dimensions = 0
    if len(node.inputs) != 2 or node.op not in _BINARY:
        return None
    for index, name in enumerate(node.inputs):
        value = walk.values[name]
        if is_constant(value):
            array = walk.parameter(node, index, "constant")
            if array.size != 1:
                return None
            dimensions = max(dimensions, array.ndim)
            operands.append(array.reshape(1).astype(np.float32).astype(np.float64))
            continue
        if not isinstance(value, Real) or value.curve is None:
            return None
        curves.append(value.curve)
        layouts.append(value.layout)
        operands.append(value.curve.values.astype(np.float64))
    if not curves or any(curve.tensor != curves[0].tensor for curve in curves) or len(set(layouts)) > 1:
        return None
    if dimensions > (2 if layouts[0].flat else 4):
        return None
    with np.errstate(all="ignore"):
        values = _BINARY[node.op](*operands) * np.ones(256)
    name = "custom"
    if node.op == "Mul" and {curve.function for curve in curves} == {None, "sigmoid"}:
        name = "silu"
    return _applied(node, curves[0], name, None, values), layouts[0]


def qlinear_function(walk: Walk, node: OnnxNode) -> Quantized:
    """A function on integers: QLinearSigmoid, QLinearLeakyRelu."""
    for index, what in ((1, "scale of the input"), (3, "scale of the output")):
        scale_of(node, walk.parameter(node, index, what), what, SUBNORMAL)
    x = walk.quantized(node, 0, stated=1)
    quantization, unsigned = walk.quantization(node, 3, x.unsigned)
    found = _evaluated(node, identity_curve(walk, x.tensor), *_function(node))
    return walk.quantise(node, _real(walk, node, found, x.layout), quantization, unsigned)


def identity_curve(walk: Walk, tensor: str) -> Curve:
    """The real values of an int8 tensor as they are."""
    own = walk.builder.quantization(tensor)
    return Curve(tensor, input_reals(own.scale, own.zero_point), None)


def _function(node: OnnxNode) -> tuple[Function, float | None, Callable[[Reals], Reals]]:
    """A function by its name in the network, with its alpha."""
    op = node.op.removeprefix("com.microsoft.QLinear")
    attributes = node.attributes
    if op in _NAMED:
        name, default = _NAMED[op]
        alpha = None if default is None else float(np.float32(attributes.get("alpha", default)))
        return name, alpha, real_function(name, alpha)
    if op == "HardSigmoid":
        alpha, beta = (float(np.float32(attributes.get(key, own))) for key, own in (("alpha", 0.2), ("beta", 0.5)))
        if beta == 0.5:
            return "hard_sigmoid", alpha, real_function("hard_sigmoid", alpha)
        return "custom", None, lambda x: np.clip(alpha * x + beta, 0, 1)
    if op in ("Gelu", "com.microsoft.Gelu"):
        if attributes.get("approximate", "none") == "none":
            return "gelu", None, real_function("gelu", None)
        return "custom", None, lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return "custom", None, lambda x: _OTHERS[op](x, attributes)


def _operand(walk: Walk, node: OnnxNode, index: int) -> tuple[Curve, Layout]:
    """An input as a function of one tensor. Raises Refused if it was computed and not rounded since."""
    walk.check_rounded(node, index)
    real = walk.real(node, index)
    if real.curve is not None:
        return real.curve, real.layout
    tensor, layout = walk.tensor(node, index)
    return identity_curve(walk, tensor), layout


def _evaluated(
    node: OnnxNode, curve: Curve, name: Function, alpha: float | None, function: Callable[[Reals], Reals]
) -> Curve:
    with np.errstate(all="ignore"):
        return _applied(node, curve, name, alpha, function(curve.values.astype(np.float64)))


def _applied(node: OnnxNode, curve: Curve, function: Function, alpha: float | None, values: Reals) -> Curve:
    """What a function makes of `curve`. It keeps its name only on a tensor as it is."""
    with np.errstate(all="ignore"):
        rounded: Float32s = values.astype(np.float32)
    if np.isnan(rounded).any():
        x = float(curve.values[int(np.argmax(np.isnan(rounded)))])
        raise node.refusal("result", "not a number", f"the input can be {x:.6g}, where it has no value: limit it first")
    if curve.function is not None and function != "silu":
        function, alpha = "custom", None
    return Curve(curve.tensor, rounded, function, alpha)


def _real(walk: Walk, node: OnnxNode, curve: Curve, layout: Layout) -> Real:
    return Real(Elementwise(node, curve, walk.builder.shapes[curve.tensor]), layout=layout, curve=curve)
