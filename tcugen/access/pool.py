"""What POOL reads and writes."""

import numpy as np

from tcugen.access.box import Addresses, Box, wrapped
from tcugen.arch import DEPTHWISE_COLUMNS, Architecture
from tcugen.isa import Instruction


def pool_writes(architecture: Architecture, instruction: Instruction) -> list[Box]:
    """Every write, [groups, n_y, n_x, 1, 1]: whole words."""
    group = instruction["out_group_step"] * np.arange(instruction["n_groups"])
    row = instruction["out_row_step"] * np.arange(instruction["n_y"])
    pixel = architecture.rows * np.arange(output_columns(instruction))
    addresses = instruction["out_base"] + group[:, None, None] + row[:, None] + pixel
    return [Box(addresses[..., None, None], architecture.rows)]


def output_columns(instruction: Instruction) -> int:
    """Pixels of a row of results; of a depthwise convolution, `n_x` counts the input columns that one walks over."""
    if not instruction["depthwise"]:
        return instruction["n_x"]
    return max(0, instruction["n_x"] - DEPTHWISE_COLUMNS) // max(1, instruction["step_x"]) + 1


def pool_weights(architecture: Architecture, instruction: Instruction) -> Box:
    """Every word of weights and parameters that a depthwise convolution reads, [words]; none of a maximum."""
    block = architecture.depthwise_block_bytes(instruction["n_ky"])
    size = instruction["n_groups"] * block if instruction["depthwise"] else 0
    return Box(instruction["weights"] + np.arange(0, size, architecture.rows), architecture.rows)


def pool_reads(architecture: Architecture, instruction: Instruction) -> Box:
    """Every word that a window covers, once, [groups, rows, pixels]; taps outside the input are not read."""
    y = _taps(instruction, "y", "height")
    x = _taps(instruction, "x", "width")
    group = instruction["group_step"] * np.arange(instruction["n_groups"])
    read = group[:, None, None] + y[:, None] * instruction["row_step"] + x * architecture.rows
    return Box(wrapped(instruction["base"] + read), architecture.rows)


def _taps(instruction: Instruction, axis: str, extent: str) -> Addresses:
    """Rows or pixels, counted from the first tap of the first output, that windows cover and the input has."""
    outputs, kernel = np.arange(instruction[f"n_{axis}"]), np.arange(instruction[f"n_k{axis}"])
    taps = outputs[:, None] * instruction[f"stride_{axis}"] + kernel
    place = instruction[f"i{axis}0"] + taps
    return np.unique(taps[(place >= 0) & (place < instruction[extent])])
