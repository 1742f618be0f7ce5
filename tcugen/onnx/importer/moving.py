"""Nodes that stand for what a file has otherwise: convolutions that move or sum pixels, with weights of 1."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import assert_never

import numpy as np

from tcugen.model.integers import MaxPoolIntegers, SliceIntegers, WeightedIntegers
from tcugen.model.limits import INT8_RANGE
from tcugen.network.dilated_pool import in_steps
from tcugen.network.graph import Shape
from tcugen.network.operators import ChannelShuffle, Conv, DepthToSpace, MaxPool, Moving, Resize
from tcugen.onnx.importer.values import Arrangement, Average, Border, Convolution, Crop, Moved, Pool


def pool_nodes(name: str, tensor: str, pool: Arrangement, shape: Shape) -> tuple[MaxPool | Conv | Moving, ...]:
    """The nodes that an arrangement of a tensor of `shape` is, each reading the one before; the last has the name.

    A border that no window takes over is a convolution that moves pixels: its padding holds the zeros. One that leaves
    pixels out has taps for them, with weights of 0.
    """
    match pool:
        case Pool():
            return in_steps(MaxPool(name, (tensor,), pool.kernel, pool.stride, pool.padding, pool.dilation))
        case Border():
            channels = shape.channels
            return (Conv(name, (tensor,), channels, (1, 1), padding=pool.padding, groups=channels),)
        case Crop():
            channels = shape.channels
            return (Conv(name, (tensor,), channels, (1 + pool.rows, 1 + pool.columns), groups=channels),)
        case Moved():
            return (replace(pool.operator, name=name, inputs=(tensor,)),)
        case _:
            assert_never(pool)


def with_lowest_joined(pools: Iterable[Arrangement]) -> Iterator[Arrangement]:
    """The same arrangements; what no maximum takes has become padding of the pool after it.

    Raises:
        Refused: If there is no pool after it: nothing else leaves such values out.
    """
    border: Border | None = None
    for pool in pools:
        if isinstance(pool, Border) and pool.lowest:
            border = pool if border is None else replace(pool, padding=_sum(border.padding, pool.padding))
            continue
        if border is not None and isinstance(pool, Pool):
            pool, border = replace(pool, padding=_sum(border.padding, pool.padding)), None
        elif border is not None:
            break
        yield pool
    if border is not None:
        raise border.node.refusal("value", "-inf", "only in front of a MaxPool, which leaves it out: use 0")


def _sum(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int, int, int]:
    top, left, bottom, right = (a + b for a, b in zip(one, other, strict=True))
    return top, left, bottom, right


def pool_integers(node: MaxPool | Conv | Moving) -> MaxPoolIntegers | WeightedIntegers | SliceIntegers:
    """Of a node that `pool_nodes` has made."""
    match node:
        case MaxPool():
            return MaxPoolIntegers()
        case Conv():
            return moving_integers(node.out_channels, node.kernel)
        case Resize() | DepthToSpace() | ChannelShuffle():
            return SliceIntegers()
        case _:
            assert_never(node)


def moving_integers(channels: int, kernel: tuple[int, int] = (1, 1)) -> WeightedIntegers:
    """Of a convolution that leaves values as they are: a first weight, and hence multipliers, of 1."""
    weight = np.zeros((channels, 1, *kernel), np.int8)
    weight[:, :, 0, 0] = 1
    return WeightedIntegers(
        weight=weight,
        bias=np.zeros(channels, np.int32),
        weight_scale=np.ones(channels, np.float32),
        multiplier=np.ones(channels, np.float32),
        clamp=INT8_RANGE,
    )


def summing(base: Average, shape: Shape) -> Convolution:
    """The sums of a mean, whose division goes into the scale: a convolution with weights of 1 over all pixels."""
    kernel, channels = (shape.height, shape.width), shape.channels
    return Convolution(
        node=base.node,
        layer=Conv(base.node.name, (base.x,), channels, kernel, groups=channels),
        weight=np.ones((channels, 1, *kernel), np.int8),
        weight_scale=np.full(channels, 1 / (kernel[0] * kernel[1]), np.float32),
        bias=np.zeros(channels),
        bias_integers=np.zeros(channels, np.int32),
        shape=base.shape,
    )
