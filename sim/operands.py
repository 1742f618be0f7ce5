"""What COMPUTE gives the array and POOL takes into a window: addresses of words, and what of them is padding."""

import numpy as np
from numpy.typing import NDArray

from tcugen.access.pool import output_columns
from tcugen.arch import DEPTHWISE_COLUMNS, Architecture
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Instruction

_SPACE = 1 << ACTIVATION_ADDRESS_BITS


def operands(one: Instruction, architecture: Architecture) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """First bytes of all words, [columns, n_y, n_x, groups, n_ky, n_kx], not yet wrapped, and which of the R bytes of
    each are inside the picture, with one axis more.
    """
    column, y, x, g, ky, kx = (
        np.arange(one[name]).reshape([-1 if axis == place else 1 for axis in range(6)])
        for place, name in enumerate(("n_columns", "n_y", "n_x", "n_groups", "n_ky", "n_kx"))
    )
    offset = one["offset0"] + kx * one["kx_step"] + x * one["x_step"]
    offset = (offset + _SPACE // 2) % _SPACE - _SPACE // 2
    iy = one["iy0"] + ky + y * one["stride_y"]
    address = one["base"] + offset + column * one["column_step"] + g * one["group_step"]
    address = address + ky * one["ky_step"] + y * one["y_step"]
    at = offset[..., None] + np.arange(architecture.rows)
    inside = ((iy >= 0) & (iy < one["height"]))[..., None] & (at >= 0) & (at < one["row_bytes"])
    return address, np.broadcast_to(inside, (*address.shape, architecture.rows))


def windows(one: Instruction, architecture: Architecture) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """First bytes of the words that POOL takes, [groups, n_y, outputs of a row, taps], not yet wrapped, and which of
    them are inside the picture. Taps are in the order of a kernel's weights.
    """
    depthwise = one["depthwise"]
    counts = (
        *(one["n_groups"], one["n_y"], output_columns(one), one["n_ky"]),
        DEPTHWISE_COLUMNS if depthwise else one["n_kx"],
    )
    g, y, x, ky, kx = (
        np.arange(count).reshape([-1 if axis == place else 1 for axis in range(5)])
        for place, count in enumerate(counts)
    )
    row, column = y * one["stride_y"] + ky, x * one["step_x" if depthwise else "stride_x"] + kx
    address = one["base"] + g * one["group_step"] + row * one["row_step"] + column * architecture.rows
    in_y, in_x = one["iy0"] + row, one["ix0"] + column
    inside = (in_y >= 0) & (in_y < one["height"]) & (in_x >= 0) & (in_x < one["width"])
    taps = (*address.shape[:3], counts[3] * counts[4])
    return address.reshape(taps), np.broadcast_to(inside, address.shape).reshape(taps)
