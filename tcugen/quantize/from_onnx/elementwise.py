"""Sums, products, limits and functions of one tensor."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import fx
from torch._ops import OpOverload

from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.quantize.from_onnx.layers import number
from tcugen.quantize.from_onnx.reader import Operator, Reader

aten = torch.ops.aten

_FUNCTIONS: dict[str, OpOverload] = {
    "Relu": aten.relu.default,
    "Sigmoid": aten.sigmoid.default,
    "Tanh": aten.tanh.default,
    "HardSwish": aten.hardswish.default,
    "Softplus": aten.softplus.default,
    "Exp": aten.exp.default,
    "Erf": aten.erf.default,
    "Abs": aten.abs.default,
    "Neg": aten.neg.default,
    "Sqrt": aten.sqrt.default,
    "Reciprocal": aten.reciprocal.default,
    "Log": aten.log.default,
    "Sin": aten.sin.default,
    "Cos": aten.cos.default,
    "Sign": aten.sign.default,
    "Floor": aten.floor.default,
    "Ceil": aten.ceil.default,
    "Round": aten.round.default,
    "Mish": aten.mish.default,
}
"""Functions without attributes."""


def _plain(operator: OpOverload) -> Operator:
    def made(reader: Reader, node: OnnxNode) -> fx.Node:
        return reader.writer.call(node, operator, reader.tensor(node, 0))

    return made


def _with_alpha(operator: OpOverload, usual: float) -> Operator:
    def made(reader: Reader, node: OnnxNode) -> fx.Node:
        return reader.writer.call(node, operator, reader.tensor(node, 0), number(node.attributes.get("alpha", usual)))

    return made


def hard_sigmoid(reader: Reader, node: OnnxNode) -> fx.Node:
    """HardSigmoid: a function with the usual slope, else a factor, a term and limits."""
    x, alpha, beta = reader.tensor(node, 0), node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    if np.float32(alpha) == np.float32(1 / 6) and beta == 0.5:
        return reader.writer.call(node, aten.hardsigmoid.default, x)
    steep = reader.writer.call(node, aten.mul.Tensor, x, number(alpha))
    moved = reader.writer.call(node, aten.add.Tensor, steep, number(beta))
    return reader.writer.call(node, aten.clamp.default, moved, 0.0, 1.0)


def gelu(reader: Reader, node: OnnxNode) -> fx.Node:
    """Gelu, exact or by tanh."""
    call = reader.writer.graph.call_function
    x = reader.tensor(node, 0)
    made = reader.writer.call(node, aten.gelu.default, x)
    if node.attributes.get("approximate", "none") == "tanh":
        meta = made.meta
        made = call(aten.gelu.default, (x,), {"approximate": "tanh"})
        made.meta = meta
    return made


def prelu(reader: Reader, node: OnnxNode) -> fx.Node:
    """PRelu: with one slope a function; with one per channel the limited tensor and its limited negative."""
    slope, x = reader.parameter(node, 1, "slope"), reader.tensor(node, 0)
    if slope.size == 1:
        return reader.writer.call(node, aten.leaky_relu.default, x, number(slope.reshape(-1)[0]))
    negative = reader.writer.call(node, aten.relu.default, reader.writer.call(node, aten.mul.Tensor, x, -1.0))
    scaled = reader.writer.call(node, aten.mul.Tensor, negative, reader.placed(node, 1, -slope))
    return reader.writer.call(node, aten.add.Tensor, reader.writer.call(node, aten.relu.default, x), scaled)


def power(reader: Reader, node: OnnxNode) -> fx.Node:
    """Pow with one constant exponent."""
    exponent = reader.parameter(node, 1, "exponent")
    if exponent.size != 1:
        raise node.refusal("exponent", list(exponent.shape), "use one number")
    return reader.writer.call(node, aten.pow.Tensor_Scalar, reader.tensor(node, 0), number(exponent.reshape(-1)[0]))


def clip(reader: Reader, node: OnnxNode) -> fx.Node:
    """Clip with limits as constants or attributes, or none."""
    limits = [
        node.attributes.get(name) if (given := reader.constant(node, index, name)) is None else given.reshape(-1)[0]
        for index, name in enumerate(("min", "max"), 1)
    ]
    low, high = (None if limit is None or abs(limit) >= 3e38 else number(limit) for limit in limits)
    x = reader.tensor(node, 0)
    return x if low is None and high is None else reader.writer.call(node, aten.clamp.default, x, low, high)


def limited(reader: Reader, node: OnnxNode) -> fx.Node:
    """Min and Max of a tensor and one number."""
    tensor, index = (0, 1) if node.inputs[0] in reader.made else (1, 0)
    values = reader.parameter(node, index, f"input {index}")
    if len(node.inputs) != 2 or values.size != 1:
        raise node.refusal("inputs", len(node.inputs), "give one tensor and one number")
    bound = number(values.reshape(-1)[0])
    low, high = (bound, None) if node.op == "Max" else (None, bound)
    return reader.writer.call(node, aten.clamp.default, reader.tensor(node, tensor), low, high)


def _of_two(operator: OpOverload) -> Operator:
    def made(reader: Reader, node: OnnxNode) -> fx.Node:
        return _joined(reader, node, operator, 0, 1)

    return made


def sum_of(reader: Reader, node: OnnxNode) -> fx.Node:
    """Sum of any number of tensors, one after the other."""
    if len(node.inputs) == 1:
        return reader.tensor(node, 0)
    total = _joined(reader, node, aten.add.Tensor, 0, 1)
    for index in range(2, len(node.inputs)):
        total = reader.writer.call(node, aten.add.Tensor, total, _operand(reader, node, index))
    return total


def _joined(reader: Reader, node: OnnxNode, operator: OpOverload, first: int, second: int) -> fx.Node:
    one, other = (_operand(reader, node, index) for index in (first, second))
    if isinstance(one, fx.Node):
        return reader.writer.call(node, operator, one, other)
    # Operators of ATen have the tensor first.
    assert isinstance(other, fx.Node), "what depends on constants alone is computed before"
    if operator is aten.sub.Tensor:
        return reader.writer.call(node, aten.rsub.Scalar, other, one)
    if operator is aten.div.Tensor:
        quotient = reader.writer.call(node, aten.reciprocal.default, other)
        return reader.writer.call(node, aten.mul.Tensor, quotient, one)
    return reader.writer.call(node, operator, other, one)


def _operand(reader: Reader, node: OnnxNode, index: int) -> fx.Node | float:
    """A tensor, a placeholder of a constant, or a number."""
    if not reader.is_known(node, index):
        return reader.tensor(node, index)
    values: Any = reader.parameter(node, index, f"input {index}")
    if values.size == 1:
        return number(values.reshape(-1)[0])
    return reader.placed(node, index, values)


def softsign(reader: Reader, node: OnnxNode) -> fx.Node:
    """x / (1 + |x|)."""
    x = reader.tensor(node, 0)
    below = reader.writer.call(node, aten.add.Tensor, reader.writer.call(node, aten.abs.default, x), 1.0)
    return reader.writer.call(node, aten.div.Tensor, x, below)


def quick_gelu(reader: Reader, node: OnnxNode) -> fx.Node:
    """x sigmoid(alpha x)."""
    x, alpha = reader.tensor(node, 0), number(node.attributes.get("alpha", 1.702))
    gate = reader.writer.call(node, aten.sigmoid.default, reader.writer.call(node, aten.mul.Tensor, x, alpha))
    return reader.writer.call(node, aten.mul.Tensor, x, gate)


ELEMENTWISE: dict[str, Callable[[Reader, OnnxNode], fx.Node | tuple[fx.Node, ...]]] = {
    **{name: _plain(operator) for name, operator in _FUNCTIONS.items()},
    "LeakyRelu": _with_alpha(aten.leaky_relu.default, 0.01),
    "Elu": _with_alpha(aten.elu.default, 1.0),
    "Celu": _with_alpha(aten.celu.default, 1.0),
    "HardSigmoid": hard_sigmoid,
    "Gelu": gelu,
    "com.microsoft.Gelu": gelu,
    "com.microsoft.QuickGelu": quick_gelu,
    "Softsign": softsign,
    "PRelu": prelu,
    "Pow": power,
    "Clip": clip,
    "Min": limited,
    "Max": limited,
    "Add": _of_two(aten.add.Tensor),
    "Sub": _of_two(aten.sub.Tensor),
    "Mul": _of_two(aten.mul.Tensor),
    "Div": _of_two(aten.div.Tensor),
    "Sum": sum_of,
}
"""By the operator's name in the file."""
