"""Convolutions and fully connected layers of a .tflite file."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tcugen.tflite.file import TfliteOperator, TfliteTensor
from tcugen.tflite.translation import Translation

_BIAS_TOLERANCE = 1e-3
"""How far the scale of a bias may be off the product of those of input and weights, as a part of it: converters compute
it in other precisions, and LiteRT does not look at it."""


def conv_2d(t: Translation, op: TfliteOperator) -> None:
    """A convolution; weights are [O, h, w, I]."""
    weights = t.values(op, 1, "weights")
    if weights.ndim != 4:
        raise op.refusal("weights", f"shape {list(weights.shape)}", "a convolution has four dimensions of weights")
    channels = _channels(op, t.tensor(op, 0))
    if channels % weights.shape[3]:
        raise op.refusal("weights", list(weights.shape), f"they do not fit {channels} input channels")
    _convolution(t, op, weights.transpose(0, 3, 1, 2), 0, channels // weights.shape[3])


def depthwise_conv_2d(t: Translation, op: TfliteOperator) -> None:
    """A convolution of each channel by itself; weights are [1, h, w, O], a multiple of outputs to a channel."""
    weights = t.values(op, 1, "weights")
    if weights.ndim != 4 or weights.shape[0] != 1:
        raise op.refusal("weights", f"shape {list(weights.shape)}", "a depthwise convolution has [1, h, w, channels]")
    _convolution(t, op, weights.transpose(3, 0, 1, 2), 3, _channels(op, t.tensor(op, 0)))


def transpose_conv(t: Translation, op: TfliteOperator) -> None:
    """A transposed convolution of input 2; weights are [O, h, w, I], the output's shape is that of its tensor."""
    weights = t.values(op, 1, "weights")
    before, after = t.tensor(op, 2).shape, t.output(op).shape
    if weights.ndim != 4 or len(before) != 4 or len(after) != 4:
        raise op.refusal("weights", f"shape {list(weights.shape)}", "a transposed convolution has four dimensions")
    strides, kernel = _strides(op), weights.shape[1:3]
    whole = [(before[1 + axis] - 1) * strides[axis] + kernel[axis] for axis in range(2)]
    extra = [after[1 + axis] - whole[axis] for axis in range(2)]
    pads = [max(-size, 0) for size in extra]
    start = [size // 2 for size in pads]
    inputs = [t.real(op, 2), _weights(t, op, weights.transpose(3, 0, 1, 2), 0, 1)]
    inputs += _bias(t, op, 3, t.tensor(op, 2))
    made = t.main(
        op,
        "ConvTranspose",
        inputs,
        strides=strides,
        pads=[*start, *(size - first for size, first in zip(pads, start, strict=True))],
        output_padding=[max(size, 0) for size in extra],
    )
    t.finish(op, made)


def fully_connected(t: Translation, op: TfliteOperator) -> None:
    """A fully connected layer on all values of the input; weights are [O, K]."""
    weights = t.values(op, 1, "weights")
    form = op.options.get("WeightsFormat", "DEFAULT")
    if form != "DEFAULT" or weights.ndim != 2:
        raise op.refusal("weights", f"{form}, shape {list(weights.shape)}", "use a plain matrix of weights")
    before, after = t.tensor(op, 0).shape, t.output(op).shape
    count = weights.shape[1]
    if math.prod(before) != count or math.prod(after) != len(weights):
        remedy = f"only one row of {count} values can be multiplied: give the layer an input of that many"
        raise op.refusal("input", f"of shape {list(before)}", remedy)
    real = t.relaid(op, t.real(op, 0), before, (1, count))
    inputs = [real, _weights(t, op, weights, 0, 0), *_bias(t, op, 2, t.tensor(op, 0))]
    made = t.main(op, "Gemm", inputs, transB=1)
    t.finish(op, t.relaid(op, made, (1, len(weights)), after))


def pads_of(op: TfliteOperator, shape: Sequence[int], kernel: Sequence[int], dilations: Sequence[int]) -> list[int]:
    """Padding [top, left, bottom, right] of a window on an input [1, H, W, C], the larger part at the end."""
    padding = op.options.get("Padding", "SAME")
    if padding == "VALID":
        return [0, 0, 0, 0]
    if padding != "SAME":
        raise op.refusal("padding", padding, "use SAME or VALID")
    strides, totals = _strides(op), list[int]()
    for axis in range(2):
        side, reach = shape[1 + axis], (kernel[axis] - 1) * dilations[axis] + 1
        outputs = -(-side // strides[axis])
        totals.append(max((outputs - 1) * strides[axis] + reach - side, 0))
    before = [total // 2 for total in totals]
    return [*before, *(total - first for total, first in zip(totals, before, strict=True))]


def window_attributes(
    op: TfliteOperator, shape: Sequence[int], kernel: Sequence[int], dilations: Sequence[int] = (1, 1)
) -> dict[str, Any]:
    """Kernel, strides, dilations and padding as ONNX has them. Raises Refused if they are none."""
    strides = _strides(op)
    if min(*strides, *dilations, *kernel) < 1:
        values = f"strides {strides}, dilations {list(dilations)}, window {list(kernel)}"
        raise op.refusal("options", values, "each must be at least 1: convert the model again")
    return {
        "kernel_shape": list(kernel),
        "strides": strides,
        "dilations": list(dilations),
        "pads": pads_of(op, shape, kernel, dilations),
    }


def _strides(op: TfliteOperator) -> list[int]:
    return [int(op.options.get("StrideH", 1)), int(op.options.get("StrideW", 1))]


def _channels(op: TfliteOperator, x: TfliteTensor) -> int:
    if len(x.shape) != 4:
        raise op.refusal(f"input {x.name!r}", f"of shape {list(x.shape)}", "use [1, height, width, channels]")
    return x.shape[3]


def _convolution(t: Translation, op: TfliteOperator, weights: npt.NDArray[Any], dimension: int, groups: int) -> None:
    """`weights` are [O, I / groups, h, w]; `dimension` is that of output channels in the file."""
    x = t.tensor(op, 0)
    dilations = [int(op.options.get("DilationHFactor", 1)), int(op.options.get("DilationWFactor", 1))]
    inputs = [t.real(op, 0), _weights(t, op, weights, dimension, 0), *_bias(t, op, 2, x)]
    attributes = window_attributes(op, x.shape, weights.shape[2:], dilations)
    t.finish(op, t.main(op, "Conv", inputs, group=groups, **attributes))


def _weights(t: Translation, op: TfliteOperator, array: npt.NDArray[Any], dimension: int, axis: int) -> str:
    """Real weights whose scales run along `dimension` in the file and along `axis` in the graph."""
    tensor = t.model.tensors[op.inputs[1]]
    if tensor.scale.size > 1 and tensor.dimension != dimension:
        raise op.refusal("weight scale", f"along dimension {tensor.dimension}", f"it must be {dimension}")
    if tensor.scale.size not in (0, 1, array.shape[axis]):
        what = f"{tensor.scale.size} values for {array.shape[axis]} output channels"
        raise op.refusal("weight scale", what, "give one to each, or one for all")
    return t.quantized(op, tensor, np.ascontiguousarray(array), axis)


def _bias(t: Translation, op: TfliteOperator, index: int, x: TfliteTensor) -> list[str]:
    """The bias, which has the scale of the sums by definition, as an input of its own; none if it is left out."""
    if not op.has_input(index):
        return []
    bias, weights = t.values(op, index, "bias"), t.tensor(op, 1)
    if bias.dtype != np.int32:
        raise op.refusal("bias", bias.dtype, "use a bias of 32-bit integers")
    sums = x.scale * weights.scale
    stated = t.tensor(op, index).scale
    if stated.size and (stated.size not in (1, sums.size) or not np.allclose(stated, sums, rtol=_BIAS_TOLERANCE)):
        raise op.refusal("scale of the bias", stated[0], "it must be that of the input times that of the weights")
    scales = np.broadcast_to(sums, bias.shape) if sums.size == 1 else sums
    inputs = (t.constant(bias, np.int32), t.constant(scales, np.float32), t.constant(np.zeros(bias.shape), np.int32))
    return [t.helper(op, "DequantizeLinear", inputs, axis=0)]
