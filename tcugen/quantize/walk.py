"""The state of a walk over an exported module."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import fx

from tcugen.model.problems import Problem, Refused, Unavailable
from tcugen.network.operators import Conv
from tcugen.quantize.float_network import Parameters
from tcugen.quantize.names import module_paths
from tcugen.quantize.node_builder import NodeBuilder, Value


def problem(node: fx.Node, attribute: str, value: object, remedy: str) -> Problem:
    """A reason why an operator cannot run."""
    where = (module_paths(node) or [node.name])[-1]
    name, operator = node.meta.get("origin", (where, str(node.target).removeprefix("aten.")))
    return Problem(name, operator, attribute, str(value), remedy)


def read_once(argument: object) -> bool:
    """Whether an argument is the output of a node that nothing else reads."""
    return isinstance(argument, fx.Node) and len(argument.users) == 1


def refusal(node: fx.Node, attribute: str, value: object, remedy: str) -> Refused:
    """The exception for one problem of one node; arguments as `problem`."""
    return Refused([problem(node, attribute, value, remedy)])


@dataclass(eq=False)
class Walk:
    """What is known so far.

    Attributes:
        tensors: Parameters and buffers of the module, with their names there, by name of placeholder.
        values: Tensors that depend on the image; None after an operator that cannot run if nothing can be said.
        builders: Nodes in the order of execution.
        padded: Tensors with their padding around them, by operator that makes them.
    """

    tensors: dict[str, tuple[str, torch.Tensor]]
    values: dict[fx.Node, Value | None] = field(default_factory=dict)
    builders: list[NodeBuilder] = field(default_factory=list)
    padded: dict[fx.Node, Value] = field(default_factory=dict)

    def value(self, node: fx.Node, argument: Any, what: str = "input") -> Value:
        """The tensor that depends on the image and is an argument of `node`, with its padding around it.

        Raises:
            Refused: If it is a constant, or has its channels in two dimensions.
            Unavailable: If nothing can be said about it.
        """
        value = self.pending(node, argument, what)
        if value.groups:
            raise refusal(node, what, "channels in two dimensions", "finish the channel shuffle first")
        return padded(self, node, argument, value) if any(value.padding) else value

    def pending(self, node: fx.Node, argument: Any, what: str = "input") -> Value:
        """As `value`, with what is still to be done to it."""
        if not isinstance(argument, fx.Node) or argument not in self.values:
            found = "a constant" if isinstance(argument, fx.Node) else argument
            raise refusal(node, what, found, "both operands must depend on the image")
        value = self.values[argument]
        if value is None:
            raise Unavailable
        return value

    def image(self, node: fx.Node, argument: Any) -> Value:
        """As `pending`, for operators on windows. Raises Refused if the tensor is flat."""
        value = self.pending(node, argument)
        if value.flat or value.groups:
            raise refusal(node, "input", f"(1, {np.prod(value.shape)})", "give it four dimensions")
        return value

    def array(self, node: fx.Node, argument: Any, what: str) -> np.ndarray:
        """The constant that is an argument of `node`, float64. Raises Refused if it is computed by the module."""
        if not self.is_constant(argument):
            raise refusal(node, what, "computed", "it must be a parameter or buffer of the module")
        return self.tensors[argument.name][1].detach().cpu().double().numpy()

    def is_constant(self, argument: Any) -> bool:
        """Whether an argument is a parameter, a buffer or what was made of such."""
        return isinstance(argument, fx.Node) and argument.name in self.tensors

    def made(self, builder: NodeBuilder, shape: tuple[int, int, int], flat: bool = False) -> Value:
        """The output of a new node."""
        self.builders.append(builder)
        return Value(builder, shape, flat)

    def passed(self, node: fx.Node, value: Value, flat: bool | None = None) -> Value:
        """`value` after `node`, which changes nothing of it."""
        sole = value.sole and read_once(node.args[0])
        return replace(value, sole=sole, flat=value.flat if flat is None else flat)


def padded(walk: Walk, node: fx.Node, argument: fx.Node, value: Value) -> Value:
    """A tensor that is an argument of `node` with its padding around it, by a 1x1 convolution that changes nothing.

    Raises Refused for a padding with something else than zeros.
    """
    if value.padded_with != 0:
        raise refusal(node, "input", f"padded with {value.padded_with}", "pad with zeros, or in front of a max-pool")
    if argument not in walk.padded:
        channels = value.shape[0]
        operator = Conv("", ("",), channels, (1, 1), padding=value.padding, groups=channels)
        same = Parameters(np.ones((channels, 1, 1, 1)), np.zeros(channels))
        builder = NodeBuilder(operator, (value.builder,), [argument], same)
        walk.padded[argument] = walk.made(builder, (channels, *value.sides))
    return walk.padded[argument]
