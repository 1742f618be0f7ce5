"""What a DRAIN or POOL instruction writes, write by write: address, place in the tensor, place in the loop nest."""

from dataclasses import dataclass

import numpy as np

from tcugen.access.box import Box
from tcugen.arch import Architecture
from tcugen.isa import Instruction, Opcode
from tcugen.program import Observation, Program
from tcugen.trace.observe import writes

PADDING = -1
"""Stands for a byte of a write that belongs to no element: a channel the tensor does not have."""


@dataclass(frozen=True, eq=False)
class Writes:
    """The writes of one instruction, in the order in which they are made.

    Attributes:
        addresses: int64 [writes], bytes in the activation memory.
        places: int64 [writes, bytes]: which byte of the tensor, as little-endian bytes of [C, H, W]; or PADDING.
        groups, rows: int64 [writes]: column group (channel group of a POOL) and output row within the instruction.
    """

    addresses: np.ndarray
    places: np.ndarray
    groups: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Tile:
    """Where in an instruction's loops a write stands.

    Attributes:
        group: Column group of a DRAIN, channel group of a POOL.
        block: Block of output rows; 0 for a POOL, which has no blocks.
        number: Of the tile within the instruction.
    """

    group: int
    block: int
    number: int


def writes_of(program: Program, observation: Observation) -> Writes:
    """The writes of the instruction that `observation` speaks of."""
    architecture, instruction = program.architecture, program.instructions[observation.instruction]
    layout = program.tensors[observation.tensor]
    shape = (layout.channels, layout.height, layout.width)
    parts = [
        _writes_of_box(architecture, instruction, box, observation, shape) for box in writes(architecture, instruction)
    ]
    return Writes(*(np.concatenate([getattr(part, name) for part in parts]) for name in Writes.__annotations__))


def tile_of(instruction: Instruction, group: int, row: int) -> Tile:
    """The tile of column group `group` that holds output row `row`."""
    if instruction.opcode == Opcode.POOL:
        return Tile(group, 0, group)
    rows = instruction["block_rows"]
    blocks = -(-instruction["n_y"] // rows)
    return Tile(group, row // rows, group * blocks + row // rows)


def _writes_of_box(
    architecture: Architecture,
    instruction: Instruction,
    box: Box,
    observation: Observation,
    shape: tuple[int, int, int],
) -> Writes:
    columns, n_y, n_x, planes, steps = box.addresses.shape
    lanes = box.width
    loop = np.ogrid[:columns, :n_y, :n_x, :planes, :steps, :lanes]
    column, y, x, plane, step, lane = loop
    channel = observation.channel0 + box.channel + (column * steps + step) * lanes + lane + x * observation.x_channels
    row = observation.y0 + y * observation.y_step
    pixel = observation.x0 + (x * observation.x_step if observation.x_channels == 0 else 0)
    channels, height, width = shape
    place = ((channel * height + row) * width + pixel) * planes + plane
    width_of_group = architecture.rows if instruction.opcode == Opcode.POOL else architecture.columns
    all_writes = box.addresses.shape

    def per_write(values: np.ndarray) -> np.ndarray:
        return np.broadcast_to(values[..., 0], all_writes).reshape(-1)

    return Writes(
        addresses=box.wrapped.reshape(-1),
        places=np.where(channel < channels, place, PADDING).reshape(-1, lanes),
        groups=per_write(column) + box.channel // width_of_group,
        rows=per_write(y),
    )
