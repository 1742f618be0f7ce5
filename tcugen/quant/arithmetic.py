"""The integer arithmetic of a quantized network: every rounding rule, once.

Two halves. The parameter rules turn scales into multipliers with IEEE single-precision NumPy arithmetic. The tensor
rules take PyTorch tensors and return int8; they call tensor methods only, so that importing this module does not import
PyTorch. All roundings are to nearest, ties to even.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

MULTIPLIER_EXPONENTS = (-40, 8)
ADD_RATIO_EXPONENTS = (-16, 8)
INT8_RANGE = (-128, 127)


class QuantizationError(ValueError):
    """Scales, integers or tensors outside the arithmetic's limits. The message names layer, value, rule and remedy."""


# Parameter rules.


def _scale(value: float, what: str, layer: str) -> np.ndarray:
    """Scales as float32; they must be positive, finite and normal."""
    scale = np.asarray(value, dtype=np.float32)
    bad = ~((scale >= np.finfo(np.float32).tiny) & np.isfinite(scale))
    if bad.any():
        raise QuantizationError(
            f"layer {layer!r}: {what} holds {scale[bad].flat[0]!s}, but a scale must be a positive normal float32; "
            "recalibrate the layer with data that is not constant"
        )
    return scale


def _in_powers_of_two(value: np.ndarray, exponents: tuple[int, int], what: str, layer: str) -> np.ndarray:
    low, high = exponents
    value = np.asarray(value, dtype=np.float32)
    bad = ~((value >= 2.0**low) & (value < 2.0**high))
    if bad.any():
        where = f" of channel {int(np.argmax(bad))}" if value.ndim else ""
        raise QuantizationError(
            f"layer {layer!r}: {what}{where} is {value[bad].flat[0]!s}, but must be in [2**{low}, 2**{high}); "
            "change the scale of the layer's output or of its weights"
        )
    return value


def convolution_multiplier(s_x: float, s_w: np.ndarray, s_y: float, *, layer: str) -> np.ndarray:
    """M = float32(s_x * s_w) / s_y for conv and linear: float32 of the shape of `s_w`.

    Raises:
        QuantizationError: If a scale is not positive and normal, or an M is outside [2**-40, 2**8).
    """
    s_x, s_y = _scale(s_x, "the input's scale", layer), _scale(s_y, "the output's scale", layer)
    with np.errstate(all="ignore"):
        multiplier = (s_x * _scale(s_w, "the weights' scale", layer)) / s_y
    return _in_powers_of_two(multiplier, MULTIPLIER_EXPONENTS, "the multiplier", layer)


def average_multiplier(s_x: float, s_y: float, pixels: int, *, layer: str) -> np.ndarray:
    """M = float32(s_x / float32(float32(pixels) * s_y)) of a global average pool over `pixels` pixels: float32 scalar.

    Raises:
        QuantizationError: As `convolution_multiplier`.
    """
    s_x, s_y = _scale(s_x, "the input's scale", layer), _scale(s_y, "the output's scale", layer)
    with np.errstate(all="ignore"):
        multiplier = s_x / (np.float32(pixels) * s_y)
    return _in_powers_of_two(multiplier, MULTIPLIER_EXPONENTS, "the multiplier", layer)


def requantise_multiplier(s_x: float, s_y: float, *, layer: str) -> np.ndarray:
    """M = float32(s_x / s_y) of a change of scale: float32 scalar.

    Raises:
        QuantizationError: As `convolution_multiplier`.
    """
    s_x, s_y = _scale(s_x, "the input's scale", layer), _scale(s_y, "the output's scale", layer)
    with np.errstate(all="ignore"):
        multiplier = s_x / s_y
    return _in_powers_of_two(multiplier, MULTIPLIER_EXPONENTS, "the multiplier", layer)


def add_multipliers(s_a: float, s_b: float, s_y: float, *, layer: str) -> tuple[int, int, int]:
    """(m_a, m_b, s) of a residual add: m = rint(float32(s_operand / s_y) * 2**s), s = 24 - max(frexp exponents).

    Hence 16 <= s <= 39 and the larger of the two m lies in [2**23, 2**24).

    Raises:
        QuantizationError: If a scale is not positive and normal, or a ratio is outside [2**-16, 2**8).
    """
    s_y = _scale(s_y, "the output's scale", layer)
    ratios = []
    for scale, what in ((s_a, "the first operand"), (s_b, "the second operand")):
        with np.errstate(all="ignore"):
            ratio = _scale(scale, f"{what}'s scale", layer) / s_y
        ratios.append(float(_in_powers_of_two(ratio, ADD_RATIO_EXPONENTS, f"the ratio of {what} to the output", layer)))
    shift = 24 - max(math.frexp(ratio)[1] for ratio in ratios)
    # Scaling by a power of two is exact in double, and Python's round() is ties-to-even.
    m_a, m_b = (round(math.ldexp(ratio, shift)) for ratio in ratios)
    return m_a, m_b, shift


