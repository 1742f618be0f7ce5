"""Puts a network together node by node: square kernels, names given, each call says which tensor it made."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tcugen.network.activation import Activation
from tcugen.network.check import checked_network
from tcugen.network.graph import Network, Node, Shape
from tcugen.network.operators import Add, Concat, Conv, GlobalAveragePool, Linear, MaxPool

IMAGE = "image"
"""Name of the network's input."""


def rounded_up(size: int, kernel: int, stride: int, padding: int = 0) -> tuple[int, int, int, int]:
    """Padding of a pool that counts the last, incomplete window too, as `ceil_mode` does, of an input `size` wide."""
    end = padding + -(size + 2 * padding - kernel) % stride
    return padding, padding, end, end


def same(size: int, kernel: int, stride: int) -> tuple[int, int, int, int]:
    """Padding that gives ceil(size / stride) outputs, the odd pixel at the end, as TensorFlow's SAME does."""
    whole = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return whole // 2, whole // 2, whole - whole // 2, whole - whole // 2


@dataclass(frozen=True)
class Builder:
    """Collects nodes.

    `rectifier` is the activation where a call asks for one with `relu`.
    """

    rectifier: Activation = "relu"
    nodes: list[Node] = field(default_factory=list[Node])

    def conv(
        self,
        name: str,
        source: str,
        channels: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        groups: int = 1,
        padding: tuple[int, int, int, int] | None = None,
        relu: bool = True,
    ) -> str:
        """A convolution; padded by half its kernel unless `padding` says otherwise."""
        ky, kx = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        around = (ky // 2, kx // 2, ky // 2, kx // 2) if padding is None else padding
        activation = self.rectifier if relu else None
        self.nodes.append(Conv(name, (source,), channels, (ky, kx), (stride, stride), around, groups, activation))
        return name

    def max_pool(
        self, name: str, source: str, kernel: int, stride: int, padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    ) -> str:
        """A max-pool."""
        self.nodes.append(MaxPool(name, (source,), kernel=(kernel, kernel), stride=(stride, stride), padding=padding))
        return name

    def add(self, name: str, first: str, second: str, relu: bool = True) -> str:
        """A sum."""
        self.nodes.append(Add(name, (first, second), activation=self.rectifier if relu else None))
        return name

    def concat(self, name: str, sources: Sequence[str]) -> str:
        """Channels one after the other, all of one scale, as most quantizers have it."""
        self.nodes.append(Concat(name, tuple(sources), (True,) * len(sources)))
        return name

    def average(self, name: str, source: str) -> str:
        """The mean over all pixels."""
        self.nodes.append(GlobalAveragePool(name, (source,)))
        return name

    def linear(self, name: str, source: str, channels: int, relu: bool = False) -> str:
        """A fully connected layer."""
        self.nodes.append(Linear(name, (source,), channels, activation=self.rectifier if relu else None))
        return name

    def network(self, name: str, channels: int, size: int, outputs: Sequence[str] = ()) -> Network:
        """The checked network, for images of `size` x `size` pixels; without `outputs`, its last node is the output."""
        return checked_network(name, ((IMAGE, Shape(channels, size, size)),), self.nodes, outputs)
