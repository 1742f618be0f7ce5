"""Integers at the ends of what is allowed: multipliers and ratios anywhere in their range, sums next to 32 bits."""

from dataclasses import replace

import numpy as np

from tcugen.model.integers import (
    AddIntegers,
    AverageIntegers,
    AveragePoolIntegers,
    ConcatIntegers,
    MultiplyIntegers,
    NodeIntegers,
    RequantiseIntegers,
    WeightedIntegers,
)
from tcugen.model.limits import ADD_RATIO_EXPONENTS, MULTIPLIER_EXPONENTS
from tcugen.model.multipliers import add_multipliers, unrounded_add_multipliers
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.operators import Add, Node
from tests.typed import present

LARGEST_BIAS = 2**31 - 1
SPAN = 512
"""A sum of products, the zero point folded, is below this times the sum of its weights' magnitudes."""

SIGNIFICANDS = (0, 1, 0x400000, 0x7FFFFE, 0x7FFFFF)
"""Of float32, without the leading one: those at the ends and in the middle."""


def with_extreme_integers(model: QuantizedNetwork, seed: int) -> QuantizedNetwork:
    """The model with other multipliers and biases, most of which make its values saturate, vanish or tie."""
    rng = np.random.default_rng(seed)
    integers = {name: _extreme(model.network.by_name[name], one, rng) for name, one in model.integers.items()}
    return QuantizedNetwork(model.network, model.tensors, integers, model.forms)


def _extreme(node: Node, one: NodeIntegers, rng: np.random.Generator) -> NodeIntegers:
    match one:
        case WeightedIntegers(multiplier=np.ndarray()):
            return _weighted(one, rng)
        case AddIntegers():
            a, b = (np.float32(2.0 ** rng.uniform(*ADD_RATIO_EXPONENTS)) for _ in range(2))
            if isinstance(node, Add) and node.unrounded is not None:
                m_a, m_b, shift = unrounded_add_multipliers(b, 1.0, node.unrounded, layer="add")
            else:
                m_a, m_b, shift = add_multipliers(a, b, 1.0, layer="add")
            return replace(one, multipliers=(m_a, m_b), shift=shift)
        case AverageIntegers() | RequantiseIntegers() | MultiplyIntegers():
            return replace(one, multiplier=_near(np.atleast_1d(one.multiplier), rng)[0])
        case AveragePoolIntegers():
            return replace(one, multipliers=_near(one.multipliers, rng))
        case ConcatIntegers():
            # A multiplier of 1 says that the operand has the scale of the output.
            return replace(one, multipliers=np.where(one.multipliers == 1, 1, _near(one.multipliers, rng)))
        case _:
            return one


def _weighted(one: WeightedIntegers, rng: np.random.Generator) -> WeightedIntegers:
    """Some channels keep what they have, some get any multiplier, some a sum next to 32 bits."""
    channels = len(one.bias)
    multiplier, bias = _near(present(one.multiplier), rng), one.bias.copy()
    most = LARGEST_BIAS - SPAN * np.abs(one.weight.reshape(channels, -1).astype(np.int64)).sum(axis=1)
    for channel in np.flatnonzero(rng.integers(3, size=channels) == 0):
        bias[channel] = most[channel] * rng.choice((-1, 1))
        multiplier[channel] = np.ldexp(rng.uniform(1, 2), int(rng.integers(-26, -22)))
    return replace(one, multiplier=multiplier, bias=bias)


def _near(multiplier: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float32: as they are, times a power of two, or any, with any significand; all within the range."""
    low, high = MULTIPLIER_EXPONENTS
    exponents = np.frexp(multiplier)[1] - 1
    way = rng.integers(3, size=multiplier.shape)
    shifted = exponents + rng.integers(-4, 5, size=multiplier.shape)
    anywhere = rng.integers(low, high, size=multiplier.shape)
    exponents = np.clip(np.where(way == 0, exponents, np.where(way == 1, shifted, anywhere)), low, high - 1)
    corner = rng.choice(SIGNIFICANDS, size=multiplier.shape)
    own = np.asarray(multiplier, np.float32).view(np.uint32) & 0x7FFFFF
    significands = np.where(rng.integers(4, size=multiplier.shape) == 0, corner, own).astype(np.uint32)
    return ((exponents + 127).astype(np.uint32) << 23 | significands).view(np.float32)
