"""Which adds the output path does on the way, behind the convolution that makes one of their operands."""

from tcugen.network.graph import Network

FUSED_PRODUCERS = ("conv", "linear", "requantise")
"""Operators behind which an add can be fused: the array runs them and the output path requantises the result."""


def fused_producers(network: Network) -> dict[str, str]:
    """For each add that can be fused, the producer it is fused behind; that one runs where the add stands.

    A producer qualifies if the add alone reads it. Of two, it is the one furthest from the input, so that the other
    operand is complete when it starts. An add of a tensor to itself is not fused.
    """
    depth = {name: 0 for name, _ in network.inputs}
    for node in network.nodes:
        depth[node.name] = 1 + max(depth[name] for name in node.inputs)
    order = {node.name: index for index, node in enumerate(network.nodes)}
    fused = {}
    for node in network.nodes:
        if node.op != "add" or node.inputs[0] == node.inputs[1]:
            continue
        candidates = [
            name
            for name in node.inputs
            if name in network.by_name
            and network.by_name[name].op in FUSED_PRODUCERS
            and network.consumers[name] == (node.name,)
        ]
        if candidates:
            fused[node.name] = max(candidates, key=lambda name: (depth[name], order[name]))
    return fused
