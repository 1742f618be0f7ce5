"""Maxima and averages, between DequantizeLinear and QuantizeLinear and on integers."""

from dataclasses import replace

from tcugen.model.problems import Unavailable
from tcugen.network.operators import GlobalAveragePool, MaxPool
from tcugen.onnx.importer.geometry import review_window, window
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.values import Average, Image, Pool, Quantized, Real, Stored, Unknown, Value
from tcugen.onnx.importer.walk import Review, Walk

_WHOLE = "only the average over the whole tensor runs on the hardware"


def max_pool(walk: Walk, node: OnnxNode) -> Value:
    """A maximum over windows, on real values or on integers. Refused: dilation, and the image before it is rounded."""
    kernel = list(node.attributes.get("kernel_shape", []))
    review = Review(node)
    review_window(review, kernel)
    review.done()
    value, shape = walk.activation(node, 0)
    pool = Pool(node, *window(node, kernel, shape))
    MaxPool(node.name, (node.inputs[0],), pool.kernel, pool.stride, pool.padding).output_shape([shape])
    if isinstance(value, Unknown):
        raise Unavailable
    if isinstance(value, Quantized):
        own = walk.builder.quantization(value.tensor)
        tensor = walk.builder.quantise(Real(Stored(value.tensor), pools=(pool,)), own, node)
        return Quantized(tensor, value.unsigned, value.flat)
    if isinstance(value.base, Image):
        raise node.refusal("input", "the image, not quantized", "put QuantizeLinear at the input")
    return replace(value, pools=(*value.pools, pool), last=node)


def global_average_pool(walk: Walk, node: OnnxNode) -> Real:
    """The mean of each channel of a rounded tensor."""
    x, _ = walk.tensor(node, 0)
    return _average(walk, node, x, False)


def average_pool(walk: Walk, node: OnnxNode) -> Real:
    """The same, by a window as large as the tensor. Refused: any other window, and padding."""
    _review_average(node)
    _check_whole(walk, node)
    x, _ = walk.tensor(node, 0)
    return _average(walk, node, x, False)


def reduce_mean(walk: Walk, node: OnnxNode) -> Real:
    """The same, over axes 2 and 3. Refused: any other axes."""
    flat = _reduces_pixels(walk, node)
    x, _ = walk.tensor(node, 0)
    return _average(walk, node, x, flat)


def qlinear_global_average_pool(walk: Walk, node: OnnxNode) -> Quantized:
    """The mean of each channel of an int8 tensor."""
    _review_average(node)
    return _quantized_average(walk, node)


def qlinear_average_pool(walk: Walk, node: OnnxNode) -> Quantized:
    """The same, by a window as large as the tensor. Refused: any other window, and padding."""
    _review_average(node)
    _check_whole(walk, node)
    return _quantized_average(walk, node)


def _review_average(node: OnnxNode) -> None:
    review = Review(node)
    review.fixed("channels_last", 0, "keep channels in front of rows and columns")
    pads, auto = node.attributes.get("pads", []), node.attributes.get("auto_pad", "NOTSET")
    review.require(not any(pads), "pads", pads, _WHOLE)
    review.require(auto in ("NOTSET", "VALID"), "auto_pad", auto, _WHOLE)
    review.done()


def _check_whole(walk: Walk, node: OnnxNode) -> None:
    (_, shape), kernel = walk.activation(node, 0), list(node.attributes.get("kernel_shape", []))
    if kernel != [shape.height, shape.width]:
        raise node.refusal("kernel_shape", kernel, f"{_WHOLE} of {shape.height}x{shape.width}")


def _reduces_pixels(walk: Walk, node: OnnxNode) -> bool:
    """Whether a mean over rows and columns leaves two dimensions. Raises Refused if it goes over others."""
    axes = node.attributes.get("axes")
    if axes is None and node.has_input(1):
        axes = walk.parameter(node, 1, "axes").reshape(-1).tolist()
    if axes is None or sorted(axis % 4 for axis in axes) != [2, 3]:
        raise node.refusal("axes", axes, f"{_WHOLE}: average over axes 2 and 3")
    return not node.attributes.get("keepdims", 1)


def _average(walk: Walk, node: OnnxNode, x: str, flat: bool) -> Real:
    shape = GlobalAveragePool(node.name, (x,)).output_shape([walk.builder.shapes[x]])
    return Real(Average(node, x, shape), flat=flat)


def _quantized_average(walk: Walk, node: OnnxNode) -> Quantized:
    x = walk.quantized(node, 0, stated=1)
    quantization, unsigned = walk.quantization(node, 3, x.unsigned)
    return walk.quantise(node, _average(walk, node, x.tensor, False), quantization, unsigned)
