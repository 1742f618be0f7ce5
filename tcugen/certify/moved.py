"""Which channels of a tensor have the values of another's, by the definition of the operator and its integers."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tcugen.certify.affine import Affine, Taps
from tcugen.certify.symbols import Moved, Numbering
from tcugen.model.limits import INT8_RANGE
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.operators import Concat, Node, Slice


def moved_channels(model: QuantizedNetwork) -> tuple[Moved, ...]:
    """Of every concat and slice, in execution order.

    An operand of a concat comes through as it is if its zero point is the output's, its multiplier 1 and nothing is cut
    off: clamp(rint((x - z) * 1.0) + z) = x.
    """
    return tuple(moved for node in model.network.nodes for moved in _moved(model, node))


def _moved(model: QuantizedNetwork, node: Node) -> Iterator[Moved]:
    shapes = model.network.shapes
    if isinstance(node, Slice):
        first, end = node.channels
        yield Moved(node.name, 0, end - first, node.inputs[0], first)
    if isinstance(node, Concat):
        integers, start = model.integers_of(node), 0
        for name, multiplier in zip(node.inputs, integers.multipliers, strict=True):
            same = model.zero_point(name) == model.zero_point(node.name) and multiplier == np.float32(1)
            if same and integers.clamp == INT8_RANGE:
                yield Moved(node.name, start, shapes[name].channels, name, 0)
            start += shapes[name].channels


def merged(affine: Affine, numbering: Numbering) -> Affine:
    """The same sums where taps that are the same element are one, the first of them."""
    elements = np.concatenate([numbering.first_elements(source.tensor) for source in affine.sources])
    _, first, place = np.unique(elements, return_index=True, return_inverse=True)
    same, window = first[place], affine.kernel[0] * affine.kernel[1]
    if len(first) == len(elements):
        return affine

    def support(channels: NDArray[np.int64], phase: int) -> Taps:
        numbers, weights = affine.support(channels, phase)
        found, at = np.unique(same[numbers // window] * window + numbers % window, return_inverse=True)
        summed = np.zeros((len(found), weights.shape[1]), np.int32)
        np.add.at(summed, at, weights)
        return found, summed

    return replace(affine, support=support)
