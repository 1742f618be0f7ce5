"""Maxima and averages, between DequantizeLinear and QuantizeLinear and on integers."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tcugen.model.problems import Unavailable
from tcugen.network.fields import MAX_KERNEL
from tcugen.network.operators import AveragePool, GlobalAveragePool
from tcugen.onnx.importer.geometry import review_dilated_pool, review_window, window
from tcugen.onnx.importer.moving import pool_nodes
from tcugen.onnx.importer.moving_operators import arranged
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.values import (
    CHANNELS_FIRST,
    ROW,
    Average,
    Border,
    Layout,
    Pool,
    Quantized,
    Real,
    Stored,
    Unknown,
    Value,
)
from tcugen.onnx.importer.walk import Review, Walk

_WHOLE = "only the average over the whole tensor runs on the hardware"


def max_pool(walk: Walk, node: OnnxNode) -> Value:
    """A maximum over windows, on real values or on integers. Refused: the image before it is rounded."""
    kernel = list(node.attributes.get("kernel_shape", []))
    review = Review(node)
    review_window(review, kernel, may_dilate=True)
    review_dilated_pool(review)
    review.done()
    walk.check_planes(node, 0)
    value, shape = walk.activation(node, 0)
    distance = node.attributes.get("dilations", [1, 1])
    pool = Pool(node, *window(node, kernel, shape), (distance[0], distance[1]))
    for step in pool_nodes(node.name, node.inputs[0], pool, shape):
        shape = step.output_shape([shape])
    return arranged(walk, node, value, pool)


def global_max_pool(walk: Walk, node: OnnxNode) -> Value:
    """The maximum over all pixels."""
    walk.check_planes(node, 0)
    value, shape = walk.activation(node, 0)
    kernel = (shape.height, shape.width)
    if max(kernel) > MAX_KERNEL:
        raise node.refusal("input", f"{kernel[0]}x{kernel[1]} pixels", f"use windows of at most {MAX_KERNEL}, twice")
    return arranged(walk, node, value, Pool(node, kernel, (1, 1), (0, 0, 0, 0)))


def pad(walk: Walk, node: OnnxNode) -> Value:
    """Zeros around the pixels, on real values or on integers, where the zero point stands for zero.

    Real values may also get the lowest number there is, in front of a maximum, which leaves it out.

    Refused: other values, padding of other dimensions, and less than none.
    """
    mode = node.attributes.get("mode", "constant")
    if mode != "constant":
        raise node.refusal("mode", mode, "only zeros can be put around a picture: use mode constant")
    walk.check_planes(node, 0)
    value, _ = walk.activation(node, 0)
    border = Border(node, _padding(walk, node))
    given = walk.constant(node, 2, "value")
    number = float(node.attributes.get("value", 0.0)) if given is None else float(given.reshape(-1)[0])
    if isinstance(value, Unknown):
        raise Unavailable
    if isinstance(value, Real):
        lowest = number <= np.finfo(np.float32).min
        if number != 0 and not lowest:
            raise node.refusal("value", number, "only zeros can be put around a picture: use 0")
        return value.pooled(replace(border, lowest=lowest), node)
    own = walk.builder.quantization(value.tensor)
    zero = own.zero_point + (128 if value.unsigned else 0)
    if number != zero:
        raise node.refusal("value", number, f"only the zero point can be put around a picture: use {zero}")
    tensor = walk.builder.quantise(Real(Stored(value.tensor), pools=(border,)), own, node)
    return replace(value, tensor=tensor)


def _padding(walk: Walk, node: OnnxNode) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of a Pad."""
    if node.has_input(1):
        pads = [int(pad) for pad in walk.parameter(node, 1, "pads").reshape(-1)]
    else:
        pads = list(node.attributes.get("pads", []))
    axes = [int(a) % 4 for a in walk.parameter(node, 3, "axes").reshape(-1)] if node.has_input(3) else [0, 1, 2, 3]
    if len(pads) != 2 * len(axes):
        raise node.refusal("pads", pads, f"{len(axes)} dimensions need {2 * len(axes)} values: export the model again")
    before, after = dict.fromkeys(range(4), 0), dict.fromkeys(range(4), 0)
    before |= dict(zip(axes, pads, strict=False))
    after |= dict(zip(axes, pads[len(axes) :], strict=True))
    if min(pads, default=0) < 0 or any(side[axis] for side in (before, after) for axis in (0, 1)):
        raise node.refusal("pads", pads, "only rows and columns can be padded, and none taken away")
    return before[2], before[3], after[2], after[3]


