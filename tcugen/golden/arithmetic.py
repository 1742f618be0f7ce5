"""The integer arithmetic of a quantized network on PyTorch tensors: every rounding rule, once.

The rules take tensors and return int8. All roundings are to nearest, ties to even.
"""

import numpy as np
import torch
from torch.nn import functional

from tcugen.model.limits import FRACTION_BITS, INT8_RANGE


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


def with_fraction(acc: torch.Tensor, multiplier: torch.Tensor) -> torch.Tensor:
    """rint(float32(acc) * M * 2**FRACTION_BITS): what an add takes unrounded. The product is one of single precision.

    Args:
        acc: 32-bit integers, [n, C, ...].
        multiplier: float32 [C].

    Returns:
        int64 of the shape of `acc`, below 2**55 in magnitude.
    """
    product = acc.float() * multiplier.reshape(-1, *[1] * (acc.ndim - 2))
    return product.double().mul(1 << FRACTION_BITS).round().long()


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
        a, b: int8 [n, C, H, W]; one of them may be [n, C, 1, 1]. One may be int64 below 2**55, with z = 0 and m = 1.
        m_a, m_b: Below 2**24; the sum of int8 tensors stays under 2**33.
        shift: At least 1.

    Returns:
        int8 [n, C, H, W].
    """
    total = (a.long() - z_a) * m_a + (b.long() - z_b) * m_b
    quotient = total >> shift
    remainder = total - (quotient << shift)
    half = 1 << (shift - 1)
    round_up = (remainder > half) | ((remainder == half) & (quotient % 2 == 1))
    return (quotient + round_up.long() + z_y).clamp(lo, hi).char()


def product(
    a: torch.Tensor, b: torch.Tensor, z_a: int, z_b: int, multiplier: torch.Tensor, z_y: int, lo: int, hi: int
) -> torch.Tensor:
    """clamp(rint(float32((a - z_a) * (b - z_b)) * M) + z_y, lo, hi): the exact product, scaled once.

    Args:
        a, b: int8 [n, C, H, W]; one of them may be [n, C, 1, 1].
        multiplier: float32 scalar M.
    """
    return requantise((a.int() - z_a) * (b.int() - z_b), multiplier, z_y, lo, hi)


def max_pool(
    x: torch.Tensor,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int] = (1, 1),
) -> torch.Tensor:
    """Maximum over each window of int8 [n, C, H, W]; padding is (top, left, bottom, right) and never wins.

    Taps are `dilation` (y, x) apart.
    """
    top, left, bottom, right = padding
    n, channels, height, width = x.shape
    padded = x.new_full((n, channels, top + height + bottom, left + width + right), INT8_RANGE[0])
    padded[:, :, top : top + height, left : left + width] = x
    rows = (padded.shape[2] - (kernel[0] - 1) * dilation[0] - 1) // stride[0] + 1
    columns = (padded.shape[3] - (kernel[1] - 1) * dilation[1] - 1) // stride[1] + 1
    result = x.new_full((n, channels, rows, columns), INT8_RANGE[0])
    for y in range(0, kernel[0] * dilation[0], dilation[0]):
        for z in range(0, kernel[1] * dilation[1], dilation[1]):
            last_y, last_x = y + (rows - 1) * stride[0] + 1, z + (columns - 1) * stride[1] + 1
            result = result.maximum(padded[:, :, y : last_y : stride[0], z : last_x : stride[1]])
    return result


def average_pool(
    x: torch.Tensor,
    z_x: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    include_pad: bool,
    multipliers: torch.Tensor,
    z_y: int,
    lo: int,
    hi: int,
) -> torch.Tensor:
    """clamp(rint(float32(sum(x - z_x)) * M_n) + z_y, lo, hi) over each window of int8 [n, C, H, W].

    Args:
        include_pad: A window counts padding too.
        multipliers: float32, M_n for every n that some window counts, n ascending.

    Returns:
        int8 [n, C, H', W'].
    """
    top, left, bottom, right = padding
    weight = torch.ones((1, 1, *kernel), dtype=torch.float64)

    def sums(values: torch.Tensor, border: float) -> torch.Tensor:
        padded = functional.pad(values.double(), (left, right, top, bottom), value=border)
        rows = padded.reshape(-1, 1, *padded.shape[2:])
        return functional.conv2d(rows, weight, stride=stride).long()

    counts = sums(torch.ones(1, 1, *x.shape[2:]), 1.0 if include_pad else 0.0)[0, 0]
    known = torch.as_tensor(np.unique(counts.numpy()))
    chosen = multipliers[torch.searchsorted(known, counts)]
    total = sums(x.int() - z_x, 0.0).reshape(*x.shape[:2], *counts.shape)
    return (total.float() * chosen).round().clamp(lo - z_y, hi - z_y).add(z_y).char()


def global_average_pool(
    x: torch.Tensor, z_x: int, multiplier: torch.Tensor, z_y: int, lo: int, hi: int
) -> torch.Tensor:
    """clamp(rint(float32(sum(x - z_x)) * M) + z_y, lo, hi) over all pixels of int8 [n, C, H, W]: int8 [n, C, 1, 1]."""
    return requantise((x.int() - z_x).sum(dim=(2, 3), keepdim=True), multiplier, z_y, lo, hi)


def look_up(x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Entry x + 128 of int8 `table` [256] for every element of int8 x, in its shape."""
    return table[x.long() + 128]
