"""A depthwise convolution in the pool unit, beside the array, and which ones that takes."""

from dataclasses import dataclass
from typing import Literal

from tcugen.arch import DEPTHWISE_COLUMNS, DEPTHWISE_ROWS, Architecture
from tcugen.network.operators import Conv
from tcugen.network.shape import Shape

_MOST_STRIDE = 15
"""What the fields of the strides hold."""


@dataclass(frozen=True)
class DepthwiseTask:
    """A convolution whose output channels each read one channel, their own, in the pool unit.

    Attributes: as those of `ConvTask`.
    """

    nodes: tuple[str, ...]
    input: str
    output: str
    input_shape: Shape
    output_shape: Shape
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    int32: Literal[False] = False
    residual: None = None
    table: Literal[False] = False
    multiply: Literal[False] = False
    per_channel: Literal[False] = False

    @property
    def name(self) -> str:
        return self.nodes[-1]

    @property
    def sums_channels(self) -> bool:
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """Tensors the task reads."""
        return (self.input,)

    @property
    def input_columns(self) -> int:
        """Columns of the input that one row of results walks over, those outside the picture included."""
        return (self.output_shape.width - 1) * self.stride[1] + DEPTHWISE_COLUMNS

    def weight_bytes(self, architecture: Architecture) -> int:
        """Bytes of weights and parameters of all channel groups."""
        groups = -(-self.output_shape.channels // architecture.rows)
        return groups * architecture.depthwise_block_bytes(self.kernel[0])


def suits_the_pool_unit(conv: Conv, source: Shape) -> bool:
    """Whether the pool unit can compute a convolution of a tensor of shape `source`."""
    return (
        conv.groups == source.channels == conv.out_channels
        and conv.kernel[0] <= DEPTHWISE_ROWS
        and conv.kernel[1] <= DEPTHWISE_COLUMNS
        and (conv.dilation[0] == 1 or conv.kernel[0] == 1)
        and (conv.dilation[1] == 1 or conv.kernel[1] == 1)
        and max(conv.stride) <= _MOST_STRIDE
    )
