"""Nodes that stand for what a file has otherwise: convolutions that move or sum pixels, with weights of 1."""

from typing import assert_never

import numpy as np

from tcugen.model.integers import WeightedIntegers
from tcugen.model.limits import INT8_RANGE
from tcugen.network.graph import Shape
from tcugen.network.operators import Conv, MaxPool
from tcugen.onnx.importer.values import Average, Border, Convolution, Pool


def pool_node(name: str, tensor: str, pool: Pool | Border, shape: Shape) -> MaxPool | Conv:
    """A border that no window takes over is a convolution that moves pixels: its padding holds the zeros."""
    match pool:
        case Pool():
            return MaxPool(name, (tensor,), pool.kernel, pool.stride, pool.padding)
        case Border():
            channels = shape.channels
            return Conv(name, (tensor,), channels, (1, 1), padding=pool.padding, groups=channels)
        case _:
            assert_never(pool)


def moving_integers(channels: int) -> WeightedIntegers:
    """Of a convolution that leaves values as they are: weights, and hence multipliers, of 1."""
    return WeightedIntegers(
        weight=np.ones((channels, 1, 1, 1), np.int8),
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
