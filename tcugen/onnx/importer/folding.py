"""Limits of a lone ReLU or Clip, moved into the node before it where that changes nothing."""

from dataclasses import replace

from tcugen.model.integers import MaxPoolIntegers, NodeIntegers, RequantiseIntegers, SliceIntegers
from tcugen.model.quantized import Quantization
from tcugen.network.graph import Node
from tcugen.network.operators import Activated, Requantise


def fold_limits(
    nodes: dict[str, Node],
    tensors: dict[str, Quantization | None],
    integers: dict[str, NodeIntegers],
    output: str,
) -> str:
    """Remove each `requantise` that only clamps what a node makes for it alone; that node clamps instead.

    Args:
        nodes, tensors, integers: A network under construction, changed in place.
        output: Name of its output.

    Returns:
        The output's name afterwards.
    """
    for name in list(nodes):
        node = nodes[name]
        producer = nodes.get(node.inputs[0])
        if not isinstance(node, Requantise) or producer is None or producer.name == output:
            continue
        readers = sum(other.inputs.count(producer.name) for other in nodes.values())
        before, change = integers[producer.name], integers[name]
        if (
            not isinstance(change, RequantiseIntegers)
            or isinstance(before, MaxPoolIntegers | SliceIntegers)
            or before.clamp is None
        ):
            continue
        if readers != 1 or change.multiplier != 1 or tensors[name] != tensors[producer.name]:
            continue
        low, high = (min(max(limit, change.clamp[0]), change.clamp[1]) for limit in before.clamp)
        integers[producer.name] = replace(before, clamp=(low, high))
        quantization = tensors[name]
        if quantization is not None and low == quantization.zero_point and isinstance(producer, Activated):
            nodes[producer.name] = replace(producer, activation="relu")
        for reader, other in nodes.items():
            inputs = tuple(producer.name if tensor == name else tensor for tensor in other.inputs)
            nodes[reader] = replace(other, inputs=inputs)
        del nodes[name], tensors[name], integers[name]
        if output == name:
            output = producer.name
    return output
