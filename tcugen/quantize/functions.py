"""Chains of elementwise operators on one tensor, each put together to one function of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import fx
from torch._ops import OpOverload

from tcugen.model.functions import Reals, default_alpha, real_function
from tcugen.network.fields import Function

Step = tuple[fx.Node, Any, tuple[Any, ...], dict[str, Any]]
"""A node, its operator and what that takes."""

_FUNCTIONS = frozenset(
    "sigmoid tanh leaky_relu hardsigmoid hardswish silu gelu exp elu softplus erf abs neg sqrt rsqrt reciprocal log "
    "log1p expm1 sin cos sign floor ceil round trunc mish selu celu log_sigmoid pow square prelu softshrink hardshrink "
    "threshold".split()
)
"""By ATen's name. A chain without any of them is a convolution, or limits."""

_PRODUCTS = frozenset(("mul", "div", "maximum", "minimum"))
"""Functions if both operands are made of the same tensor."""

_OTHERS = frozenset("relu relu6 hardtanh clamp clamp_min clamp_max add sub rsub".split())
"""What may be part of a chain."""

_NAMED: dict[Function, OpOverload] = {
    "sigmoid": torch.ops.aten.sigmoid.default,
    "tanh": torch.ops.aten.tanh.default,
    "hard_sigmoid": torch.ops.aten.hardsigmoid.default,
    "hard_swish": torch.ops.aten.hardswish.default,
    "silu": torch.ops.aten.silu.default,
    "gelu": torch.ops.aten.gelu.default,
    "exp": torch.ops.aten.exp.default,
    "softplus": torch.ops.aten.softplus.default,
}
"""The operator of a function that the network has by name and without a number of its own."""

_BY_NAME = frozenset((*_NAMED.values(), torch.ops.aten.leaky_relu.default, torch.ops.aten.elu.default))

_SAMPLES = np.concatenate([np.linspace(-12, 12, 2401), [-50.0, -25.0, 25.0, 50.0]])
_TOLERANCE = 1e-6
"""Constants of a chain are single precision numbers, 1/6 among them."""


@dataclass(eq=False)
class _Chain:
    """What a node is as a function of one tensor.

    Attributes:
        root: The operator that makes the tensor.
        steps: From there on, in order.
        is_function: More than factors, terms and limits.
    """

    root: fx.Node
    steps: list[fx.Node] = field(default_factory=list)
    is_function: bool = False


def table(_operand: object) -> None:
    """Stands in a graph for a function of one tensor that has no name; `meta` has it as `function`. Never called."""


def name_functions(graph: fx.Graph, tensors: dict[str, tuple[str, torch.Tensor]]) -> None:
    """Replaces every chain of elementwise operators on one tensor that is a function of it, in place.

    Such as `x * clip(x + 3, 0, 6) / 6`, which becomes `hardswish`. A chain that the network has no name for becomes
    `table`. An operator that is the function alone stays.

    Args:
        graph: As of an `AtenGraph`.
        tensors: Its constants; those of one element may be part of a chain.
    """
    chains: dict[fx.Node, _Chain] = {}
    for node in graph.nodes:
        chains[node] = _chain(node, chains, tensors)
    for node, chain in chains.items():
        ends = any(chains[user].root is not chain.root or not chains[user].steps for user in node.users)
        if chain.is_function and ends:
            _replace(graph, node, chain, tensors)
    for node in reversed(list(graph.nodes)):
        if node in chains and chains[node].steps and not node.users:
            graph.erase_node(node)


def _name(node: fx.Node) -> str:
    operator: Any = node.target
    names = str(operator).split(".")
    return names[1] if names[0] == "aten" else ""


def _chain(node: fx.Node, chains: dict[fx.Node, _Chain], tensors: dict[str, tuple[str, torch.Tensor]]) -> _Chain:
    name = _name(node)
    if name not in _FUNCTIONS | _PRODUCTS | _OTHERS:
        return _Chain(node)
    operands = [source for source in node.all_input_nodes if not _is_number(source, tensors)]
    if not operands or any(source.op == "placeholder" and source.name in tensors for source in operands):
        return _Chain(node)
    before = [chains[source] for source in operands]
    root = before[0].root
    if any(chain.root is not root for chain in before) or _shape(root) != _shape(node):
        return _Chain(node)
    steps = list(dict.fromkeys(step for chain in before for step in chain.steps))
    is_function = name in _FUNCTIONS or any(chain.is_function for chain in before)
    # A sum of limits of one tensor stays a sum: it is no function that anybody has a name for.
    is_function = is_function or (name in _PRODUCTS and (len(operands) > 1 or node.args[1] is operands[0]))
    return _Chain(root, [*steps, node], is_function)


def _is_number(node: fx.Node, tensors: dict[str, tuple[str, torch.Tensor]]) -> bool:
    return node.name in tensors and tensors[node.name][1].numel() == 1


def _shape(node: fx.Node) -> tuple[int, ...]:
    value: Any = node.meta.get("val")
    return tuple(value.shape) if isinstance(value, torch.Tensor) else ()


def _replace(graph: fx.Graph, node: fx.Node, chain: _Chain, tensors: dict[str, tuple[str, torch.Tensor]]) -> None:
    function = _function(node, chain, tensors)
    name, alpha = _known(function)
    if len(chain.steps) == 1 and name is not None and node.target in _BY_NAME:
        # It has its name already.
        return
    with graph.inserting_before(node):
        if name in _NAMED:
            made = graph.call_function(_NAMED[name], (chain.root,))
        elif name == "leaky_relu":
            made = graph.call_function(torch.ops.aten.leaky_relu.default, (chain.root, alpha))
        elif name == "elu":
            made = graph.call_function(torch.ops.aten.elu.default, (chain.root, alpha))
        else:
            made = graph.call_function(table, (chain.root,))
            made.meta = {"function": function, "called": _name(node)}
    made.meta = {**node.meta, **made.meta}
    node.replace_all_uses_with(made)


def _function(node: fx.Node, chain: _Chain, tensors: dict[str, tuple[str, torch.Tensor]]) -> Callable[[Reals], Reals]:
    """A chain as a function, elementwise in float64."""
    steps: list[Step] = []
    numbers: dict[fx.Node, Any] = {}
    for step in chain.steps:
        operator: Any = step.target
        steps.append((step, operator, step.args, dict(step.kwargs)))
        for source in step.all_input_nodes:
            if source.name in tensors:
                numbers[source] = tensors[source.name][1].detach().double().reshape(-1)

    def function(reals: Reals) -> Reals:
        known = numbers | {chain.root: torch.as_tensor(reals, dtype=torch.float64)}
        for step, operator, arguments, keywords in steps:
            operands, named = fx.map_arg((arguments, keywords), lambda source: known[source])
            known[step] = operator(*operands, **named)
        return known[node].numpy()

    return function


def _known(function: Callable[[Reals], Reals]) -> tuple[Function | None, float]:
    """The network's name of a function, and its number; None if it has none."""
    with np.errstate(all="ignore"):
        values = function(_SAMPLES)
        at = dict(zip((-1.0, 1.0), function(np.array([-1.0, 1.0])).tolist(), strict=True))
    numbers: dict[Function, float] = {name: default_alpha(name) for name in _NAMED}
    numbers["leaky_relu"], numbers["elu"] = -at[-1.0], at[-1.0] / float(np.expm1(-1.0))
    for name, alpha in numbers.items():
        if np.isfinite(alpha) and np.allclose(
            values, real_function(name, alpha)(_SAMPLES), rtol=_TOLERANCE, atol=_TOLERANCE
        ):
            return name, alpha
    return None, 0.0
