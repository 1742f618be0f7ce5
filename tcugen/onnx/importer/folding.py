"""Limits of a lone ReLU or Clip, moved into the node before it where that changes nothing."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tcugen.model.integers import (
    MaxPoolIntegers,
    NodeIntegers,
    RequantiseIntegers,
    SliceIntegers,
    TableIntegers,
    clamp_of,
)
from tcugen.model.quantized import Quantization
from tcugen.network.graph import Node
from tcugen.network.operators import Activated, Requantise


def fold_limits(
    nodes: dict[str, Node],
    tensors: dict[str, Quantization | None],
    integers: dict[str, NodeIntegers],
    outputs: Sequence[str],
) -> list[str]:
    """Remove each `requantise` that only clamps what a node makes for it alone; that node clamps instead.

    Args:
        nodes, tensors, integers: A network under construction, changed in place.
        outputs: Names of its outputs.

    Returns:
        The outputs' names afterwards.
    """
    outputs = list(outputs)
    for name in list(nodes):
        node = nodes[name]
        producer = nodes.get(node.inputs[0])
        if not isinstance(node, Requantise) or producer is None or producer.name in outputs:
            continue
        readers = sum(other.inputs.count(producer.name) for other in nodes.values())
        before, change = integers[producer.name], integers[name]
        limits = clamp_of(before)
        if (
            not isinstance(change, RequantiseIntegers)
            or isinstance(before, MaxPoolIntegers | SliceIntegers)
            or limits is None
        ):
            continue
        if readers != 1 or change.multiplier != 1 or tensors[name] != tensors[producer.name]:
            continue
        low, high = (min(max(limit, change.clamp[0]), change.clamp[1]) for limit in limits)
        if isinstance(before, TableIntegers):
            integers[producer.name] = TableIntegers(np.clip(before.entries, low, high))
        else:
            integers[producer.name] = replace(before, clamp=(low, high))
        quantization = tensors[name]
        if quantization is not None and low == quantization.zero_point and isinstance(producer, Activated):
            nodes[producer.name] = replace(producer, activation="relu")
        for reader, other in nodes.items():
            inputs = tuple(producer.name if tensor == name else tensor for tensor in other.inputs)
            nodes[reader] = replace(other, inputs=inputs)
        del nodes[name], tensors[name], integers[name]
        outputs = [producer.name if output == name else output for output in outputs]
    return outputs
