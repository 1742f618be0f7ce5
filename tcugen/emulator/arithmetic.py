"""Output arithmetic in integers alone: requantisation as one float32 product, the residual add, the product.

A float32 product of an integer and a multiplier is three roundings to nearest, ties to even: the integer to 24 bits,
the product of the two 24-bit mantissas to 24 bits, that value to an integer. Each is a shift here, so nothing depends
on the floating point of the machine that runs it.
"""

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import FRACTION_BITS

MANTISSA_BITS = 24
"""Significant bits of a float32, the hidden one included."""

MAXIMUM_SHIFT = 62
"""Largest right shift of 64-bit integers with rounding."""

_LARGEST_BITS = 31 + 8 + FRACTION_BITS
"""Of a 32-bit sum times M with fraction bits."""

_EXPONENT_BIAS = 127 + MANTISSA_BITS - 1
_DOUBLE_FRACTION_BITS = 52
_DOUBLE_BIAS = 1022
_PASS_ELEMENTS = 1 << 14
"""Elements per pass: the int64 temporaries of one pass stay in the cache."""


def shift_right_rounded(value: NDArray[np.int64], shift: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """round(value / 2**shift), ties to even; int64, any sign, 0 <= shift <= 62, |value| + 2**(shift - 1) < 2**63."""
    half = (np.int64(1) << np.asarray(shift, np.int64)) >> 1
    below = half - (half > 0)
    return (value + below + ((value >> shift) & (half > 0))) >> shift


def _bit_length(value: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bits of 0 <= value < 2**53, at least 1: the exponent of its exact conversion to a double."""
    return ((value | 1).astype(np.float64).view(np.int64) >> _DOUBLE_FRACTION_BITS) - _DOUBLE_BIAS


def multiplier_parts(bits: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Mantissa m and exponent e (int64) of positive normal float32 bit patterns: the number is m * 2**e.

    The pattern 0 gives a number so small that every product rounds to 0.
    """
    wide = bits.astype(np.int64)
    return (wide & (1 << MANTISSA_BITS - 1) - 1) | 1 << MANTISSA_BITS - 1, (wide >> MANTISSA_BITS - 1) - _EXPONENT_BIAS


def multiplier_is_supported(bits: NDArray[np.uint32]) -> NDArray[np.bool]:
    """Where a float32 bit pattern is in [2**-40, 2**8), or 0 as in channels that only pad."""
    low, high = (127 - 40) << MANTISSA_BITS - 1, (127 + 8) << MANTISSA_BITS - 1
    wide = bits.astype(np.int64)
    return (wide == 0) | (wide >= low) & (wide < high)


def _round_product(
    sums: NDArray[np.int64], mantissa: NDArray[np.int64], exponent: NDArray[np.int64], most_left: int
) -> NDArray[np.int64]:
    """float32(sums) * mantissa * 2**exponent as integers, saturated where they are 2**23 * 2**most_left or more."""
    magnitude: NDArray[np.int64] = np.abs(sums)
    excess = _bit_length(magnitude) - MANTISSA_BITS
    # Rounding may carry into a 25th bit; the value 2**24 is right all the same and its product stays below 2**48.
    normal = shift_right_rounded(magnitude << np.maximum(-excess, 0), np.maximum(excess, 0))
    product = normal * mantissa
    surplus = MANTISSA_BITS - 1 + (product >> 2 * MANTISSA_BITS - 1)
    product = shift_right_rounded(product, surplus)
    # product < 2**24 + 1: from a right shift of 26 on the result is 0. product >= 2**23 wherever the sum is not 0.
    shift = excess + surplus + exponent
    product = shift_right_rounded(product << np.clip(shift, 0, most_left), np.clip(-shift, 0, MANTISSA_BITS + 2))
    return np.where(sums < 0, -product, product)


def requantise(
    sums: NDArray[np.int64], multiplier_bits: NDArray[np.uint32], zero_point: int, clamp_low: int, clamp_high: int
) -> NDArray[np.int64]:
    """clamp(rint(float32(sums) * M) + zero_point, clamp_low, clamp_high).

    Args:
        sums: int64 [..., N], values of 32 bits.
        multiplier_bits: uint32 [N], the float32 patterns of M; normal and positive, or 0.

    Returns:
        int64 [..., N].
    """
    # An int8 saturates from a left shift of 1 on.
    rounded = _scaled(sums, *multiplier_parts(multiplier_bits), 1)
    return np.clip(rounded + zero_point, clamp_low, clamp_high)


def with_fraction(sums: NDArray[np.int64], multiplier_bits: NDArray[np.uint32]) -> NDArray[np.int64]:
    """rint(float32(sums) * M * 2**FRACTION_BITS), exact: no larger than 2**31 * 2**8 * 2**16.

    Args:
        sums: int64 [..., N], values of 32 bits.
        multiplier_bits: uint32 [N], as of `requantise`.

    Returns:
        int64 [..., N].
    """
    mantissa, exponent = multiplier_parts(multiplier_bits)
    return _scaled(sums, mantissa, exponent + FRACTION_BITS, _LARGEST_BITS - MANTISSA_BITS + 1)


def _scaled(
    sums: NDArray[np.int64], mantissa: NDArray[np.int64], exponent: NDArray[np.int64], most_left: int
) -> NDArray[np.int64]:
    """`_round_product` of int64 [..., N], pass by pass."""
    flat = np.ascontiguousarray(sums, np.int64).reshape(-1, len(mantissa))
    result = np.empty_like(flat)
    rows = max(1, _PASS_ELEMENTS // len(mantissa))
    for start in range(0, len(flat), rows):
        result[start : start + rows] = _round_product(flat[start : start + rows], mantissa, exponent, most_left)
    return result.reshape(sums.shape)


def residual_add(
    a: NDArray[np.int64],
    a_zero_point: int,
    a_multiplier: int,
    b: NDArray[np.int64],
    b_zero_point: int,
    b_multiplier: int,
    shift: int,
    zero_point: int,
    clamp_low: int,
    clamp_high: int,
) -> NDArray[np.int64]:
    """clamp(rne(((a - z_a) * m_a + (b - z_b) * m_b) / 2**shift) + zero_point, lo, hi), the exact sum rounded once.

    Args:
        a, b: int64 arrays of one shape, values of int8; a also below 2**55 with a_multiplier = 1.
        a_multiplier, b_multiplier: 0 .. 2**24 - 1.
        shift: 0 .. 62.

    Returns:
        int64, the shape of `a`.
    """
    total = (a - a_zero_point) * a_multiplier + (b - b_zero_point) * b_multiplier
    return np.clip(shift_right_rounded(total, shift) + zero_point, clamp_low, clamp_high)


def centred_product(sums: NDArray[np.int64], factor: NDArray[np.int64], factor_zero_point: int) -> NDArray[np.int64]:
    """sums * (factor - factor_zero_point), exact: of a sum of -255 .. 255 and an int8 value it has at most 17 bits.

    Args:
        sums, factor: int64 arrays of one shape.
    """
    return sums * (factor - factor_zero_point)
