"""What LOAD writes and STORE reads on chip, and the other way round in memory: segments."""

import numpy as np

from tcugen.access.box import Addresses, Box
from tcugen.isa import Instruction


def on_chip(instruction: Instruction) -> Box:
    """Every segment in the activation memory, [segments]."""
    starts = instruction["activation"] + np.arange(instruction["segments"]) * instruction["activation_step"]
    return Box(starts, instruction["segment_bytes"])


def in_memory(instruction: Instruction) -> Box:
    """Every segment in the instruction's window, [segments]."""
    starts = instruction["offset"] + np.arange(instruction["segments"]) * instruction["memory_step"]
    return Box(starts, instruction["segment_bytes"])


def units(box: Box, size: int) -> Addresses:
    """Numbers of the units of `size` bytes that any access of the box touches, each access by itself."""
    first, last = box.addresses // size, (box.addresses + box.width - 1) // size
    grid = first[:, None] + np.arange(-(-box.width // size) + 1)
    return grid[grid <= last[:, None]]
