"""Scales, zero points, weights and biases of a file as the hardware has them."""

from dataclasses import dataclass

import numpy as np

from tcugen.model.quantized import Quantization
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.values import Constant, Known, QuantizedConstant, Unknown, Value

INT32_MAX = 2**31 - 1

SUBNORMAL = float(np.finfo(np.float32).smallest_subnormal)
"""The least scale that a constant may have: products of scales of constant channels get there."""


def scale_of(
    node: OnnxNode, array: np.ndarray, what: str = "scale", smallest: float = float(np.finfo(np.float32).tiny)
) -> np.ndarray:
    """float32 scales, scalar or [n].

    Raises:
        Refused: If one is below `smallest` or not finite.
    """
    scale = np.asarray(array).astype(np.float32)
    scale = scale.reshape(()) if scale.size == 1 else scale
    bad = ~((scale >= smallest) & np.isfinite(scale))
    if scale.size == 0 or bad.any():
        value = "nothing" if scale.size == 0 else scale[bad].flat[0]
        raise node.refusal(
            what, value, "a scale must be a positive normal number: calibrate with data that is not constant"
        )
    return scale


def activation_quantization(
    node: OnnxNode, scale: np.ndarray, zero_point: np.ndarray | None, unsigned: bool, what: str = "scale"
) -> tuple[Quantization, bool]:
    """Quantization of an activation tensor as int8, and whether the file has it as uint8.

    Args:
        zero_point: Its type tells uint8 from int8; None is 0 of the type that `unsigned` says.

    Raises:
        Refused: For other types, for a scale or zero point per channel and for scales that are not positive.
    """
    dtype = np.dtype(np.uint8 if unsigned else np.int8) if zero_point is None else zero_point.dtype
    if dtype not in (np.dtype(np.int8), np.dtype(np.uint8)):
        raise node.refusal("zero point type", dtype, "quantize activations to int8 or uint8")
    points = np.zeros((), np.int64) if zero_point is None else zero_point.astype(np.int64)
    if scale.size != 1 or points.size != 1:
        raise node.refusal(
            what, f"{max(scale.size, points.size)} values", "quantize activations per tensor, not per channel"
        )
    shift = 128 if dtype == np.uint8 else 0
    return Quantization(np.float32(scale_of(node, scale, what)), int(points.reshape(())) - shift), dtype == np.uint8


