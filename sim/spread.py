"""Whether random data exercises the arithmetic: a bench that compares constants proves nothing."""

from collections.abc import Mapping

import numpy as np

from tcugen.network.graph import Network, Node
from tcugen.network.operators import activation_of, keeps_quantization

MIN_VALUES = 64
MAX_SATURATED = 0.1
MIN_ELEMENTS = 500
"""Smaller tensors inside a network are not judged; a network's output always is."""

_LOW, _HIGH = -128, 127


def saturated_share(node: Node, tensor: np.ndarray) -> float:
    """Share of a node's int8 elements at an end of int8.

    The lower end counts only where it is no floor: not after a ReLU, nor a max-pool, which may read one.
    """
    floored = keeps_quantization(node) or activation_of(node) == "relu"
    return np.count_nonzero(np.isin(tensor, (_HIGH,) if floored else (_LOW, _HIGH))) / tensor.size


def flaws(network: Network, tensors: Mapping[str, np.ndarray]) -> list[str]:
    """One line per tensor of fewer than MIN_VALUES distinct values or too large a saturated share.

    Args:
        tensors: int8 or int32 [n, C, H, W] by node name; int32 ones cannot saturate.
    """
    lines: list[str] = []
    for name, tensor in tensors.items():
        if tensor.size < MIN_ELEMENTS and name != network.nodes[-1].name:
            continue
        values = len(np.unique(tensor))
        share = saturated_share(network.by_name[name], tensor) if tensor.dtype == np.int8 else 0.0
        if values < MIN_VALUES or share >= MAX_SATURATED:
            lines.append(f"{name} has {values} distinct values, {100 * share:.1f} % of its elements are saturated")
    return lines
