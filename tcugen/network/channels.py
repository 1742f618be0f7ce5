"""Operators on ranges of channels; `operators` has the others, and the union of all."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tcugen.network.errors import NetworkError
from tcugen.network.fields import MAX_SIZE, ChannelRange, Flags, Name, OneInput, SeveralInputs
from tcugen.network.shape import Shape


@dataclass(frozen=True)
class Concat:
    """Channels of several tensors one after the other; each may have another scale than the output.

    `same_scale` says of each whether it has the scale and zero point of the output, so that its values only move; where
    it is left out, nothing is known.
    """

    name: Name
    op: Literal["concat"] = field(default="concat", kw_only=True)
    inputs: SeveralInputs
    same_scale: Flags = ()

    @property
    def moved(self) -> tuple[bool, ...]:
        """For each input, whether its values only move."""
        return self.same_scale or (False,) * len(self.inputs)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output. Raises NetworkError if rows or columns differ, the channels are too many, or not every
        input has its flag."""
        if self.same_scale and len(self.same_scale) != len(self.inputs):
            raise NetworkError(
                f"node {self.name!r}: same_scale has {len(self.same_scale)} values, but the node reads "
                f"{len(self.inputs)} tensors; write one for each, or leave it out"
            )
        first, channels = inputs[0], sum(shape.channels for shape in inputs)
        for tensor, shape in zip(self.inputs, inputs, strict=True):
            if (shape.height, shape.width) != (first.height, first.width):
                raise NetworkError(
                    f"node {self.name!r}: concatenates {self.inputs[0]!r} of shape {first} and {tensor!r} of shape "
                    f"{shape}, but all must have the same rows and columns; change stride or padding before it"
                )
        if channels > MAX_SIZE:
            raise NetworkError(
                f"node {self.name!r}: concatenates {channels} channels, but a tensor has at most {MAX_SIZE}; "
                "concatenate fewer tensors"
            )
        return Shape(channels, first.height, first.width)

    def macs(self, inputs: Sequence[Shape]) -> int:
        """0."""
        return 0


@dataclass(frozen=True)
class Slice:
    """Channels `channels[0]` .. `channels[1] - 1` of a tensor."""

    name: Name
    op: Literal["slice"] = field(default="slice", kw_only=True)
    inputs: OneInput
    channels: ChannelRange

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output. Raises NetworkError if the input does not have these channels, or there are none."""
        (start, stop), shape = self.channels, inputs[0]
        if not start < stop <= shape.channels:
            raise NetworkError(
                f"node {self.name!r}: channels is [{start}, {stop}], but start must be below stop, and stop at most "
                f"the {shape.channels} channels of {self.inputs[0]!r}; choose a range inside them"
            )
        return Shape(stop - start, shape.height, shape.width)

    def macs(self, inputs: Sequence[Shape]) -> int:
        """0."""
        return 0
