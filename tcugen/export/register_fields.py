"""The bit fields of every register: what register maps say beyond the table of addresses."""

from dataclasses import dataclass

from tcugen.arch import Architecture
from tcugen.registers import IDENTIFICATION, ControlBit, Register, StatusBit, WindowFlaw, error_codes
from tcugen.rtl.host import INITIAL_VALUES, writable_mask


@dataclass(frozen=True)
class Field:
    """Bits `low` to `high` of a register.

    Attributes:
        constant: What it always reads, None if that varies.
        reset: What it holds after reset, of a field that software writes and reads.
        values: Names of values, if they have any.
    """

    name: str
    low: int
    high: int
    doc: str
    constant: int | None = None
    reset: int = 0
    values: tuple[tuple[str, int], ...] = ()


def fields(register: Register, architecture: Architecture) -> tuple[Field, ...]:
    """The fields of a register, lowest first."""
    match register.name:
        case "CONTROL":
            return tuple(Field(bit.name, bit, bit, f"write 1: {_words(bit.name)}") for bit in ControlBit)
        case "STATUS":
            return tuple(Field(bit.name, bit, bit, _words(bit.name)) for bit in StatusBit)
        case "ERROR_CODE":
            codes = error_codes(architecture.parity)
            names = tuple((code.name, code.value) for code in codes)
            return (Field("CODE", 0, max(codes).bit_length() - 1, "why the last run stopped", values=names),)
        case "WINDOWS":
            flaws = [Field(flaw.name, flaw, flaw, _words(flaw.name)) for flaw in WindowFlaw]
            return (*flaws, Field("LOOKING", len(flaws), len(flaws), "still looking"))
        case "IDENTIFICATION":
            return (Field("VALUE", 0, 31, register.doc, IDENTIFICATION),)
        case "ARCHITECTURE":
            return (Field("VALUE", 0, 31, register.doc, architecture.fingerprint),)
        case _:
            mask = writable_mask(register, architecture.bus_address_bits) if register.access == "rw" else 0xFFFF_FFFF
            if not mask:  # an address of 32 bits has no high half
                mask = 1
            low = (mask & -mask).bit_length() - 1
            reset = (INITIAL_VALUES.get(register.name, 0) & mask) >> low
            return (Field("VALUE", low, mask.bit_length() - 1, register.doc, reset=reset),)


def _words(name: str) -> str:
    return name.lower().replace("_", " ")
