"""What the output stage does on the way: adds after the convolution that makes one of their operands, and tables."""

from typing import assert_never

from tcugen.network.graph import Network, Node
from tcugen.network.operators import (
    Add,
    AveragePool,
    ChannelShuffle,
    Concat,
    Conv,
    DepthToSpace,
    GlobalAveragePool,
    Linear,
    MaxPool,
    Multiply,
    Pairwise,
    Requantise,
    Resize,
    Slice,
    Table,
)


def fused_producers(network: Network) -> dict[str, str]:
    """For each add or table that can be fused, the producer it is fused into; that one runs where they stand.

    A producer qualifies if the add alone reads it and it is no output of the network. Of two, it is the one furthest
    from the input, so that the other operand is complete when it starts, or the one that is not rounded. An add of a
    tensor to itself is not fused, and none into what makes its operand of one value per channel.
    """
    depth = {name: 0 for name, _ in network.inputs}
    for node in network.nodes:
        depth[node.name] = 1 + max(depth[name] for name in node.inputs)
    order = {node.name: index for index, node in enumerate(network.nodes)}
    fused: dict[str, str] = {}
    for node in network.nodes:
        match node:
            case Table():
                if _is_rounded_for(network, node):
                    fused[node.name] = node.inputs[0]
            case Add(inputs=inputs, unrounded=int(index)):
                fused[node.name] = inputs[index]
            case Add():
                candidates = _producers(network, node)
                if candidates:
                    fused[node.name] = max(candidates, key=lambda name: (depth[name], order[name]))
            case Conv() | Linear() | MaxPool() | AveragePool() | GlobalAveragePool() | Requantise() | Multiply():
                pass
            case Concat() | Slice() | Resize() | DepthToSpace() | ChannelShuffle():
                pass
            case _:
                assert_never(node)
    return fused


def _producers(network: Network, node: Add) -> list[str]:
    """The operands of an add whose producers qualify."""
    if node.inputs[0] == node.inputs[1]:
        return []
    return [
        name
        for name in node.inputs
        if name in network.by_name
        and _can_add(network.by_name[name])
        and network.consumers[name] == (node.name,)
        and name not in network.outputs
        and network.shapes[name] == network.shapes[node.name]
    ]


def _is_rounded_for(network: Network, node: Table) -> bool:
    """Whether the output stage rounds the operand of a table for it alone."""
    producer = network.by_name.get(node.inputs[0])
    if producer is None or producer.name in network.outputs or network.consumers[producer.name] != (node.name,):
        return False
    return isinstance(producer, Pairwise) or _can_add(producer)


def _can_add(node: Node) -> bool:
    """Whether an add can be fused into it: the array runs it and the output stage requantises the result."""
    match node:
        case Conv() | Linear() | Requantise():
            return True
        case Add() | MaxPool() | AveragePool() | GlobalAveragePool() | Table() | Concat() | Slice() | Multiply():
            return False
        case Resize() | DepthToSpace() | ChannelShuffle():
            return False
        case _:
            assert_never(node)
