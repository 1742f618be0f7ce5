"""Functions of one tensor, and products and differences of two."""

import numpy as np
from torch import fx

from tcugen.network.fields import Function
from tcugen.network.graph import Shape
from tcugen.network.operators import Add, Conv, Multiply, Table, per_channel_operand
from tcugen.quantize.affine import with_constant
from tcugen.quantize.arguments import arguments, channels_first, shape_of
from tcugen.quantize.float_network import Parameters
from tcugen.quantize.node_builder import NodeBuilder, Value
from tcugen.quantize.walk import Walk, refusal

FUNCTIONS: dict[str, Function] = {
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "leaky_relu": "leaky_relu",
    "hardsigmoid": "hard_sigmoid",
    "hardswish": "hard_swish",
    "silu": "silu",
    "gelu": "gelu",
    "exp": "exp",
    "elu": "elu",
    "softplus": "softplus",
}
"""The network's name of a function, by ATen's."""

_USUAL = {"approximate": "none", "scale": 1, "input_scale": 1, "beta": 1, "threshold": 20}
"""Arguments of functions that a table of the network does not have, and what they must be."""

_ALPHA = {"leaky_relu": "negative_slope", "elu": "alpha"}


def function_of(walk: Walk, node: fx.Node) -> Value:
    """A table. Raises Refused for arguments that the function has elsewhere but not in the network."""
    given, name = arguments(node), str(node.target).split(".")[1]
    x = walk.value(node, node.args[0])
    for key, usual in _USUAL.items():
        if given.get(key, usual) != usual:
            raise refusal(node, key, given[key], f"leave {key} at {usual}")
    alpha = float(given[_ALPHA[name]]) if name in _ALPHA else None
    builder = NodeBuilder(Table("", ("",), FUNCTIONS[name], alpha), (x.builder,), [node])
    return walk.made(builder, channels_first(node), flat=x.flat)


def custom_table(walk: Walk, node: fx.Node) -> Value:
    """A function that has no name."""
    x = walk.value(node, node.args[0])
    builder = NodeBuilder(Table("", ("",), "custom"), (x.builder,), [node], function=node.meta["function"])
    return walk.made(builder, channels_first(node), flat=x.flat)


def add(walk: Walk, node: fx.Node) -> Value:
    """Sum of two tensors of one shape, or of one value per channel; a constant joins the convolution in front."""
    constant = with_constant(walk, node)
    if constant is not None:
        return constant
    first, second = two_tensors(walk, node)
    builder = NodeBuilder(Add("", ("", "")), (first.builder, second.builder), [node])
    return walk.made(builder, channels_first(node), flat=first.flat)


def two_tensors(walk: Walk, node: fx.Node) -> tuple[Value, Value]:
    """The operands of a sum or product: of one shape, or one of them of a single pixel. Raises Refused otherwise."""
    given = arguments(node)
    if given.get("alpha", 1) != 1:
        raise refusal(node, "alpha", given["alpha"], "add without a factor")
    first, second = (walk.value(node, given[key], key) for key in ("self", "other"))
    shapes = [shape_of(given[key]) for key in ("self", "other")]
    single = per_channel_operand([Shape(*first.shape), Shape(*second.shape)]) is not None
    if len(shapes[0]) != len(shapes[1]) or (shapes[0] != shapes[1] and not single):
        raise refusal(
            node, "shapes", f"{shapes[0]} and {shapes[1]}", "join tensors of one shape, or of one value per channel"
        )
    return first, second


def multiply(walk: Walk, node: fx.Node) -> Value:
    """The product of two tensors; a constant joins the convolution in front."""
    constant = with_constant(walk, node)
    if constant is not None:
        return constant
    first, second = two_tensors(walk, node)
    builder = NodeBuilder(Multiply("", ("", "")), (first.builder, second.builder), [node])
    return walk.made(builder, channels_first(node), flat=first.flat)


def subtract(walk: Walk, node: fx.Node) -> Value:
    """The sum of a tensor and the negative of another, which a convolution makes; constants as in `add`."""
    constant = with_constant(walk, node)
    if constant is not None:
        return constant
    first, second = two_tensors(walk, node)
    channels = second.shape[0]
    negative = NodeBuilder(
        Conv("", ("",), channels, (1, 1), groups=channels),
        (second.builder,),
        [node],
        Parameters(-np.ones((channels, 1, 1, 1)), np.zeros(channels)),
    )
    walk.made(negative, second.shape)
    builder = NodeBuilder(Add("", ("", "")), (first.builder, negative), [node])
    return walk.made(builder, channels_first(node), flat=first.flat)
