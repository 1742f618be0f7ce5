"""Operands of a concat that are rounded for it alone get its scale: one rounding instead of two, and no copy."""

from collections.abc import Collection
from dataclasses import replace

from tcugen.model.quantized import Quantization
from tcugen.network.check import checked_network
from tcugen.network.graph import Network
from tcugen.network.operators import Concat, Node, keeps_quantization
from tcugen.network.scales import scale_groups


def with_same_scales(network: Network, limited: Collection[str]) -> Network:
    """The network whose concats say `same_scale` of every operand that nothing else reads.

    Args:
        network: Of a single input.
        limited: Nodes whose results are clipped: such a concat does more than move values.
    """
    nodes = [_shared(network, node) if node.name not in limited else node for node in network.nodes]
    return checked_network(network.name, network.inputs, nodes, network.outputs)


def _shared(network: Network, node: Node) -> Node:
    if not isinstance(node, Concat):
        return node
    flags = tuple(_for_it_alone(network, name, node) for name in node.inputs)
    return replace(node, same_scale=flags) if any(flags) else node


def _for_it_alone(network: Network, name: str, reader: Concat) -> bool:
    """Whether a tensor is rounded for a concat alone; one that only moves has been rounded before."""
    maker = network.by_name.get(name)
    return (
        maker is not None
        and not keeps_quantization(maker)
        and network.consumers[name] == (reader.name,)
        and reader.inputs.count(name) == 1
        and name not in network.outputs
    )


def shared(network: Network, found: dict[str, Quantization]) -> dict[str, Quantization]:
    """Quantizations of all tensors where those that have one scale have that of the last concat among them."""
    groups = scale_groups(network)
    last = {groups[node.name]: node.name for node in network.nodes if isinstance(node, Concat) and any(node.moved)}
    return {name: found[last.get(groups[name], name)] for name in found}
