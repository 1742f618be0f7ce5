"""Networks with random integers for the tensor benches: the shapes a ResNet is made of, cropped to a few pixels."""

import numpy as np

from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.activation import Activation
from tcugen.network.graph import Network, Node, Shape
from tcugen.network.operators import Add, Conv, GlobalAveragePool, Linear, MaxPool, Requantise
from tcugen.synthetic.integers import synthesise

IMAGE = "image"

Data = tuple[QuantizedNetwork, dict[str, np.ndarray]]
"""A quantized network and int8 [n, C, H, W] by name of network input."""


def convolution(
    in_channels: int,
    out_channels: int,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] | None = None,
    groups: int = 1,
    activation: Activation = None,
    int32_output: bool = False,
) -> Data:
    """One conv on an image of `size` (y, x); padding is (kernel - 1) / 2 on all sides unless given."""
    y, x = kernel[0] // 2, kernel[1] // 2
    padding = (y, x, y, x) if padding is None else padding
    node = Conv("conv", (IMAGE,), out_channels, kernel, stride, padding, groups, activation)
    return _synthesised(Shape(in_channels, *size), (node,), int32_output=int32_output)


def bottleneck(in_channels: int, width: int, out_channels: int, size: int, stride: int = 1, images: int = 1) -> Data:
    """1x1, 3x3, 1x1 and the add; the shortcut is a projection unless the shapes make it the identity."""
    square = (size, size)
    nodes = [
        _conv("conv1", IMAGE, width, 1, activation="relu"),
        _conv("conv2", "conv1", width, 3, stride, activation="relu"),
        _conv("conv3", "conv2", out_channels, 1),
    ]
    shortcut = IMAGE
    if stride != 1 or in_channels != out_channels:
        shortcut = "downsample"
        nodes.append(_conv(shortcut, IMAGE, out_channels, 1, stride))
    nodes.append(Add("add", ("conv3", shortcut), activation="relu"))
    return _synthesised(Shape(in_channels, *square), tuple(nodes), images=images)


def chained_blocks(channels: int, size: int, blocks: int) -> Data:
    """Basic blocks with identity shortcuts, one after the other."""
    nodes: list[Node] = []
    last = IMAGE
    for block in range(blocks):
        first, second, total = f"{block}.conv1", f"{block}.conv2", f"{block}.add"
        nodes += [
            _conv(first, last, channels, 3, activation="relu"),
            _conv(second, first, channels, 3),
            Add(total, (second, last), activation="relu"),
        ]
        last = total
    return _synthesised(Shape(channels, size, size), tuple(nodes))


def pooled(channels: int, size: tuple[int, int], kernel: int, stride: int, padding: int) -> Data:
    """A 1x1 conv and the max-pool after it."""
    borders = (padding, padding, padding, padding)
    pool = MaxPool("maxpool", ("conv",), (kernel, kernel), (stride, stride), borders)
    nodes = (_conv("conv", IMAGE, channels, 1), pool)
    return _synthesised(Shape(5, *size), nodes)


def head(channels: int, size: int, classes: int, int32_output: bool) -> Data:
    """Global average pool and a linear layer after a 1x1 conv."""
    nodes = (
        _conv("conv", IMAGE, channels, 1, activation="relu"),
        GlobalAveragePool("avgpool", ("conv",)),
        Linear("fc", ("avgpool",), classes),
    )
    return _synthesised(Shape(6, size, size), nodes, int32_output=int32_output)


def small_resnet(size: int, classes: int, images: int = 1) -> Data:
    """A stem with max-pool, a block with projection, one with identity, and the head."""
    nodes = (
        _conv("conv1", IMAGE, 8, 7, 2, activation="relu"),
        MaxPool("maxpool", ("conv1",), (3, 3), (2, 2), (1, 1, 1, 1)),
        _conv("0.conv1", "maxpool", 8, 1, activation="relu"),
        _conv("0.conv2", "0.conv1", 8, 3, activation="relu"),
        _conv("0.conv3", "0.conv2", 16, 1),
        _conv("0.downsample", "maxpool", 16, 1),
        Add("0.add", ("0.conv3", "0.downsample"), activation="relu"),
        _conv("1.conv1", "0.add", 8, 1, activation="relu"),
        _conv("1.conv2", "1.conv1", 8, 3, activation="relu"),
        _conv("1.conv3", "1.conv2", 16, 1),
        Add("1.add", ("1.conv3", "0.add"), activation="relu"),
        GlobalAveragePool("avgpool", ("1.add",)),
        Linear("fc", ("avgpool",), classes),
    )
    return _synthesised(Shape(3, size, size), nodes, images=images)


def rescaled(channels: int, size: tuple[int, int]) -> Data:
    """A requantise after a conv, and both added."""
    nodes = (
        _conv("conv", IMAGE, channels, 1),
        Requantise("requantise", ("conv",)),
        Add("add", ("requantise", IMAGE)),
    )
    return _synthesised(Shape(channels, *size), nodes)


def _conv(name: str, source: str, channels: int, kernel: int, stride: int = 1, activation: Activation = None) -> Node:
    border = kernel // 2
    borders = (border, border, border, border)
    return Conv(name, (source,), channels, (kernel, kernel), (stride, stride), borders, activation=activation)


def _synthesised(shape: Shape, nodes: tuple[Node, ...], images: int = 1, int32_output: bool = False) -> Data:
    return synthesise(Network("bench", ((IMAGE, shape),), nodes), 1, images, int32_output)
