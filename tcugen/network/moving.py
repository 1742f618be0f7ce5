"""Operators that only move int8 values, to other pixels or channels; part of the union in `operators`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tcugen.network.errors import NetworkError
from tcugen.network.fields import MAX_SIZE, BlockMode, Name, OneInput, Pair, Side, Size
from tcugen.network.shape import Shape


@dataclass(frozen=True)
class Resize:
    """Every pixel `factor[0]` times below and `factor[1]` times beside one another: the nearest neighbour."""

    name: Name
    op: Literal["resize"] = field(default="resize", kw_only=True)
    inputs: OneInput
    factor: Pair

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output. Raises NetworkError if it has too many rows or columns."""
        shape = inputs[0]
        height, width = shape.height * self.factor[0], shape.width * self.factor[1]
        if max(height, width) > MAX_SIZE:
            raise NetworkError(
                f"node {self.name!r}: makes {height}x{width} pixels, but a tensor has at most {MAX_SIZE} rows and "
                "columns; use a smaller factor"
            )
        return Shape(shape.channels, height, width)

    def macs(self, inputs: Sequence[Shape]) -> int:
        """0."""
        return 0


@dataclass(frozen=True)
class DepthToSpace:
    """Channels become pixels: a block of `block` x `block` of every pixel.

    Input channel (y * block + x) * C + c of mode DCR, c * block**2 + y * block + x of mode CRD, is pixel (y, x) of the
    block in output channel c, out of C.
    """

    name: Name
    op: Literal["depth_to_space"] = field(default="depth_to_space", kw_only=True)
    inputs: OneInput
    block: Side
    mode: BlockMode = "DCR"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output. Raises NetworkError if the channels make no whole blocks, or pixels are too many."""
        shape, places = inputs[0], self.block**2
        height, width = shape.height * self.block, shape.width * self.block
        if shape.channels % places:
            raise NetworkError(
                f"node {self.name!r}: block = {self.block} makes {places} pixels of one, but {places} does not divide "
                f"the {shape.channels} channels of {self.inputs[0]!r}; change block or channels"
            )
        if max(height, width) > MAX_SIZE:
            raise NetworkError(
                f"node {self.name!r}: makes {height}x{width} pixels, but a tensor has at most {MAX_SIZE} rows and "
                "columns; use a smaller block"
            )
        return Shape(shape.channels // places, height, width)

    def macs(self, inputs: Sequence[Shape]) -> int:
        """0."""
        return 0


@dataclass(frozen=True)
class ChannelShuffle:
    """One channel of each group in turn: input channel g * C / groups + c is output channel c * groups + g."""

    name: Name
    op: Literal["channel_shuffle"] = field(default="channel_shuffle", kw_only=True)
    inputs: OneInput
    groups: Size

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output. Raises NetworkError if the groups do not divide the channels."""
        if inputs[0].channels % self.groups:
            raise NetworkError(
                f"node {self.name!r}: groups = {self.groups} must divide the {inputs[0].channels} channels of "
                f"{self.inputs[0]!r}; change groups or channels"
            )
        return inputs[0]

    def macs(self, inputs: Sequence[Shape]) -> int:
        """0."""
        return 0
