"""What calls of the driver return besides success: error codes of the machine, and refusals of the driver itself."""

from typing import NamedTuple

from tcugen.registers import ErrorCode

MEANINGS = {
    "NONE": "no error",
    "WINDOW": "an instruction reached outside a window; check the sizes of the windows and the program",
    "READ_RESPONSE": "memory answered a read with an error; check the address",
    "WRITE_RESPONSE": "memory answered a write with an error; check the address",
    "OPCODE": "no such instruction, or the program has no end; check that program.bin is whole and in memory",
    "BUS_HUNG": "memory did not answer for as many cycles as the watchdog allows; make a soft reset, or reset the bus",
}
"""By the name of the code; a code that is not here is told by its name alone."""


class Refusal(NamedTuple):
    """What the driver refuses to do."""

    name: str
    meaning: str


FIRST_REFUSAL = 256
"""Value of the first refusal, above all error codes of the machine."""

REFUSALS = (
    Refusal("NO_MACHINE", "register IDENTIFICATION does not read as it must; check the address and the clock"),
    Refusal("OTHER_MACHINE", "the network was compiled for another architecture; use the program of this build"),
    Refusal("BUSY", "a run is under way; wait for its end or make a soft reset"),
    Refusal("BAD_ADDRESS", "an address is no multiple of 4096 or beyond the machine's address bits"),
    Refusal("WINDOWS_EMPTY", "window PROGRAM has no byte; check the network's table"),
    Refusal("WINDOWS_WRAPS", "a window reaches beyond the last address of the bus; choose a lower address"),
    Refusal("WINDOWS_OVERLAP", "OUTPUT or SCRATCH shares a byte with another window; move it"),
    Refusal("TIMEOUT", "the machine was still busy after so many looks at its status; make a soft reset"),
    Refusal("NOT_FINITE", "an image holds a value that is no number; prepare it again"),
    Refusal("BAD_ARGUMENT", "the call does not fit the tensor's type or shape"),
)


def error_text(code: ErrorCode) -> str:
    """One line: the code's name, and what it means."""
    meaning = MEANINGS.get(code.name)
    return code.name if meaning is None else f"{code.name}: {meaning}"


def results() -> dict[str, tuple[int, str]]:
    """Value and text of everything that a call can return, by its name in C."""
    codes = {f"TCU_ERROR_{code.name}": (code.value, error_text(code)) for code in ErrorCode}
    refusals = {
        f"TCU_{refusal.name}": (FIRST_REFUSAL + number, f"{refusal.name}: {refusal.meaning}")
        for number, refusal in enumerate(REFUSALS)
    }
    return codes | refusals
