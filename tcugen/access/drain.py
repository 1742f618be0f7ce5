"""What DRAIN writes, and what it reads of a residual operand."""

from collections.abc import Iterator

import numpy as np

from tcugen.access.box import Addresses, Box
from tcugen.arch import Architecture
from tcugen.isa import Instruction


def _pixels(instruction: Instruction) -> tuple[int, int]:
    """From output row to output row, and from pixel to pixel."""
    return instruction["out_y_step"], instruction["out_x_step"]


def drain_writes(architecture: Architecture, instruction: Instruction) -> list[Box]:
    """Every write, [columns, n_y, n_x, byte planes, lane steps]; two boxes if the last column group is shorter."""
    planes = instruction["byte_step"] * np.arange(4 if instruction["int32"] else 1)
    steps = instruction["out_base"], instruction["out_plane_step"], _pixels(instruction)
    return [_box(architecture, instruction, *steps, planes, *part) for part in _parts(architecture, instruction)]


def drain_reads(architecture: Architecture, instruction: Instruction) -> list[Box]:
    """Every read of the residual operand, as `drain_writes`; none without one."""
    if not instruction["residual"]:
        return []
    pixels = (0, 0) if instruction["per_channel"] else _pixels(instruction)
    steps = instruction["residual_base"], instruction["residual_plane_step"], pixels
    plane = np.zeros(1, np.int64)
    return [_box(architecture, instruction, *steps, plane, *part) for part in _parts(architecture, instruction)]


def drain_padding(architecture: Architecture, instruction: Instruction) -> list[Box]:
    """Zeros after the last channel of every pixel, [n_y, n_x, byte planes], part of the last step's write; or none."""
    if not instruction["pad_steps"]:
        return []
    last = drain_writes(architecture, instruction)[-1]
    addresses = last.addresses[-1, ..., -1] + architecture.output_lanes
    return [Box(addresses, instruction["pad_steps"] * architecture.output_lanes)]


def blocks(instruction: Instruction) -> Iterator[tuple[int, int]]:
    """First and end of the output rows of every block; tiles are blocks within column groups."""
    rows, total = instruction["block_rows"], instruction["n_y"]
    return ((y, min(y + rows, total)) for y in range(0, total, rows))


def _parts(architecture: Architecture, instruction: Instruction) -> list[tuple[int, int, int]]:
    """First column group, number of groups and lane steps of each part."""
    columns, full, last = instruction["n_columns"], architecture.output_steps, instruction["last_steps"]
    if last == full:
        return [(0, columns, full)]
    return [(0, columns - 1, full), (columns - 1, 1, last)] if columns > 1 else [(0, 1, last)]


def _box(
    architecture: Architecture,
    instruction: Instruction,
    base: int,
    plane_step: int,
    pixel_steps: tuple[int, int],
    byte_planes: Addresses,
    first: int,
    columns: int,
    steps: int,
) -> Box:
    """Column groups first .. first + columns - 1; blocks of rows follow one another, so they vanish."""
    group = architecture.columns * np.arange(first, first + columns)
    channel = instruction["channel0"] + group[:, None] + architecture.output_lanes * np.arange(steps)
    word = channel // architecture.rows * plane_step + channel % architecture.rows
    y_step, x_step = pixel_steps
    row = y_step * np.arange(instruction["n_y"])
    pixel = x_step * np.arange(instruction["n_x"])
    addresses = (
        base + word[:, None, None, None, :] + row[:, None, None, None] + pixel[:, None, None] + byte_planes[:, None]
    )
    return Box(addresses, architecture.output_lanes, first * architecture.columns)