def clamp_limits(activation: str | None, z_y: int) -> tuple[int, int]:
    """(lo, hi) of an int8 output: ReLU clamps at the zero point, everything saturates at the ends of int8."""
    return (z_y if activation == "relu" else INT8_RANGE[0], INT8_RANGE[1])


# Tensor rules.


def requantise(acc: torch.Tensor, multiplier: torch.Tensor, z_y: int, lo: int, hi: int) -> torch.Tensor:
    """clamp(rint(float32(acc) * M) + z_y, lo, hi): one single-precision product, as conv, linear and the average end.

    Args:
        acc: Integers of at most 32 bits in any dtype that holds them exactly, [n, C, ...].
        multiplier: float32 [C], or a scalar for all channels.

    Returns:
        int8 of the shape of `acc`.
    """
    if multiplier.ndim:
        multiplier = multiplier.reshape(-1, *[1] * (acc.ndim - 2))
    # Clamping before z_y is added is the same and keeps every value far below 2**24, where float32 holds integers.
    return (acc.float() * multiplier).round().clamp(lo - z_y, hi - z_y).add(z_y).char()


def change_scale(x: torch.Tensor, z_x: int, multiplier: torch.Tensor, z_y: int, lo: int, hi: int) -> torch.Tensor:
    """clamp(rint(float32(x - z_x) * M) + z_y, lo, hi): the operator `requantise`, int8 to int8 of the same shape."""
    return requantise(x.int() - z_x, multiplier, z_y, lo, hi)


def residual_add(
    a: torch.Tensor,
    b: torch.Tensor,
    z_a: int,
    z_b: int,
    m_a: int,
    m_b: int,
    shift: int,
    z_y: int,
    lo: int,
    hi: int,
) -> torch.Tensor:
    """clamp(rne(((a - z_a) * m_a + (b - z_b) * m_b) / 2**shift) + z_y, lo, hi): the exact sum, rounded once.

    Args:
        a, b: int8 tensors of one shape.
        m_a, m_b: At most 2**24; the sum stays under 2**33.
        shift: At least 1.

    Returns:
        int8 of the shape of `a`.
    """
    total = (a.long() - z_a) * m_a + (b.long() - z_b) * m_b
    quotient = total >> shift
    remainder = total - (quotient << shift)
    half = 1 << (shift - 1)
    round_up = (remainder > half) | ((remainder == half) & (quotient % 2 == 1))
    return (quotient + round_up.long() + z_y).clamp(lo, hi).char()


def max_pool(
    x: torch.Tensor, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int, int, int]
) -> torch.Tensor:
    """Maximum over each window of int8 [n, C, H, W]; padding is (top, left, bottom, right) and never wins."""
    top, left, bottom, right = padding
    n, channels, height, width = x.shape
    padded = x.new_full((n, channels, top + height + bottom, left + width + right), INT8_RANGE[0])
    padded[:, :, top : top + height, left : left + width] = x
    rows = (padded.shape[2] - kernel[0]) // stride[0] + 1
    columns = (padded.shape[3] - kernel[1]) // stride[1] + 1
    result = x.new_full((n, channels, rows, columns), INT8_RANGE[0])
    for y in range(kernel[0]):
        for z in range(kernel[1]):
            last_y, last_x = y + (rows - 1) * stride[0] + 1, z + (columns - 1) * stride[1] + 1
            result = result.maximum(padded[:, :, y : last_y : stride[0], z : last_x : stride[1]])
    return result


def global_average_pool(
    x: torch.Tensor, z_x: int, multiplier: torch.Tensor, z_y: int, lo: int, hi: int
) -> torch.Tensor:
    """clamp(rint(float32(sum(x - z_x)) * M) + z_y, lo, hi) over all pixels of int8 [n, C, H, W]: int8 [n, C, 1, 1]."""
    return requantise((x.int() - z_x).sum(dim=(2, 3), keepdim=True), multiplier, z_y, lo, hi)
