"""The decoder: slices of an instruction word, taken from the table of the instruction set."""

from types import SimpleNamespace

from amaranth.hdl import Value, ValueCastable

from tcugen.isa import HEADER, INSTRUCTION_BYTES, Opcode, layout

INSTRUCTION_BITS = 8 * INSTRUCTION_BYTES
OPCODE_BITS = HEADER[0].bits


def fields(opcode: Opcode, word: Value | ValueCastable) -> SimpleNamespace:
    """Fields of `word`, read as an instruction of `opcode`, as attributes by their names in the table.

    Unsigned fields are plain slices of `word`; signed ones are slices `as_signed()`, so that they extend by themselves.
    Nothing is checked in hardware: the caller knows the opcode.

    Raises:
        ValueError: If `word` is not as wide as an instruction.
    """
    word = Value.cast(word)
    if len(word) != INSTRUCTION_BITS:
        raise ValueError(f"the word is {len(word)} bits wide, but an instruction has {INSTRUCTION_BITS}")
    slices = {}
    for name, placed in layout(opcode).items():
        value = word[placed.offset : placed.offset + placed.field.bits]
        slices[name] = value.as_signed() if placed.field.signed else value
    return SimpleNamespace(**slices)
