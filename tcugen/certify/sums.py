"""Whether the sums of one column group are those of a layer, as linear forms in its input: for every image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcugen.certify.affine import Affine
from tcugen.certify.errors import NotCertified
from tcugen.certify.match import ALWAYS_PAD, WRONG

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ColumnGroup:
    """What the array and the parameters of one column group are, for one tile.

    Attributes:
        taps, padded: Of every position of the operand, see `Match`.
        pad: int64, what padding reads as there.
        weights: int8 [positions, columns].
        bias: int64 [columns], folded.
    """

    taps: NDArray[np.int32]
    padded: NDArray[np.bool_]
    pad: Ints
    weights: NDArray[np.int8]
    bias: Ints


def check_sums(
    affine: Affine, phase: int, channels: Ints, group: ColumnGroup, origin: tuple[Ints, Ints], accumulator_bits: int
) -> bool:
    """Check the columns of output channels `channels`, the first ones of the group.

    Columns after them, which are no channel's, have no weights, unless `spare_columns` lets them.

    Args:
        origin: Input rows and columns of the first tap, of all pixels of the tile.

    Returns:
        Whether it holds wherever the tile is; else taps are left out which are outside the picture there.

    Raises:
        NotCertified: If a weight meets a byte that is not the layer's, is another one or missing, if constants differ,
            or if a sum may leave the accumulators or 32 bits.
    """
    if group.weights[:, len(channels) :].any() and not affine.spare_columns:
        raise NotCertified("a column of the array that is no channel's has weights")
    weights = group.weights[:, : len(channels)].astype(np.int32)
    used = weights.any(axis=1)
    if (used & (group.taps == WRONG)).any():
        position = int(np.flatnonzero(used & (group.taps == WRONG))[0])
        raise NotCertified(f"a weight at position {position} meets a byte that is not the layer's")
    direct = used & (group.taps >= 0)
    taps, expected = affine.support(channels, phase)
    found = _by_tap(group.taps[direct], weights[direct], taps)
    differs = (found != expected).any(axis=1)
    if differs.any():
        _check_missing(affine, taps[differs], found[differs], origin)
    points = _zero_points(affine, taps)
    constant = -(points[~differs] @ expected[~differs].astype(np.int64)) + affine.bias[channels]
    always = used & (group.taps == ALWAYS_PAD)
    constant -= group.pad[always] @ weights[always].astype(np.int64)
    sometimes = direct & group.padded
    if (group.pad[sometimes] != _zero_points(affine, group.taps[sometimes].astype(np.int64))).any():
        raise NotCertified("padding is not the zero point of the tensor that it surrounds")
    bias = group.bias[: len(channels)]
    if (bias != constant).any():
        column = int(np.flatnonzero(bias != constant)[0])
        raise NotCertified(
            f"the bias of channel {int(channels[column])} is {int(bias[column])}, and must be {int(constant[column])}"
        )
    _check_range(weights, bias, accumulator_bits)
    return not differs.any()


def _by_tap(numbers: NDArray[np.int32], weights: NDArray[np.int32], taps: Ints) -> NDArray[np.int32]:
    """Sums of the weights of each of `taps`; NotCertified if a weight is of another one."""
    found = np.zeros((len(taps), weights.shape[1]), np.int32)
    places = np.minimum(np.searchsorted(taps, numbers), len(taps) - 1)
    if (taps[places] != numbers).any():
        raise NotCertified("a weight meets an input that its channel does not have")
    if len(np.unique(places)) == len(places):
        found[places] = weights
    else:
        np.add.at(found, places, weights)
    return found


def _check_missing(affine: Affine, taps: Ints, found: NDArray[np.int32], origin: tuple[Ints, Ints]) -> None:
    """Taps whose weights differ must be absent, and outside the picture for every pixel."""
    if found.any():
        raise NotCertified(f"the weights of tap {int(taps[found.any(axis=1)][0])} are not those of the layer")
    for source in affine.sources:
        (n_ky, n_kx), (dy, dx) = affine.kernel, affine.dilation
        own = taps[(taps >= source.first_tap) & (taps < source.first_tap + source.shape.channels * n_ky * n_kx)]
        kernel = (own - source.first_tap) % (n_ky * n_kx)
        y, x = origin[0][:, None] + kernel // n_kx * dy, origin[1][:, None] + kernel % n_kx * dx
        rows = ((y >= 0) & (y < source.shape.height)).any(axis=0)
        columns = ((x >= 0) & (x < source.shape.width)).any(axis=0)
        if (rows & columns).any():
            raise NotCertified(f"tap {int(own[rows & columns][0])} of the layer is missing")


def _zero_points(affine: Affine, taps: Ints) -> Ints:
    points = np.zeros(len(taps), np.int64)
    for source in affine.sources:
        points[taps >= source.first_tap] = source.zero_point
    return points


def _check_range(weights: NDArray[np.int32], bias: Ints, accumulator_bits: int) -> None:
    """Every partial sum holds, whatever int8 values come: partial sums are within the limits of the whole one."""
    positive = np.maximum(weights, 0).sum(axis=0, dtype=np.int64)
    negative = np.maximum(-weights, 0).sum(axis=0, dtype=np.int64)
    high, low = 127 * positive + 128 * negative, -128 * positive - 127 * negative
    for what, lowest, highest, bits in (
        ("accumulators", low, high, accumulator_bits),
        ("output stage", low + bias, high + bias, 32),
    ):
        limit = 1 << bits - 1
        if (lowest < -limit).any() or (highest >= limit).any():
            raise NotCertified(f"a sum may leave the {bits} bits of the {what}")
