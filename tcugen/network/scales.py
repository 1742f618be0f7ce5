"""Tensors that have one scale and zero point, since values only move from one to the other."""

from collections.abc import Iterator

from tcugen.network.graph import Network
from tcugen.network.operators import Concat, keeps_quantization


def scale_groups(network: Network) -> dict[str, str]:
    """For every tensor the first one that its scale and zero point must equal; for most, itself.

    A max pool, slice and the like keep those of what they read, a concat those of the operands that `same_scale` names.
    """
    first = {name: name for name in network.shapes}

    def root(name: str) -> str:
        while first[name] != name:
            name = first[name]
        return name

    order = {name: place for place, name in enumerate(network.shapes)}
    for one, other in _pairs(network):
        ends = sorted((root(one), root(other)), key=order.__getitem__)
        first[ends[1]] = ends[0]
    return {name: root(name) for name in network.shapes}


def _pairs(network: Network) -> Iterator[tuple[str, str]]:
    for node in network.nodes:
        if isinstance(node, Concat):
            yield from ((name, node.name) for name, moved in zip(node.inputs, node.moved, strict=True) if moved)
        elif keeps_quantization(node):
            yield node.inputs[0], node.name
