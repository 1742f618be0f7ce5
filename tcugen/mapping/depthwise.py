"""A depthwise convolution in the pool unit, beside the array, and which ones that takes."""

from dataclasses import dataclass

from tcugen.arch import DEPTHWISE_COLUMNS, DEPTHWISE_ROWS, DEPTHWISE_STRIDE, Architecture
from tcugen.mapping.pool_unit import InPoolUnit
from tcugen.network.operators import Conv
from tcugen.network.shape import Shape


@dataclass(frozen=True)
class DepthwiseTask(InPoolUnit):
    """A convolution whose output channels each read one channel, their own."""

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
        and max(conv.stride) <= DEPTHWISE_STRIDE
    )
