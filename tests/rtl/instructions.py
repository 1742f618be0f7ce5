"""Instructions as the payloads of streams, and small architectures to try them on."""

from tcugen.arch import Architecture
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Instruction, Opcode, layout

ADDRESSES = 1 << ACTIVATION_ADDRESS_BITS

SIZES = [(4, 4, 1), (8, 4, 2), (4, 8, 4), (8, 8, 8), (8, 6, 2), (4, 10, 1), (16, 12, 4), (8, 20, 4), (16, 24, 8)]
"""Rows, columns, output lanes: square, wide and tall; column groups that begin anywhere in a word."""


def small(rows: int, columns: int, lanes: int = 1, **sizes: int) -> Architecture:
    """An architecture that Amaranth's simulator can run."""
    defaults = {"activation_kib": 1, "accumulator_depth": 16, "weight_tiles": 8, "parameter_groups": 4}
    return Architecture(rows=rows, columns=columns, output_lanes=lanes, **(defaults | sizes))


def encoded(opcode: Opcode, **fields: int) -> int:
    """The instruction as a number; addresses may be negative or too large, as they wrap."""
    placed = layout(opcode)
    for name, value in fields.items():
        field = placed[name].field
        if field.bits == ACTIVATION_ADDRESS_BITS and not field.signed:
            fields[name] = value % ADDRESSES
    return int.from_bytes(Instruction(opcode, fields).encode(), "little")
