"""What is understood of .tflite files."""

from collections.abc import Callable

from tcugen.tflite import arranging, pools, weighted
from tcugen.tflite.file import TfliteOperator
from tcugen.tflite.pointwise import POINTWISE
from tcugen.tflite.translation import Translation

OPERATORS: dict[str, Callable[[Translation, TfliteOperator], None]] = {
    **POINTWISE,
    "CONV_2D": weighted.conv_2d,
    "DEPTHWISE_CONV_2D": weighted.depthwise_conv_2d,
    "TRANSPOSE_CONV": weighted.transpose_conv,
    "FULLY_CONNECTED": weighted.fully_connected,
    "MAX_POOL_2D": pools.max_pool_2d,
    "AVERAGE_POOL_2D": pools.average_pool_2d,
    "MEAN": pools.mean,
    "REDUCE_MAX": pools.reduce_max,
    "PAD": pools.pad,
    "PADV2": pools.pad,
    "RESHAPE": arranging.reshape,
    "SQUEEZE": arranging.reshape,
    "EXPAND_DIMS": arranging.reshape,
    "CONCATENATION": arranging.concatenation,
    "SPLIT": arranging.split,
    "SPLIT_V": arranging.split_v,
    "SLICE": arranging.slice_of,
    "STRIDED_SLICE": arranging.strided_slice,
    "RESIZE_NEAREST_NEIGHBOR": arranging.resize_nearest_neighbor,
    "DEPTH_TO_SPACE": arranging.depth_to_space,
}
"""By name in the format. Each writes what makes the operator's outputs, or raises Refused."""

SEVERAL_OUTPUTS = ("SPLIT", "SPLIT_V")

LEFT_TO_HOST = ("SOFTMAX", "LOG_SOFTMAX", "ARG_MAX")
"""Operators that a model may end in: what goes into them becomes the output."""

REMEDIES = {
    **dict.fromkeys(LEFT_TO_HOST, "end the model in front of it: the host does what comes after"),
    "SPACE_TO_BATCH_ND": "convert with dilations in the convolution itself",
    "BATCH_TO_SPACE_ND": "convert with dilations in the convolution itself",
    "RESIZE_BILINEAR": "use the nearest neighbour at whole factors, or let the host compute it",
}
"""What helps against operators that are not understood, where it is something else than for all."""
