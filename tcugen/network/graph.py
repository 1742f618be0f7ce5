"""A network as the hardware sees it: nodes in execution order and the shapes that follow from them.

Pure data; reading JSON is `layer_config`'s business, building ResNets that of `resnets`.
"""

from dataclasses import dataclass
from functools import cached_property

OPERATORS = ("conv", "linear", "add", "max_pool", "global_average_pool", "requantise")

SHORTCUT = "shortcut"
"""Last part of the name of a convolution that stands for subsampling and channel padding; see `Network.macs`."""


class NetworkError(ValueError):
    """A network that is malformed or inconsistent. The message names node, value, rule and remedy."""


@dataclass(frozen=True)
class Shape:
    """Shape of one activation tensor of one image: channels, height, width."""

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.channels}x{self.height}x{self.width}"


@dataclass(frozen=True)
class Node:
    """One operator. Fields that do not apply to `op` keep their defaults.

    Attributes:
        name: Unique name; torchvision's module path for the bundled networks.
        op: One of OPERATORS.
        inputs: Names of the producers (nodes or the network's input).
        out_channels: conv, linear.
        kernel, stride: (y, x); conv, max_pool.
        padding: (top, left, bottom, right); conv, max_pool.
        groups: conv.
        activation: None or "relu"; conv, linear, add.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    out_channels: int | None = None
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    activation: str | None = None


@dataclass(frozen=True)
class Network:
    """A checked network: every input of a node is the network's input or an earlier node.

    Attributes:
        name: Name of the network.
        inputs: Names and shapes of the network's inputs; one, except for extracts made by `select`.
        nodes: Nodes in execution order; the last one makes the network's output.
    """

    name: str
    inputs: tuple[tuple[str, Shape], ...]
    nodes: tuple[Node, ...]

    @cached_property
    def by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shape of every tensor: of the inputs and of each node's output."""
        shapes = dict(self.inputs)
        for node in self.nodes:
            shapes[node.name] = output_shape(node, [shapes[name] for name in node.inputs])
        return shapes

    @cached_property
    def consumers(self) -> dict[str, tuple[str, ...]]:
        """Names of the nodes that read each tensor, in execution order."""
        readers: dict[str, list[str]] = {name: [] for name in self.shapes}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers[name].append(node.name)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    def macs(self, node: Node) -> int:
        """Multiply-accumulates of one node for one image; 0 for all but conv and linear.

        A node whose name ends in `shortcut` counts as 0 too: it moves channels with weights of 1 and 0 where the
        network itself only subsamples and pads, so its products are no work of the network.
        """
        if node.op not in ("conv", "linear") or is_shortcut(node):
            return 0
        in_channels = self.shapes[node.inputs[0]].channels
        shape = self.shapes[node.name]
        taps = node.kernel[0] * node.kernel[1] * (in_channels // node.groups)
        return taps * shape.channels * shape.height * shape.width

    @property
    def mac_count(self) -> int:
        return sum(self.macs(node) for node in self.nodes)


def is_shortcut(node: Node) -> bool:
    """Whether a node is named as a convolution with constant weights, see SHORTCUT."""
    return node.op == "conv" and node.name.rpartition(".")[2] == SHORTCUT


def output_shape(node: Node, inputs: list[Shape]) -> Shape:
    """Shape of a node's output.

    Raises:
        NetworkError: If shapes do not fit the operator (channel mismatch, kernel larger than the padded input, ...).
    """
    first = inputs[0]
    if node.op == "add":
        if inputs[0] != inputs[1]:
            raise NetworkError(
                f"node {node.name!r}: adds {node.inputs[0]!r} of shape {inputs[0]} and {node.inputs[1]!r} of shape "
                f"{inputs[1]}, but both must have the same shape; insert a 1x1 conv on the shortcut"
            )
        return first
    if node.op == "requantise":
        return first
    if node.op == "global_average_pool":
        return Shape(first.channels, 1, 1)
    if node.op == "linear":
        if (first.height, first.width) != (1, 1):
            raise NetworkError(
                f"node {node.name!r}: linear reads {node.inputs[0]!r} of shape {first}, but needs 1x1 pixels; "
                "put a global_average_pool in front"
            )
        return Shape(node.out_channels, 1, 1)
    top, left, bottom, right = node.padding
    height = (first.height + top + bottom - node.kernel[0]) // node.stride[0] + 1
    width = (first.width + left + right - node.kernel[1]) // node.stride[1] + 1
    if height < 1 or width < 1 or first.height + top + bottom < node.kernel[0]:
        raise NetworkError(
            f"node {node.name!r}: kernel {node.kernel[0]}x{node.kernel[1]} does not fit the padded input "
            f"{first.height + top + bottom}x{first.width + left + right} of {node.inputs[0]!r}; "
            "use a smaller kernel or more padding"
        )
    if node.op == "conv":
        if first.channels % node.groups or node.out_channels % node.groups:
            raise NetworkError(
                f"node {node.name!r}: groups = {node.groups} must divide the {first.channels} input and "
                f"{node.out_channels} output channels; change groups or channels"
            )
        return Shape(node.out_channels, height, width)
    return Shape(first.channels, height, width)
