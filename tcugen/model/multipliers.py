"""From scales to the integers of a layer: every rule that turns scales into multipliers, once.

IEEE single-precision NumPy arithmetic. All roundings are to nearest, ties to even.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tcugen.model.errors import QuantizationError
from tcugen.model.integers import Clamp
from tcugen.model.limits import (
    ADD_MULTIPLIER_BITS,
    ADD_RATIO_EXPONENTS,
    FRACTION_BITS,
    INT8_RANGE,
    MULTIPLIER_EXPONENTS,
)

Float32s = npt.NDArray[np.float32]
Scale = float | np.float32


def _scale(value: Scale | Float32s, what: str, layer: str) -> Float32s:
    """Scales as float32; they must be positive, finite and normal."""
    scale = np.asarray(value, dtype=np.float32)
    bad = ~((scale >= np.finfo(np.float32).tiny) & np.isfinite(scale))
    if bad.any():
        raise QuantizationError(
            f"layer {layer!r}: {what} holds {scale[bad].flat[0]!s}, but a scale must be a positive normal float32; "
            "recalibrate the layer with data that is not constant"
        )
    return scale


def _in_powers_of_two(ratio: npt.ArrayLike, exponents: tuple[int, int], what: str, layer: str) -> Float32s:
    low, high = exponents
    value = np.asarray(ratio, dtype=np.float32)
    bad = ~((value >= 2.0**low) & (value < 2.0**high))
    if bad.any():
        where = f" of channel {int(np.argmax(bad))}" if value.ndim else ""
        raise QuantizationError(
            f"layer {layer!r}: {what}{where} is {value[bad].flat[0]!s}, but must be in [2**{low}, 2**{high}); "
            "change the scale of the layer's output or of its weights"
        )
    return value


def convolution_multiplier(s_x: Scale, s_w: Float32s, s_y: Scale, *, layer: str) -> Float32s:
    """M = float32(s_x * s_w) / s_y for conv and linear: float32 of the shape of `s_w`.

    Raises:
        QuantizationError: If a scale is not positive and normal, or an M is outside [2**-40, 2**8).
    """
    x, y = _scale(s_x, "the input's scale", layer), _scale(s_y, "the output's scale", layer)
    with np.errstate(all="ignore"):
        multiplier = (x * _scale(s_w, "the weights' scale", layer)) / y
    return _in_powers_of_two(multiplier, MULTIPLIER_EXPONENTS, "the multiplier", layer)


def average_multiplier(s_x: Scale, s_y: Scale, pixels: int, *, layer: str) -> np.float32:
    """M = float32(s_x / float32(float32(pixels) * s_y)) of a global average pool over `pixels` pixels: float32 scalar.

    Raises:
        QuantizationError: As `convolution_multiplier`.
    """
    x, y = _scale(s_x, "the input's scale", layer), _scale(s_y, "the output's scale", layer)
    with np.errstate(all="ignore"):
        multiplier = x / (np.float32(pixels) * y)
    return np.float32(_in_powers_of_two(multiplier, MULTIPLIER_EXPONENTS, "the multiplier", layer))


def average_multipliers(s_x: Scale, s_y: Scale, counts: Sequence[int], *, layer: str) -> Float32s:
    """M of an average pool for every number of pixels that a window counts: float32 [counts].

    Raises:
        QuantizationError: As `convolution_multiplier`.
    """
    return np.array([average_multiplier(s_x, s_y, count, layer=layer) for count in counts], np.float32)


def requantise_multiplier(s_x: Scale, s_y: Scale, *, layer: str) -> np.float32:
    """M = float32(s_x / s_y) of a change of scale: float32 scalar.

    Raises:
        QuantizationError: As `convolution_multiplier`.
    """
    x, y = _scale(s_x, "the input's scale", layer), _scale(s_y, "the output's scale", layer)
    with np.errstate(all="ignore"):
        multiplier = x / y
    return np.float32(_in_powers_of_two(multiplier, MULTIPLIER_EXPONENTS, "the multiplier", layer))


def product_multiplier(s_a: Scale, s_b: Scale, s_y: Scale, *, layer: str) -> np.float32:
    """M = float32(s_a * s_b) / s_y of a product of two tensors: float32 scalar.

    Raises:
        QuantizationError: As `convolution_multiplier`.
    """
    a, b = _scale(s_a, "the first operand's scale", layer), _scale(s_b, "the second operand's scale", layer)
    y = _scale(s_y, "the output's scale", layer)
    with np.errstate(all="ignore"):
        multiplier = (a * b) / y
    return np.float32(_in_powers_of_two(multiplier, MULTIPLIER_EXPONENTS, "the multiplier", layer))


def concat_multipliers(s_x: Sequence[Scale], s_y: Scale, *, layer: str) -> Float32s:
    """M = float32(s_x / s_y) of every operand of a concat: float32 [operands], 1 where the scales are equal.

    Raises:
        QuantizationError: As `convolution_multiplier`.
    """
    return np.array([requantise_multiplier(scale, s_y, layer=layer) for scale in s_x], np.float32)


def add_multipliers(s_a: Scale, s_b: Scale, s_y: Scale, *, layer: str) -> tuple[int, int, int]:
    """(m_a, m_b, s) of a residual add: m = rint(float32(s_operand / s_y) * 2**s), s = 24 - max(frexp exponents).

    Hence 16 <= s <= 39 and the larger of the two m lies in [2**23, 2**24): it is the significand of its ratio, which is
    a float32, and no rounding can lift it to 2**24.

    Raises:
        QuantizationError: If a scale is not positive and normal, or a ratio is outside [2**-16, 2**8).
    """
    y = _scale(s_y, "the output's scale", layer)
    ratios: list[float] = []
    for scale, what in ((s_a, "the first operand"), (s_b, "the second operand")):
        with np.errstate(all="ignore"):
            ratio = _scale(scale, f"{what}'s scale", layer) / y
        ratios.append(float(_in_powers_of_two(ratio, ADD_RATIO_EXPONENTS, f"the ratio of {what} to the output", layer)))
    shift = ADD_MULTIPLIER_BITS - max(math.frexp(ratio)[1] for ratio in ratios)
    # Scaling by a power of two is exact in double, and Python's round() is ties-to-even.
    m_a, m_b = (round(math.ldexp(ratio, shift)) for ratio in ratios)
    return m_a, m_b, shift


def unrounded_add_multipliers(s_b: Scale, s_y: Scale, unrounded: int, *, layer: str) -> tuple[int, int, int]:
    """(m_a, m_b, s) of an add whose input `unrounded` has s = FRACTION_BITS fraction bits, in steps of the output.

    m = 1 of that one, and rint(float32(s_b / s_y) * 2**s) of the other, at least 1 and below 2**24.

    Raises:
        QuantizationError: As `add_multipliers`, of the other operand.
    """
    y, what = _scale(s_y, "the output's scale", layer), "the first operand" if unrounded else "the second operand"
    with np.errstate(all="ignore"):
        ratio = _scale(s_b, f"{what}'s scale", layer) / y
    ratio = float(_in_powers_of_two(ratio, ADD_RATIO_EXPONENTS, f"the ratio of {what} to the output", layer))
    other = round(math.ldexp(ratio, FRACTION_BITS))
    return (other, 1, FRACTION_BITS) if unrounded else (1, other, FRACTION_BITS)


def clamp_limits(limits: tuple[float, float], s_y: Scale, z_y: int) -> Clamp:
    """(lo, hi) of an int8 output with real limits (low, high): clamp(rint(float32(limit) / s_y) + z_y), in single
    precision as QuantizeLinear has it. ReLU clamps at the zero point, everything saturates at the ends of int8."""
    with np.errstate(over="ignore"):
        steps = np.rint(np.array(limits, np.float32) / np.float32(s_y)).astype(np.float64)
    low, high = np.clip(steps + z_y, *INT8_RANGE)
    return int(low), int(high)