def global_average_pool(walk: Walk, node: OnnxNode) -> Real:
    """The mean of each channel of a rounded tensor."""
    return _average(walk, node, walk.planes(node, 0))


def average_pool(walk: Walk, node: OnnxNode) -> Real:
    """The mean over windows of a rounded tensor."""
    _review_average(node)
    return _window_average(walk, node, walk.planes(node, 0))


def reduce_mean(walk: Walk, node: OnnxNode) -> Real:
    """The same, over the axes of rows and columns. Refused: any other axes."""
    value = walk.values[node.inputs[0]]
    before = value.layout if isinstance(value, Real) else CHANNELS_FIRST
    if before.flat:
        walk.check_planes(node, 0)
    flat = _reduces_pixels(walk, node, [1, 2] if before.channels_last else [2, 3])
    return _average(walk, node, walk.tensor(node, 0)[0], ROW if flat else before)


def qlinear_global_average_pool(walk: Walk, node: OnnxNode) -> Quantized:
    """The mean of each channel of an int8 tensor."""
    review = Review(node)
    review.fixed("channels_last", 0, "keep channels in front of rows and columns")
    review.done()
    return _quantized_average(walk, node, _average)


def qlinear_average_pool(walk: Walk, node: OnnxNode) -> Quantized:
    """The mean over windows of an int8 tensor."""
    _review_average(node)
    return _quantized_average(walk, node, _window_average)


def _review_average(node: OnnxNode) -> None:
    review = Review(node)
    review.fixed("channels_last", 0, "keep channels in front of rows and columns")
    review_window(review, list(node.attributes.get("kernel_shape", [])), may_dilate=False)
    review.done()


def _window_average(walk: Walk, node: OnnxNode, x: str) -> Real:
    """The mean over windows of tensor `x`; over all pixels, where its only window covers them."""
    builder, shape = walk.builder, walk.builder.shapes[x]
    kernel, stride, padding = window(node, list(node.attributes["kernel_shape"]), shape)
    if kernel == (shape.height, shape.width) and not any(padding):
        return _average(walk, node, x)
    counts_padding = bool(node.attributes.get("count_include_pad", 0))
    _, _, given = window(replace(node, attributes=node.attributes | {"ceil_mode": 0}), list(kernel), shape)
    if counts_padding and padding != given and not node.op.startswith("com.microsoft."):
        # What a last window sticks out by with ceil_mode is not counted, the padding in the file is; but ONNX Runtime's
        # kernel for integers counts both.
        x = builder.quantise(Real(Stored(x), pools=(Border(node, given),)), builder.quantization(x), node)
        padding, counts_padding = (0, 0, padding[2] - given[2], padding[3] - given[3]), False
    inner, border = builder.without_border(x)
    if any(border) and (counts_padding or not any(padding)):
        top, left, bottom, right = (one + other for one, other in zip(border, padding, strict=True))
        if max(top, bottom) < kernel[0] and max(left, right) < kernel[1]:
            x, padding, counts_padding = inner, (top, left, bottom, right), True
    pool = AveragePool(node.name, (x,), kernel, stride, padding, counts_padding)
    return Real(Average(node, x, pool.output_shape([builder.shapes[x]]), pool))


def _reduces_pixels(walk: Walk, node: OnnxNode, pixels: list[int]) -> bool:
    """Whether a mean over the axes `pixels` leaves two dimensions. Raises Refused if it goes over others."""
    axes = node.attributes.get("axes")
    if axes is None and node.has_input(1):
        axes = walk.parameter(node, 1, "axes").reshape(-1).tolist()
    if axes is None or sorted(axis % 4 for axis in axes) != pixels:
        raise node.refusal("axes", axes, f"{_WHOLE}: average over axes {pixels[0]} and {pixels[1]}")
    return not node.attributes.get("keepdims", 1)


def _average(walk: Walk, node: OnnxNode, x: str, layout: Layout = CHANNELS_FIRST) -> Real:
    shape = GlobalAveragePool(node.name, (x,)).output_shape([walk.builder.shapes[x]])
    return Real(Average(node, x, shape), layout=layout)


def _quantized_average(walk: Walk, node: OnnxNode, mean: Callable[[Walk, OnnxNode, str], Real]) -> Quantized:
    walk.check_planes(node, 0)
    x = walk.quantized(node, 0, stated=1)
    quantization, unsigned = walk.quantization(node, 3, x.unsigned)
    return walk.quantise(node, mean(walk, node, x.tensor), quantization, unsigned)
