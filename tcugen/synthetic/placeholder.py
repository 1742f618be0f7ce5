"""Integers for a network of which only the shapes are known, without PyTorch: for building, not for accuracy.

Weights are random; scales are what random operands of that many products need to fill int8 without saturating.
"""

from typing import assert_never

import numpy as np

from tcugen.model import multipliers
from tcugen.model.integers import (
    AddIntegers,
    AverageIntegers,
    AveragePoolIntegers,
    Clamp,
    ConcatIntegers,
    MaxPoolIntegers,
    MultiplyIntegers,
    NodeIntegers,
    RequantiseIntegers,
    SliceIntegers,
    TableIntegers,
    WeightedIntegers,
)
from tcugen.model.quantized import Quantization, QuantizedNetwork
from tcugen.model.shortcut import shortcut_weight
from tcugen.network.activation import limits_of
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
    Requantise,
    Resize,
    Slice,
    Table,
    Weighted,
    activation_of,
    as_convolution,
)
from tcugen.network.windows import divisors

_WEIGHT_DEVIATION = 73.0
"""Standard deviation of uniform weights in [-127, 127]."""
_INPUT_DEVIATION = 50.0
_OUTPUT_DEVIATION = 50.0
_ADD_SHIFT = 24


def placeholder(network: Network, seed: int = 0) -> QuantizedNetwork:
    """A quantized network with the given graph: all zero points 0, every multiplier from the number of products.

    Deterministic in `seed`. What is compiled from it has the same instructions, schedule and size as any other
    quantization of the network, except for the numbers themselves.
    """
    rng = np.random.default_rng(seed)
    tensors: dict[str, Quantization | None] = {name: Quantization(np.float32(1), 0) for name in network.shapes}
    integers = {node.name: _integers(network, node, rng) for node in network.nodes}
    return QuantizedNetwork(network, tensors, integers)


def _integers(network: Network, node: Node, rng: np.random.Generator) -> NodeIntegers:
    clamp = multipliers.clamp_limits(limits_of(activation_of(node)), 1.0, 0)
    match node:
        case Conv() | Linear():
            return _weighted(network, node, rng, clamp)
        case Add(unrounded=int(index)):
            m_a, m_b, shift = multipliers.unrounded_add_multipliers(1.0, 1.0, index, layer=node.name)
            return AddIntegers((m_a, m_b), shift, clamp)
        case Add():
            return AddIntegers((1 << _ADD_SHIFT - 1, 1 << _ADD_SHIFT - 1), _ADD_SHIFT, clamp)
        case MaxPool():
            return MaxPoolIntegers()
        case AveragePool():
            counts = divisors(node, network.shapes[node.inputs[0]])
            return AveragePoolIntegers(np.array([1 / count for count in counts], np.float32), clamp)
        case GlobalAveragePool():
            shape = network.shapes[node.inputs[0]]
            return AverageIntegers(np.float32(1 / (shape.height * shape.width)), clamp)
        case Requantise():
            return RequantiseIntegers(np.float32(1), clamp)
        case Table():
            return TableIntegers(np.arange(-128, 128).astype(np.int8))
        case Concat():
            return ConcatIntegers(np.ones(len(node.inputs), np.float32), clamp)
        case Slice() | Resize() | DepthToSpace() | ChannelShuffle():
            return SliceIntegers()
        case Multiply():
            return MultiplyIntegers(np.float32(1 / 128), clamp)
        case _:
            assert_never(node)


def _weighted(network: Network, node: Weighted, rng: np.random.Generator, limits: Clamp) -> WeightedIntegers:
    clamp = None if node.name in network.unrounded else limits
    layer = as_convolution(node)
    fan_in = (network.shapes[layer.inputs[0]].channels // layer.groups, *layer.kernel)
    weight = rng.integers(-127, 128, (layer.out_channels, *fan_in), dtype=np.int8)
    no_bias = np.zeros(layer.out_channels, np.int32)
    constant = shortcut_weight(network, node)
    if constant is not None:
        one = np.ones(layer.out_channels, np.float32)
        return WeightedIntegers(constant, no_bias, weight_scale=one, multiplier=one, clamp=clamp)
    deviation = _INPUT_DEVIATION * _WEIGHT_DEVIATION * np.sqrt(np.prod(fan_in))
    scale = np.full(layer.out_channels, _OUTPUT_DEVIATION / deviation, np.float32)
    return WeightedIntegers(weight, no_bias, weight_scale=scale, multiplier=scale, clamp=clamp)
