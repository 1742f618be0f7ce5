"""Factors and terms per channel: normalisation, and sums and products with constants."""

from typing import Any

import numpy as np
from torch import fx

from tcugen.network.operators import Conv, Weighted
from tcugen.quantize.arguments import arguments, shape_of
from tcugen.quantize.fold import Normalisation, alone, folded
from tcugen.quantize.node_builder import NodeBuilder, Value
from tcugen.quantize.walk import Walk, read_once, refusal


def batch_norm(walk: Walk, node: fx.Node) -> Value:
    """Folded into the convolution that it alone reads, else a convolution of its own."""
    given = arguments(node)
    x = walk.value(node, given["input"])
    channels = x.shape[0]
    scale = np.ones(channels) if given["weight"] is None else walk.array(node, given["weight"], "weight")
    shift = np.zeros(channels) if given["bias"] is None else walk.array(node, given["bias"], "bias")
    mean = walk.array(node, given["running_mean"], "running_mean")
    variance = walk.array(node, given["running_var"], "running_var")
    if (variance + given["eps"] <= 0).any():
        raise refusal(node, "running_var", variance.min(), "a variance is not negative: load the trained weights")
    return _normalised(walk, node, given["input"], Normalisation(scale, shift, mean, variance, given["eps"]))


def with_constant(walk: Walk, node: fx.Node) -> Value | None:
    """Sum, difference, product or quotient of a tensor and a constant; None if both are tensors.

    Raises Refused for a constant of other than one value, or one per channel, and for a quotient by a tensor.
    """
    given, name = arguments(node), str(node.target).split(".")[1]
    first, second = given["self"], given["other"]
    constants = [_constant(walk, operand) for operand in (first, second)]
    if constants[0] is None and constants[1] is None:
        return None
    tensor, constant = (first, constants[1]) if constants[1] is not None else (second, constants[0])
    x = walk.value(node, tensor)
    values = _per_channel(node, x, constant)
    alpha = float(given.get("alpha", 1))
    factor, term = np.ones(x.shape[0]), np.zeros(x.shape[0])
    reverse = name == "rsub" or constants[1] is None
    match name:
        case "add":
            factor, term = (factor, alpha * values) if not reverse else (alpha * factor, values)
        case "sub" | "rsub":
            # rsub is other - alpha * self, sub with the constant first constant - alpha * tensor.
            factor, term = (factor, -alpha * values) if not reverse else (-alpha * factor, values)
        case "mul":
            factor = values
        case _:
            if reverse or (values == 0).any() or given.get("rounding_mode"):
                raise refusal(node, "quotient", "by a tensor or zero", "divide by a constant, or let the host do it")
            factor = 1 / values
    ones, zeros = np.ones(x.shape[0]), np.zeros(x.shape[0])
    return _normalised(walk, node, tensor, Normalisation(factor, term, zeros, ones, 0.0))


def divide(walk: Walk, node: fx.Node) -> Value:
    """A tensor divided by a constant. Raises Refused for a quotient of two tensors."""
    value = with_constant(walk, node)
    if value is None:
        raise refusal(node, "other", "a tensor", "divide by a constant, or let the host compute it")
    return value


def _constant(walk: Walk, operand: Any) -> np.ndarray | None:
    if isinstance(operand, int | float):
        return np.array(operand, np.float64)
    if walk.is_constant(operand):
        return walk.tensors[operand.name][1].detach().cpu().double().numpy()
    return None


def _per_channel(node: fx.Node, x: Value, constant: np.ndarray | None) -> np.ndarray:
    """float64 [C] of a constant that is repeated along everything but the channels."""
    assert constant is not None, "one operand is a constant"
    channels, dimensions = x.shape[0], len(shape_of(node))
    if constant.size == 1:
        return np.full(channels, constant.reshape(-1)[0])
    sides = (1,) * (dimensions - constant.ndim) + constant.shape
    single = not x.flat or x.shape[1:] == (1, 1)
    if len(sides) != dimensions or sides != (1, channels, 1, 1)[:dimensions] or not single:
        raise refusal(node, "other", f"a constant of shape {list(constant.shape)}", "use one value per channel")
    return constant.reshape(-1)


def _normalised(walk: Walk, node: fx.Node, argument: Any, normalisation: Normalisation) -> Value:
    """A tensor, argument of `node`, after a factor and a term per channel."""
    x = walk.value(node, argument)
    builder = x.builder
    if x.sole and read_once(argument) and builder is not None and isinstance(builder.operator, Weighted):
        parameters = None if builder.is_limited else builder.parameters
        if parameters is not None:
            builder.parameters = folded(parameters, normalisation)
            builder.sources.append(node)
            return Value(builder, x.shape, x.flat)
    channels = x.shape[0]
    operator = Conv("", ("",), channels, (1, 1), groups=channels)
    return walk.made(NodeBuilder(operator, (builder,), [node], alone(normalisation)), x.shape, x.flat)
