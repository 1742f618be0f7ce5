"""What the array is given by COMPUTE: addresses of words, and which of their bytes are padding."""

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
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
