"""What is still known of the result of a node that was refused, or that depends on one."""

from tcugen.network.graph import Shape
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.values import (
    CHANNELS_FIRST,
    ROW,
    Convolution,
    Image,
    Origin,
    Real,
    Stored,
    Unknown,
    is_constant,
)
from tcugen.onnx.importer.walk import Walk

_CONVOLUTIONS = ("Conv", "Gemm", "MatMul", "BatchNormalization")
_AVERAGES = ("GlobalAveragePool", "AveragePool", "ReduceMean")
_LAYOUT = ("Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Pad")
_LIMITS = ("Relu", "Clip", "MaxPool")


def after_refusal(walk: Walk, node: OnnxNode) -> Unknown:
    """The value of the node's first output: its shape, as far as ONNX's inference finds it, and how it came about."""
    origin = _origin(walk, node)
    shape = walk.graph.inferred_shapes.get(node.outputs[0])
    if shape is None or len(shape) not in (2, 4):
        return Unknown(origin=origin)
    return Unknown(Shape(*shape[1:], *(1, 1)[: 4 - len(shape)]), ROW if len(shape) == 2 else CHANNELS_FIRST, origin)


def _origin(walk: Walk, node: OnnxNode) -> Origin:
    values = [walk.values[name] for name in node.inputs if name]
    if values and all(map(is_constant, values)):
        return Origin.CONSTANT
    if node.op in _CONVOLUTIONS:
        return Origin.CONVOLUTION
    if node.op in _AVERAGES:
        return Origin.COMPUTED
    if node.op in ("Add", "Sub", "Sum", "Mul", "Div"):
        # A constant joins the convolution before it, or becomes one on a rounded tensor.
        return Origin.CONVOLUTION if any(map(is_constant, values)) else Origin.COMPUTED
    if node.op not in (*_LAYOUT, *_LIMITS):
        return Origin.UNKNOWN
    before = values[0].origin if isinstance(values[0], Unknown) else _origin_of_real(values[0])
    if before is Origin.CONVOLUTION and node.op in _LIMITS:
        return Origin.COMPUTED
    return before


def _origin_of_real(value: object) -> Origin:
    if not isinstance(value, Real) or isinstance(value.base, Image | Stored):
        return Origin.UNKNOWN
    joins = isinstance(value.base, Convolution) and not value.is_clipped and not value.pools
    return Origin.CONVOLUTION if joins else Origin.COMPUTED
