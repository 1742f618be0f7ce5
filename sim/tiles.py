"""Which rows of the array have a weight at all, for every COMPUTE of a program."""

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import PARAMETER_BYTES
from tcugen.isa import Instruction, Opcode
from tcugen.program import Program


def used_rows(program: Program) -> list[NDArray[np.bool_]]:
    """For every COMPUTE in order, bool [column groups, passes, R]: False where all weights of the row are 0.

    Tiles are taken in the order in which WEIGHT brings them; after a COMPUTE with `keep` the next one takes the same.
    """
    used: NDArray[np.bool_] = (_tiles(program) != 0).any(axis=2)
    found, first = list[NDArray[np.bool_]](), 0
    for one in program.instructions:
        if one.opcode == Opcode.COMPUTE:
            shape = one["n_columns"], passes(one)
            end = first + shape[0] * shape[1]
            found.append(used[first:end].reshape(*shape, -1))
            first = first if one["keep"] else end
    return found


def passes(one: Instruction) -> int:
    """Tiles that a COMPUTE takes for each column group."""
    return one["n_groups"] * one["n_ky"] * one["n_kx"]


def _tiles(program: Program) -> NDArray[np.uint8]:
    """All tiles that WEIGHT brings, [tiles, R, C]."""
    machine = program.architecture
    groups = [np.zeros((0, machine.rows, machine.columns), np.uint8)]
    for one in program.instructions:
        if one.opcode == Opcode.WEIGHT:
            size = PARAMETER_BYTES * machine.columns + one["n_tiles"] * machine.rows * machine.columns
            bytes_read = program.weights[one["offset"] :][: one["n_columns"] * size].reshape(one["n_columns"], size)
            tiles = bytes_read[:, PARAMETER_BYTES * machine.columns :]
            groups.append(tiles.reshape(-1, machine.rows, machine.columns))
    return np.concatenate(groups)
