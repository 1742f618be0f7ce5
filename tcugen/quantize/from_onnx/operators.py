"""What each operator of a float ONNX file becomes."""

from tcugen.quantize.from_onnx import layers, layout
from tcugen.quantize.from_onnx.elementwise import ELEMENTWISE
from tcugen.quantize.from_onnx.reader import Operator

OPERATORS: dict[str, Operator] = {
    "Conv": layers.convolution,
    "Gemm": layers.gemm,
    "MatMul": layers.matmul,
    "BatchNormalization": layers.batch_normalization,
    "MaxPool": layers.max_pool,
    "AveragePool": layers.average_pool,
    "GlobalAveragePool": layers.global_average_pool,
    "GlobalMaxPool": layers.global_max_pool,
    "ReduceMean": layers.reduce_mean,
    "Pad": layers.pad,
    **ELEMENTWISE,
    "Concat": layout.concat,
    "Split": layout.split,
    "Slice": layout.slice_of,
    "Flatten": layout.flatten,
    "Reshape": layout.reshape,
    "Squeeze": layout.squeeze,
    "Unsqueeze": layout.unsqueeze,
    "Transpose": layout.transpose,
    "Identity": layout.identity,
    "Dropout": layout.identity,
    "Cast": layout.cast,
    "Resize": layout.resize,
    "Upsample": layout.resize,
    "DepthToSpace": layout.depth_to_space,
}
"""By the operator's name, with its domain in front unless that is the standard one."""
