"""What the array has to sum up for a tensor: weights of elements around a place, and one requantisation per channel.

Every operator that the array computes is written here as the network and its integers define it, not as the compiler
cuts it: output channel c at (y, x) is the requantised

    bias[c] + sum over taps of weight[tap, c] * (element(tap, y, x) - zero point of the element's tensor)

where a tap is a channel of a source tensor and a kernel row and column, and elements outside the picture count 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from tcugen.certify.errors import NotCertified
from tcugen.model.integers import Clamp
from tcugen.model.quantized import QuantizedNetwork
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
    Node,
    Requantise,
    Resize,
    Slice,
    Table,
    as_convolution,
)
from tcugen.network.shape import Shape
from tcugen.network.windows import divisors

Ints = NDArray[np.int64]
Taps = tuple[Ints, NDArray[np.int32]]
"""Numbers of taps, ascending, and weights [taps, channels]."""

Origin = Callable[[Ints, Ints], tuple[Ints, Ints, int]]
"""From output rows and columns to the input rows and columns of kernel row and column 0, and the phase.

A phase is what weights and multipliers may depend on besides the channel; it must be one for all these pixels.
"""

WHOLE = (-128, 127)


@dataclass(frozen=True)
class Source:
    """A tensor that is read; its taps are numbered from `first_tap`, kernel columns innermost, channels outermost."""

    tensor: str
    shape: Shape
    zero_point: int
    first_tap: int


@dataclass(frozen=True, eq=False)
class Affine:
    """What the array sums up, and how the sum is requantised.

    Attributes:
        sources: What is read.
        kernel, dilation: Of the window.
        origin: See `Origin`.
        support: Taps that may have a weight for these output channels in this phase, and their weights.
        bias: int64 [output channels].
        multiplier: float32 bit patterns for these channels in this phase; None stores the 32-bit sums.
        zero_point, clamp: Of the requantised result.
        spare_columns: Whether array columns without an output channel may have weights: their sums are nobody's.
    """

    sources: tuple[Source, ...]
    kernel: tuple[int, int]
    dilation: tuple[int, int]
    origin: Origin
    support: Callable[[Ints, int], Taps]
    bias: Ints
    multiplier: Callable[[Ints, int], NDArray[np.uint32]] | None
    zero_point: int
    clamp: Clamp
    spare_columns: bool = False


def affine_of(model: QuantizedNetwork, node: Node) -> Affine | None:
    """What the array sums up for a node by itself; None for nodes that it does not compute."""
    network = model.network
    channels = network.shapes[node.name].channels
    shape = network.shapes[node.inputs[0]]
    none = np.zeros(channels, np.int64)
    match node:
        case Conv() | Linear():
            return _convolution(model, as_convolution(node), node)
        case Requantise():
            one = model.integers_of(node)
            return _moved(model, node, lambda c, _: c, _same_place, _repeat(one.multiplier), one.clamp)
        case GlobalAveragePool():
            one = model.integers_of(node)
            return Affine(
                _sources(model, node.inputs, shape.height * shape.width),
                (shape.height, shape.width),
                (1, 1),
                lambda rows, columns: (0 * rows, 0 * columns, 0),
                _ones(shape.height * shape.width),
                none,
                _repeat(one.multiplier),
                model.zero_point(node.name),
                one.clamp,
                spare_columns=True,
            )
        case AveragePool():
            return _average(model, node)
        case Concat():
            return _concat(model, node)
        case Slice():
            start = node.channels[0]
            return _moved(model, node, lambda c, _: c + start, _same_place, _repeat(1), WHOLE)
        case ChannelShuffle():
            groups, size = node.groups, shape.channels // node.groups
            return _moved(model, node, lambda c, _: c % groups * size + c // groups, _same_place, _repeat(1), WHOLE)
        case Resize():
            fy, fx = node.factor
            return _moved(model, node, lambda c, _: c, lambda y, x: (y // fy, x // fx, 0), _repeat(1), WHOLE)
        case DepthToSpace():
            return _depth_to_space(model, node, channels)
        case Add() | Multiply() | Table() | MaxPool():
            return None
        case _:
            assert_never(node)


def unchanged(model: QuantizedNetwork, tensor: str) -> Affine:
    """A tensor through the array as it is: clamp(rint((x - z) * 1.0) + z) = x for every int8 x and z."""
    channels = model.network.shapes[tensor].channels
    return Affine(
        _sources(model, (tensor,), 1),
        (1, 1),
        (1, 1),
        _same_place,
        lambda c, _: _one_each(c),
        np.zeros(channels, np.int64),
        _repeat(1),
        model.zero_point(tensor),
        WHOLE,
    )


def _sources(model: QuantizedNetwork, tensors: tuple[str, ...], taps: int) -> tuple[Source, ...]:
    """Tensors of which every channel has `taps` taps."""
    found: list[Source] = []
    first = 0
    for tensor in tensors:
        shape = model.network.shapes[tensor]
        found.append(Source(tensor, shape, model.zero_point(tensor), first))
        first += shape.channels * taps
    return tuple(found)


def _same_place(rows: Ints, columns: Ints) -> tuple[Ints, Ints, int]:
    return rows, columns, 0


def _bits(value: NDArray[np.float32]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(value, np.float32).view(np.uint32)


def _repeat(value: np.float32 | float) -> Callable[[Ints, int], NDArray[np.uint32]]:
    one = _bits(np.full(1, value, np.float32))
    return lambda channels, _: np.repeat(one, len(channels))


def _one_each(taps: Ints) -> Taps:
    """Output channel k is tap taps[k] alone."""
    found, place = np.unique(taps, return_inverse=True)
    weights = np.zeros((len(found), len(taps)), np.int32)
    weights[place, np.arange(len(taps))] = 1
    return found, weights


def _ones(taps: int) -> Callable[[Ints, int], Taps]:
    """Every output channel sums up all `taps` taps of its own input channel; channels ascend."""
    return lambda channels, _: (
        (channels[:, None] * taps + np.arange(taps)).reshape(-1),
        np.repeat(np.eye(len(channels), dtype=np.int32), taps, axis=0),
    )


def _moved(
    model: QuantizedNetwork,
    node: Node,
    source: Callable[[Ints, int], Ints],
    origin: Origin,
    multiplier: Callable[[Ints, int], NDArray[np.uint32]],
    clamp: Clamp,
) -> Affine:
    """Every output channel is one input channel, `source` of it."""
    return Affine(
        _sources(model, node.inputs, 1),
        (1, 1),
        (1, 1),
        origin,
        lambda channels, phase: _one_each(source(channels, phase)),
        np.zeros(model.network.shapes[node.name].channels, np.int64),
        multiplier,
        model.zero_point(node.name),
        clamp,
    )


def _convolution(model: QuantizedNetwork, conv: Conv, node: Conv | Linear) -> Affine:
    integers = model.integers_of(node)
    depth = model.network.shapes[conv.inputs[0]].channels // conv.groups
    taps = conv.kernel[0] * conv.kernel[1]
    weight = integers.weight.reshape(conv.out_channels, depth * taps)
    (sy, sx), (top, left), per_group = conv.stride, conv.padding[:2], conv.out_channels // conv.groups

    def support(channels: Ints, _: int) -> Taps:
        groups = channels // per_group
        first, last = int(groups.min()), int(groups.max())
        found = np.zeros(((last + 1 - first), depth * taps, len(channels)), np.int32)
        found[groups - first, :, np.arange(len(channels))] = weight[channels]
        return np.arange(first * depth * taps, (last + 1) * depth * taps), found.reshape(-1, len(channels))

    multiplier = integers.multiplier
    patterns = None if multiplier is None else _bits(multiplier)
    summed = multiplier is None
    return Affine(
        _sources(model, conv.inputs, taps),
        conv.kernel,
        conv.dilation,
        lambda rows, columns: (rows * sy - top, columns * sx - left, 0),
        support,
        integers.bias.astype(np.int64),
        None if patterns is None else lambda channels, _: patterns[channels],
        0 if summed else model.zero_point(conv.name),
        integers.clamp or WHOLE,
    )


def _average(model: QuantizedNetwork, node: AveragePool) -> Affine:
    """The phase is the number of pixels that the windows count."""
    integers, shape = model.integers_of(node), model.network.shapes[node.inputs[0]]
    counts = divisors(node, shape)
    patterns = dict(zip(counts, _bits(integers.multipliers), strict=True))
    (ky, kx), (sy, sx), (top, left) = node.kernel, node.stride, node.padding[:2]

    def inside(first: Ints, taps: int, side: int) -> set[int]:
        if node.count_include_pad:
            return {taps}
        return set((np.minimum(first + taps, side) - np.maximum(first, 0)).tolist())

    def origin(rows: Ints, columns: Ints) -> tuple[Ints, Ints, int]:
        y, x = rows * sy - top, columns * sx - left
        found = {a * b for a in inside(y, ky, shape.height) for b in inside(x, kx, shape.width)}
        if len(found) != 1:
            raise NotCertified("one tile has windows that count different numbers of pixels")
        return y, x, found.pop()

    return Affine(
        _sources(model, node.inputs, ky * kx),
        node.kernel,
        (1, 1),
        origin,
        _ones(ky * kx),
        np.zeros(shape.channels, np.int64),
        lambda channels, phase: np.repeat(patterns[phase], len(channels)),
        model.zero_point(node.name),
        integers.clamp,
    )


def _concat(model: QuantizedNetwork, node: Concat) -> Affine:
    """A tensor that is concatenated twice is one source."""
    integers = model.integers_of(node)
    counts = [model.network.shapes[name].channels for name in node.inputs]
    patterns = np.repeat(_bits(integers.multipliers), counts)
    sources = _sources(model, tuple(dict.fromkeys(node.inputs)), 1)
    first = {source.tensor: source.first_tap for source in sources}
    taps = np.concatenate([first[name] + np.arange(count) for name, count in zip(node.inputs, counts, strict=True)])
    return Affine(
        sources,
        (1, 1),
        (1, 1),
        _same_place,
        lambda channels, _: _one_each(taps[channels]),
        np.zeros(sum(counts), np.int64),
        lambda channels, _: patterns[channels],
        model.zero_point(node.name),
        integers.clamp,
    )


def _depth_to_space(model: QuantizedNetwork, node: DepthToSpace, channels: int) -> Affine:
    """The phase is the place in the block, counted row by row."""
    block = node.block

    def origin(rows: Ints, columns: Ints) -> tuple[Ints, Ints, int]:
        places = {int(y) * block + int(x) for y in set(rows % block) for x in set(columns % block)}
        if len(places) != 1:
            raise NotCertified("one tile makes different places of the block")
        return rows // block, columns // block, places.pop()

    def source(channel: Ints, place: int) -> Ints:
        return place * channels + channel if node.mode == "DCR" else channel * block**2 + place

    return _moved(model, node, source, origin, _repeat(1), WHOLE)
