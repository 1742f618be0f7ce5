"""Which tap each position of an operand is: the same for all pixels of a block, or none."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcugen.certify.affine import Affine, Source
from tcugen.certify.symbols import PAD, Numbering, Symbols

Ints = NDArray[np.int64]

WRONG = -1
"""Not the same tap for all pixels."""
ALWAYS_PAD = -2
"""Padding for all pixels."""


@dataclass(frozen=True, eq=False)
class Match:
    """What an operand holds, by position: pass after pass, R each.

    Attributes:
        taps: Number of the tap, WRONG or ALWAYS_PAD.
        padded: Whether it is padding for some pixels, and a tap for the others.
        key: The same for equal contents.
    """

    taps: NDArray[np.int32]
    padded: NDArray[np.bool_]
    key: tuple[bytes, bytes]


def match(symbols: Symbols, y0: Ints, x0: Ints, affine: Affine, numbering: Numbering) -> Match:
    """Which tap each position is.

    A position is a tap if it holds, for every pixel, the element at that tap's distance from the pixel's origin where
    the picture has one, and padding where it has none. Of taps that are the same element it is the first.

    Args:
        symbols: int32 [rows, columns, positions].
        y0, x0: Input rows [rows] and columns [columns] of the first tap.
    """
    flat = symbols.reshape(-1, symbols.shape[-1])
    is_pad = flat == PAD
    exemplar = np.argmin(is_pad, axis=0)
    values = flat[exemplar, np.arange(flat.shape[1])]
    row, column = np.divmod(exemplar, len(x0))
    taps = np.where(values == PAD, ALWAYS_PAD, WRONG).astype(np.int32)
    for source in affine.sources:
        pixels = source.shape.height * source.shape.width
        for first, end, number in numbering.ranges(source.tensor):
            here = np.flatnonzero((values >= number) & (values < number + (end - first) * pixels))
            if not here.size:
                continue
            base = number - first * pixels
            found = _taps(values[here] - base, y0[row[here]], x0[column[here]], affine, source)
            known = found.number >= 0
            known &= taps[here] == WRONG
            here = here[known]
            # Without a copy where all positions are of this source, which is usual.
            part = symbols if len(here) == symbols.shape[-1] else symbols[..., here]
            right = _holds(part, y0, x0, found.only(known), source, base)
            taps[here[right]] = found.number[known][right]
    padded = is_pad.any(axis=0) & (taps >= 0)
    return Match(taps, padded, (taps.tobytes(), padded.tobytes()))


@dataclass(frozen=True, eq=False)
class _Found:
    """Taps of some positions, by those of one pixel each: number, channel, distance in rows and columns."""

    number: Ints
    channel: Ints
    rows: Ints
    columns: Ints

    def only(self, which: NDArray[np.bool_]) -> "_Found":
        return _Found(self.number[which], self.channel[which], self.rows[which], self.columns[which])


def _taps(elements: Symbols, y0: Ints, x0: Ints, affine: Affine, source: Source) -> _Found:
    height, width = source.shape.height, source.shape.width
    channel, pixel = np.divmod(elements.astype(np.int64), height * width)
    rows, columns = pixel // width - y0, pixel % width - x0
    (n_ky, n_kx), (dy, dx) = affine.kernel, affine.dilation
    ky, kx = rows // dy, columns // dx
    valid = (rows % dy == 0) & (columns % dx == 0) & (ky >= 0) & (ky < n_ky) & (kx >= 0) & (kx < n_kx)
    number = source.first_tap + (channel * n_ky + ky) * n_kx + kx
    return _Found(np.where(valid, number, WRONG), channel, rows, columns)


def _holds(symbols: Symbols, y0: Ints, x0: Ints, found: _Found, source: Source, base: int) -> NDArray[np.bool_]:
    """Of every position, whether it is its tap for all pixels."""
    height, width = source.shape.height, source.shape.width
    y, x = y0[:, None] + found.rows, x0[:, None] + found.columns
    row_inside, column_inside = (y >= 0) & (y < height), (x >= 0) & (x < width)
    pixel = (y0[:, None] * width + x0).astype(np.int32)
    place = (base + found.channel * height * width + found.rows * width + found.columns).astype(np.int32)
    expected = pixel[..., None] + place
    if not (row_inside.all() and column_inside.all()):
        expected = np.where(row_inside[:, None] & column_inside, expected, np.int32(PAD))
    return (symbols == expected).all(axis=(0, 1))
