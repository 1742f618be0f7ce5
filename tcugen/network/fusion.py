"""Which adds the output stage does on the way, after the convolution that makes one of their operands."""

from typing import assert_never

from tcugen.network.graph import Network, Node
from tcugen.network.operators import Add, Concat, Conv, GlobalAveragePool, Linear, MaxPool, Requantise, Slice


def fused_producers(network: Network) -> dict[str, str]:
    """For each add that can be fused, the producer it is fused into; that one runs where the add stands.

    A producer qualifies if the add alone reads it. Of two, it is the one furthest from the input, so that the other
    operand is complete when it starts. An add of a tensor to itself is not fused.
    """
    depth = {name: 0 for name, _ in network.inputs}
    for node in network.nodes:
        depth[node.name] = 1 + max(depth[name] for name in node.inputs)
    order = {node.name: index for index, node in enumerate(network.nodes)}
    fused: dict[str, str] = {}
    for node in network.nodes:
        if not isinstance(node, Add) or node.inputs[0] == node.inputs[1]:
            continue
        candidates = [
            name
            for name in node.inputs
            if name in network.by_name and _can_add(network.by_name[name]) and network.consumers[name] == (node.name,)
        ]
        if candidates:
            fused[node.name] = max(candidates, key=lambda name: (depth[name], order[name]))
    return fused


def _can_add(node: Node) -> bool:
    """Whether an add can be fused into it: the array runs it and the output stage requantises the result."""
    match node:
        case Conv() | Linear() | Requantise():
            return True
        case Add() | MaxPool() | GlobalAveragePool() | Concat() | Slice():
            return False
        case _:
            assert_never(node)
