"""What calls of the driver return besides success: error codes of the machine, and refusals of the driver itself."""

from typing import NamedTuple

from tcugen.registers import ERROR_MEANINGS, ErrorCode, error_codes

_CHECK_FILES = "check that program.bin and weights.bin of this build are in memory, and flush the caches"

REMEDIES = {
    ErrorCode.NONE: "",
    ErrorCode.WINDOW: "check the sizes of the windows and the program",
    ErrorCode.READ_RESPONSE: "check the address",
    ErrorCode.WRITE_RESPONSE: "check the address",
    ErrorCode.OPCODE: "build the program again",
    ErrorCode.BUS_HUNG: "make a soft reset, or reset the bus",
    ErrorCode.READ_LAST: "make a soft reset; memory or interconnect is at fault",
    ErrorCode.CORE_HUNG: "build the program again",
    ErrorCode.FORMAT: _CHECK_FILES,
    ErrorCode.INSTRUCTION_SET: "take program and Verilog from one build",
    ErrorCode.ARCHITECTURE: "take program and Verilog from one build",
    ErrorCode.GENERATOR: "take program and Verilog from one build",
    ErrorCode.LENGTH: _CHECK_FILES,
    ErrorCode.WEIGHTS: "take program.bin and weights.bin from one build",
    ErrorCode.PROGRAM_CHECKSUM: _CHECK_FILES,
    ErrorCode.WEIGHTS_CHECKSUM: _CHECK_FILES,
    ErrorCode.MEMORY_PARITY: "start the run again",
}
"""What to do about each code; what it means stands with the codes."""


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
    Refusal("BAD_ARGUMENT", "the call does not fit the tensor's type or shape, or there is no such layer"),
    Refusal("NO_RUN", "no run has ended since the last was taken; start one first"),
)


def error_text(code: ErrorCode) -> str:
    """One line: the code's name, what it means and what to do."""
    return "; ".join(filter(None, (f"{code.name}: {ERROR_MEANINGS[code].doc}", REMEDIES[code])))


def results(parity: int = 0) -> dict[str, tuple[int, str]]:
    """Value and text of everything that a call can return, by its name in C, of a machine with or without parity."""
    codes = {f"TCU_ERROR_{code.name}": (code.value, error_text(code)) for code in error_codes(parity)}
    refusals = {
        f"TCU_{refusal.name}": (FIRST_REFUSAL + number, f"{refusal.name}: {refusal.meaning}")
        for number, refusal in enumerate(REFUSALS)
    }
    return codes | refusals
