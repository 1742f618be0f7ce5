"""The operators of a network: a closed union of frozen dataclasses, each with exactly its fields.

The layer-config format is these same classes: the limits stand at the fields (`fields`), `schema` lets pydantic read
them. The field `op` is the operator's name in files and tables; code tells operators apart by `match` on their classes
and ends in `assert_never`, so a class added to `Node` is one that the type checker asks every stage about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, assert_never

from tcugen.network.activation import Activation
from tcugen.network.channels import Concat, Slice
from tcugen.network.errors import NetworkError
from tcugen.network.fields import (
    Alpha,
    Borders,
    Flag,
    Function,
    Name,
    OneInput,
    OneOfTwo,
    Pair,
    Size,
    TwoInputs,
)
from tcugen.network.moving import ChannelShuffle, DepthToSpace, Resize
from tcugen.network.shape import Shape

SHORTCUT = "shortcut"
"""Last part of the name of a convolution that stands for subsampling and channel padding; see `Conv.macs`."""


@dataclass(frozen=True)
class Conv:
    """Two-dimensional convolution with bias; batch normalisation is folded into it.

    `dilation` is the distance between neighbouring taps.
    """

    name: Name
    op: Literal["conv"] = field(default="conv", kw_only=True)
    inputs: OneInput
    out_channels: Size
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Borders = (0, 0, 0, 0)
    groups: Size = 1
    activation: Activation = None
    dilation: Pair = (1, 1)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output. Raises NetworkError if the groups or the kernel do not fit the input."""
        height, width = _windows(self, inputs[0])
        if inputs[0].channels % self.groups or self.out_channels % self.groups:
            raise NetworkError(
                f"node {self.name!r}: groups = {self.groups} must divide the {inputs[0].channels} input and "
                f"{self.out_channels} output channels; change groups or channels"
            )
        return Shape(self.out_channels, height, width)

    def macs(self, inputs: Sequence[Shape]) -> int:
        """Multiply-accumulates for one image.

        A shortcut counts as 0: it moves channels with weights of 1 and 0 where the network itself only subsamples and
        pads, so its products are no work of the network.
        """
        if self.is_shortcut:
            return 0
        output = self.output_shape(inputs)
        taps = self.kernel[0] * self.kernel[1] * (inputs[0].channels // self.groups)
        return taps * output.channels * output.height * output.width

    @property
    def is_shortcut(self) -> bool:
        """Whether it is named as a convolution with constant weights, see SHORTCUT."""
        return self.name.rpartition(".")[2] == SHORTCUT


@dataclass(frozen=True)
class Linear:
    """Fully connected layer with bias on a tensor of 1x1 pixels."""

    name: Name
    op: Literal["linear"] = field(default="linear", kw_only=True)
    inputs: OneInput
    out_channels: Size
    activation: Activation = None

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output. Raises NetworkError if the input has more than one pixel."""
        if (inputs[0].height, inputs[0].width) != (1, 1):
            raise NetworkError(
                f"node {self.name!r}: linear reads {self.inputs[0]!r} of shape {inputs[0]}, but needs 1x1 pixels; "
                "put a global_average_pool in front"
            )
        return Shape(self.out_channels, 1, 1)

    def macs(self, inputs: Sequence[Shape]) -> int:
        """Multiply-accumulates for one image."""
        return inputs[0].channels * self.out_channels


@dataclass(frozen=True)
class Add:
    """Sum of two tensors of one shape; one of them may have a single pixel, which every pixel of the other takes.

    `unrounded` is the index of the input that is not rounded before the sum, if one is not: what a convolution or fully
    connected layer makes for this add alone.
    """

    name: Name
    op: Literal["add"] = field(default="add", kw_only=True)
    inputs: TwoInputs
    activation: Activation = None
    unrounded: OneOfTwo = None

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output. Raises NetworkError if the operands' shapes do not fit together."""
        return _shape_of_both(self, "adds", inputs)

    def macs(self, inputs: Sequence[Shape]) -> int:
        """0."""
        return 0


@dataclass(frozen=True)
class Multiply:
    """Product of two tensors of one shape; one of them may have a single pixel, as for `Add`."""

    name: Name
    op: Literal["multiply"] = field(default="multiply", kw_only=True)
    inputs: TwoInputs
    activation: Activation = None

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output. Raises NetworkError if the operands' shapes do not fit together."""
        return _shape_of_both(self, "multiplies", inputs)

    def macs(self, inputs: Sequence[Shape]) -> int:
        """0: what the output stage does is no work of the array."""
        return 0


@dataclass(frozen=True)
class MaxPool:
    """Maximum over a window; padding never wins. `stride` has no default, since frameworks disagree on it.

    `dilation` is the distance between neighbouring taps. A window whose taps along a row are apart has one row of them:
    of one that has more, layer configs and importers make two max_pools.
    """

    name: Name
    op: Literal["max_pool"] = field(default="max_pool", kw_only=True)
    inputs: OneInput
    kernel: Pair
    stride: Pair
    padding: Borders = (0, 0, 0, 0)
    dilation: Pair = (1, 1)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output. Raises NetworkError if the kernel does not fit, or a window would hold padding only."""
        _check_padding(self)
        output = Shape(inputs[0].channels, *_windows(self, inputs[0]))
        _check_taps(self, inputs[0], output)
        return output

    def macs(self, inputs: Sequence[Shape]) -> int:
        """0."""
        return 0


@dataclass(frozen=True)
class AveragePool:
    """Mean over a window. Padding adds nothing; `count_include_pad` says whether the divisor counts it."""

    name: Name
    op: Literal["average_pool"] = field(default="average_pool", kw_only=True)
    inputs: OneInput
    kernel: Pair
    stride: Pair
    padding: Borders = (0, 0, 0, 0)
    count_include_pad: Flag = False

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output. Raises NetworkError if the kernel does not fit, or a window would hold padding only."""
        _check_padding(self)
        return Shape(inputs[0].channels, *_windows(self, inputs[0]))

    def macs(self, inputs: Sequence[Shape]) -> int:
        """0."""
        return 0


@dataclass(frozen=True)
class GlobalAveragePool:
    """Mean over all pixels of each channel."""

    name: Name
    op: Literal["global_average_pool"] = field(default="global_average_pool", kw_only=True)
    inputs: OneInput

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output."""
        return Shape(inputs[0].channels, 1, 1)

    def macs(self, inputs: Sequence[Shape]) -> int:
        """0."""
        return 0


@dataclass(frozen=True)
class Requantise:
    """Change of scale and zero point alone."""

    name: Name
    op: Literal["requantise"] = field(default="requantise", kw_only=True)
    inputs: OneInput

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output."""
        return inputs[0]

    def macs(self, inputs: Sequence[Shape]) -> int:
        """0."""
        return 0


@dataclass(frozen=True)
class Table:
    """A function of each value by itself: every int8 value has its entry in a table.

    `alpha` is the slope below zero of a leaky_relu, the slope of a hard_sigmoid, the limit of an elu.
    """

    name: Name
    op: Literal["table"] = field(default="table", kw_only=True)
    inputs: OneInput
    function: Function
    alpha: Alpha = None

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output. Raises NetworkError for an alpha that the function does not have."""
        if self.alpha is not None and self.function not in WITH_ALPHA:
            raise NetworkError(
                f"node {self.name!r}: alpha is {self.alpha}, but only {', '.join(WITH_ALPHA)} have one; "
                f"leave it out of a {self.function}"
            )
        return inputs[0]

    def macs(self, inputs: Sequence[Shape]) -> int:
        """0."""
        return 0


WITH_ALPHA = ("leaky_relu", "hard_sigmoid", "elu")
"""Functions of a table that have a number of their own."""

Moving = Resize | DepthToSpace | ChannelShuffle
"""Operators that only move int8 values, to other pixels or channels."""

Node = (
    Conv
    | Linear
    | Add
    | MaxPool
    | AveragePool
    | GlobalAveragePool
    | Requantise
    | Table
    | Concat
    | Slice
    | Moving
    | Multiply
)
"""One operator of a network, in the order in which messages list them."""

Weighted = Conv | Linear
"""Operators with weights and biases; only these may store 32-bit sums."""

Activated = Conv | Linear | Add | Multiply
"""Operators that an activation can follow."""

Pairwise = Add | Multiply
"""Operators that join two tensors value by value."""

Windowed = Conv | MaxPool | AveragePool
"""Operators that slide a window over padded pixels."""


def as_convolution(node: Weighted) -> Conv:
    """The same layer as a convolution: a fully connected one is 1x1."""
    match node:
        case Conv():
            return node
        case Linear():
            return Conv(node.name, node.inputs, node.out_channels, (1, 1), activation=node.activation)
        case _:
            assert_never(node)


def reach(node: Windowed) -> tuple[int, int]:
    """Rows and columns from the first to the last tap of a window, both counted."""
    match node:
        case Conv() | MaxPool():
            (ky, kx), (dy, dx) = node.kernel, node.dilation
            return (ky - 1) * dy + 1, (kx - 1) * dx + 1
        case AveragePool():
            return node.kernel
        case _:
            assert_never(node)


def activation_of(node: Node) -> Activation:
    """The activation that follows; None for operators that none can follow."""
    match node:
        case Conv() | Linear() | Add() | Multiply():
            return node.activation
        case MaxPool() | AveragePool() | GlobalAveragePool() | Requantise() | Table() | Concat() | Slice():
            return None
        case Resize() | DepthToSpace() | ChannelShuffle():
            return None
        case _:
            assert_never(node)


def keeps_quantization(node: Node) -> bool:
    """Whether it only moves int8 values: then its output has the scale and zero point of its input, and no limits."""
    match node:
        case MaxPool() | Slice() | Resize() | DepthToSpace() | ChannelShuffle():
            return True
        case Conv() | Linear() | Add() | AveragePool() | GlobalAveragePool() | Requantise() | Table() | Concat():
            return False
        case Multiply():
            return False
        case _:
            assert_never(node)


def per_channel_operand(inputs: Sequence[Shape]) -> int | None:
    """Which of two operands has one value per channel where the other one has more pixels; None if neither."""
    for index in (1, 0):
        if inputs[index] != inputs[1 - index] and inputs[index] == Shape(inputs[1 - index].channels, 1, 1):
            return index
    return None


def _shape_of_both(node: Pairwise, does: str, inputs: Sequence[Shape]) -> Shape:
    """Shape of two operands joined value by value. Raises NetworkError if they do not fit together."""
    if inputs[0] == inputs[1]:
        return inputs[0]
    single = per_channel_operand(inputs)
    if single is None:
        raise NetworkError(
            f"node {node.name!r}: {does} {node.inputs[0]!r} of shape {inputs[0]} and {node.inputs[1]!r} of shape "
            f"{inputs[1]}, but both must have the same shape, or one of them a single pixel of as many channels; "
            "insert a 1x1 conv on the shortcut"
        )
    return inputs[1 - single]


def _check_padding(node: MaxPool | AveragePool) -> None:
    """Raises NetworkError if a window would hold padding only."""
    edges = ("top", "left", "bottom", "right")
    for edge, padding, side in zip(edges, node.padding, reach(node) * 2, strict=True):
        if padding >= side:
            raise NetworkError(
                f"node {node.name!r}: {edge} padding is {padding}, but must be smaller than the kernel's "
                f"{side}, else a window holds padding only; use at most {side - 1}"
            )


def _check_taps(node: MaxPool, source: Shape, output: Shape) -> None:
    """Raises NetworkError for windows that no machine walks at once, and for one between whose taps the input lies."""
    if min(node.kernel) > 1 and node.dilation[1] > 1:
        raise NetworkError(
            f"node {node.name!r}: its window has {node.kernel[0]} rows, but where taps along a row are "
            f"{node.dilation[1]} pixels apart, it must have one; make two nodes of it with dilated_pool.in_steps"
        )
    for axis, side, outputs in ((0, source.height, output.height), (1, source.width, output.width)):
        for number in range(outputs):
            first = number * node.stride[axis] - node.padding[axis]
            if not any(0 <= first + tap * node.dilation[axis] < side for tap in range(node.kernel[axis])):
                raise NetworkError(
                    f"node {node.name!r}: dilation is {list(node.dilation)}, but {('row', 'column')[axis]} {number} of "
                    f"its output takes padding only; use less padding or a dilation below {side}"
                )


def _windows(node: Windowed, shape: Shape) -> tuple[int, int]:
    """Rows and columns of windows. Raises NetworkError if not even one fits."""
    top, left, bottom, right = node.padding
    rows, columns = shape.height + top + bottom, shape.width + left + right
    kernel = reach(node)
    if rows < kernel[0] or columns < kernel[1]:
        raise NetworkError(
            f"node {node.name!r}: kernel {kernel[0]}x{kernel[1]} does not fit the padded input "
            f"{rows}x{columns} of {node.inputs[0]!r}; use a smaller kernel or more padding"
        )
    return (rows - kernel[0]) // node.stride[0] + 1, (columns - kernel[1]) // node.stride[1] + 1