def weights_of(node: OnnxNode, value: Known, output_axis: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Weights without zero point.

    Args:
        value: As the file has them.
        output_axis: The dimension of output channels.

    Returns:
        int8 weights of the same shape, float32 [O] scales, and whether a zero point was taken out.

    Raises:
        Refused: If the weights are not quantized, not along output channels, or do not fit int8 without zero point.
    """
    if isinstance(value, Constant):
        if np.issubdtype(value.array.dtype, np.floating) and np.isnan(value.array).any():
            raise node.refusal("weights", "NaN", "the trained weights are damaged: export them again")
        raise node.refusal(
            "weights", value.array.dtype, "quantize the weights too (int8 before a DequantizeLinear, or QLinear form)"
        )
    channels = value.integers.shape[output_axis]
    for what, values in (("weight scale", value.scale), ("weight zero point", value.zero_point)):
        if values.ndim and (value.axis != output_axis or values.shape != (channels,)):
            raise node.refusal(
                what,
                f"{values.size} values along dimension {value.axis}",
                f"use one for the tensor or one for each of the {channels} output channels",
            )
    centred = value.centred()
    if centred.min(initial=0) < -128 or centred.max(initial=0) > 127:
        raise node.refusal(
            "weight zero point",
            ", ".join(map(str, np.unique(value.zero_point)[:4])),
            f"weights less their zero point reach [{centred.min()}, {centred.max()}], outside int8: "
            "quantize weights symmetrically",
        )
    scales = np.broadcast_to(scale_of(node, value.scale, "weight scale", SUBNORMAL), (channels,)).astype(np.float32)
    # No input gets such weights anywhere near a step of the output.
    tiny = np.finfo(np.float32).tiny
    vanishing = (scales < tiny).reshape([-1 if axis == output_axis else 1 for axis in range(centred.ndim)])
    centred, scales = np.where(vanishing, 0, centred), np.maximum(scales, tiny)
    return centred.astype(np.int8), scales, bool(value.zero_point.any())


def checked_bias(node: OnnxNode, value: Value | None, channels: int, broadcast: bool) -> Known | Unknown | None:
    """The bias, None for none; one downstream of a refused node is let through.

    Raises:
        Refused: If it is no constant of one finite value per channel, or one for all if it may `broadcast`.
    """
    if value is None or isinstance(value, Unknown):
        return value
    if not isinstance(value, QuantizedConstant | Constant):
        raise node.refusal("bias", "computed at run time", "use a constant bias")
    real = value.real() if isinstance(value, QuantizedConstant) else value.array.astype(np.float64)
    if real.size != channels and not (broadcast and real.size == 1):
        raise node.refusal("bias", f"{real.size} values", f"the bias must have one for each of {channels} channels")
    if not np.isfinite(real).all():
        raise node.refusal("bias", real[~np.isfinite(real)][0], "the bias must be finite: export the model again")
    return value


def bias_of(
    node: OnnxNode,
    value: Known | None,
    channels: int,
    sum_scale: np.ndarray,
    broadcast: bool = False,
) -> tuple[np.ndarray, np.ndarray | None]:
    """The real bias, and its integers if they are there in the scale of the sums.

    Args:
        value: As the file has it: real numbers, or integers with a scale; None for none.
        sum_scale: float32 [O] s_x * s_w, rounded to float32.
        broadcast: Whether one value may stand for all channels, as in Gemm and Add.

    Returns:
        float64 [O]; int32 [O] or None.

    Raises:
        Refused: If it is not finite or has another number of values.
    """
    if value is None:
        return np.zeros(channels), np.zeros(channels, np.int32)
    checked_bias(node, value, channels, broadcast)
    real = (value.real() if isinstance(value, QuantizedConstant) else value.array.astype(np.float64)).reshape(-1)
    real = np.broadcast_to(real, (channels,))
    if isinstance(value, QuantizedConstant) and value.integers.dtype == np.int32:
        same_scale = np.array_equal(np.broadcast_to(value.scale, (channels,)), sum_scale)
        if same_scale and not value.zero_point.any():
            return real, np.broadcast_to(value.integers.reshape(-1), (channels,)).copy()
    return real, None


@dataclass(frozen=True)
class BiasError:
    """What rounding a bias to the scale of the sums cost.

    Attributes:
        node: Name in the network.
        steps: Largest distance in units of the sums; at most 0.5.
        real: Largest distance in real numbers.
    """

    node: str
    steps: float
    real: float


def rounded_bias(
    node: OnnxNode, name: str, bias: np.ndarray, s_x: np.float32, s_w: np.ndarray
) -> tuple[np.ndarray, BiasError]:
    """rne(b / (s_x * s_w)) in double, int32 [O].

    Raises:
        Refused: If it does not fit 32 bits.
    """
    sum_scale = np.float64(s_x) * s_w.astype(np.float64)
    exact = bias / sum_scale
    integers = np.rint(exact)
    if np.abs(integers).max(initial=0) > INT32_MAX:
        channel = int(np.abs(integers).argmax())
        raise node.refusal(
            "bias",
            bias[channel],
            f"{integers[channel]:.0f} steps of channel {channel} do not fit 32 bits: use a larger weight scale there",
        )
    distance = np.abs(exact - integers)
    error = BiasError(name, float(distance.max(initial=0)), float((distance * sum_scale).max(initial=0)))
    return integers.astype(np.int32), error
