"""The host's registers (AXI4-Lite, 32 bits each): one table for the RTL, the driver, the simulator and the reference.

Counters wider than 32 bits take two registers, low half first; they stand still when the machine is not running.
"""

from dataclasses import dataclass
from enum import IntEnum

from tcugen.isa import INSTRUCTION_SET, Window

ADDRESS_BITS = 10
"""Width of AXI4-Lite addresses."""

IDENTIFICATION = 0x54435531
"""Value of register IDENTIFICATION: "TCU1"."""

WATCHDOG_CYCLES = 1 << 20
"""Value of register WATCHDOG after reset: 10 ms at 100 MHz, far more than any memory takes to answer."""


class ErrorCode(IntEnum):
    """Why a run stopped, and what registers ERROR_ADDRESS_* hold then."""

    NONE = 0
    WINDOW = 1
    READ_RESPONSE = 2
    WRITE_RESPONSE = 3
    OPCODE = 4
    BUS_HUNG = 5
    READ_LAST = 6
    CORE_HUNG = 7
    FORMAT = 8
    INSTRUCTION_SET = 9
    ARCHITECTURE = 10
    GENERATOR = 11
    LENGTH = 12
    WEIGHTS = 13
    PROGRAM_CHECKSUM = 14
    WEIGHTS_CHECKSUM = 15
    MEMORY_PARITY = 16


def error_codes(parity: int) -> tuple[ErrorCode, ...]:
    """The codes of a machine: MEMORY_PARITY is one of those with parity only."""
    return tuple(code for code in ErrorCode if parity or code != ErrorCode.MEMORY_PARITY)


class ProtectedMemory(IntEnum):
    """Memories that have a parity bit per lane in machines with parity, as error MEMORY_PARITY names them.

    A word counts for the memory that it came from until it is used: ACTIVATION includes the queues in which words wait
    for pooling, for the residual add and to be stored. PROGRAM is what fetch keeps, INSTRUCTIONS what waits for a unit.
    LOAD and STORE are beats on their way from and to the bus; QUEUES those of requests, bursts and places in all units.
    """

    ACTIVATION = 0
    WEIGHT_RING = 1
    PARAMETER_RING = 2
    ACCUMULATORS = 3
    INSTRUCTIONS = 4
    PROGRAM = 5
    LOAD = 6
    STORE = 7
    TABLES = 8
    QUEUES = 9


@dataclass(frozen=True)
class ErrorMeaning:
    """What an error code says: what happened, and what ERROR_ADDRESS_* hold."""

    doc: str
    address: str


_BURST = "byte address of the burst"
_FILE = "number of the window whose header it is: 0 PROGRAM, 1 WEIGHTS"

ERROR_MEANINGS = {
    ErrorCode.NONE: ErrorMeaning("no error since the last start", "0"),
    ErrorCode.WINDOW: ErrorMeaning("a burst outside its window, which was not issued", _BURST),
    ErrorCode.READ_RESPONSE: ErrorMeaning("memory answered a read with an error", _BURST),
    ErrorCode.WRITE_RESPONSE: ErrorMeaning("memory answered a write with an error", _BURST),
    ErrorCode.OPCODE: ErrorMeaning(
        "an instruction that the program does not hold whole: unknown opcode, missing shared part, or no END",
        "offset of the instruction in the program, in bytes",
    ),
    ErrorCode.BUS_HUNG: ErrorMeaning(
        "answers were due, and nothing moved on the bus for WATCHDOG cycles",
        "that of the error that was being handled, 0 if none was",
    ),
    ErrorCode.READ_LAST: ErrorMeaning(
        "RLAST at another beat than the burst's last, or a beat that no burst was due for",
        f"{_BURST}, 0 of a beat without one",
    ),
    ErrorCode.CORE_HUNG: ErrorMeaning(
        "no answer was due, and no unit moved for WATCHDOG cycles",
        "the instruction of the unit that has stood still longest: bits 3:0 its opcode, bits 15:4 its layer; "
        "0 if no unit has work",
    ),
    ErrorCode.FORMAT: ErrorMeaning("no header of this format at the beginning of a window", _FILE),
    ErrorCode.INSTRUCTION_SET: ErrorMeaning("a header of another instruction set", _FILE),
    ErrorCode.ARCHITECTURE: ErrorMeaning("a header of another architecture", _FILE),
    ErrorCode.GENERATOR: ErrorMeaning("a header of another version of tcugen", _FILE),
    ErrorCode.LENGTH: ErrorMeaning("the program is no number of whole blocks, or longer than window PROGRAM", "0"),
    ErrorCode.WEIGHTS: ErrorMeaning("size or checksum of the weights is not what the program was compiled with", "0"),
    ErrorCode.PROGRAM_CHECKSUM: ErrorMeaning(
        "a block of the program is not what the compiler wrote; none of its instructions was issued",
        "offset of the block in the program, in bytes",
    ),
    ErrorCode.WEIGHTS_CHECKSUM: ErrorMeaning(
        "the program has ended, and the weights it read are not those that the compiler wrote, or not all of them; "
        "results are worthless",
        "offset in window WEIGHTS up to which they were read",
    ),
    ErrorCode.MEMORY_PARITY: ErrorMeaning(
        "of a machine with parity only: a lane of a memory on chip was used whose parity was wrong, so a bit of it has "
        "flipped; results are worthless",
        "number of the memory: " + ", ".join(f"{memory.value} {memory.name}" for memory in ProtectedMemory),
    ),
}


class WindowFlaw(IntEnum):
    """Why a start is refused with the windows as they are set: the bits of register WINDOWS.

    EMPTY: PROGRAM has no byte. WRAPS: a window reaches beyond the last address of the bus. OVERLAP: OUTPUT or SCRATCH,
    which the machine writes, shares a byte with another window.
    """

    EMPTY = 0
    WRAPS = 1
    OVERLAP = 2


class ControlBit(IntEnum):
    """What a 1 written to register CONTROL does, by its bit."""

    START = 0
    SOFT_RESET = 1
    CLEAR_INTERRUPT = 2


class StatusBit(IntEnum):
    """What a 1 in register STATUS says, by its bit. All 0: at rest after a reset."""

    BUSY = 0
    DONE = 1
    ERROR = 2


class Stall(IntEnum):
    """Why the array did not take an operand in a cycle.

    With a pass ready to go: ACCUMULATORS, no bank is free; WEIGHTS, its tile is not there. With an instruction that
    waits: the unit it waits for first. With none: DRAIN, POOL, STORE if that unit is still at work, else PROGRAM.
    CONTROL is the rest: starts, ends and changes of instruction.
    """

    PROGRAM = 0
    LOAD = 1
    STORE = 2
    DRAIN = 3
    POOL = 4
    WEIGHTS = 5
    ACCUMULATORS = 6
    CONTROL = 7


@dataclass(frozen=True)
class Register:
    """One 32-bit register at byte `address`; `access` is "r", "rw" or "w" (writes only act, reads give 0)."""

    name: str
    address: int
    access: str
    doc: str


def _bits(names: type[IntEnum]) -> str:
    return "; ".join(f"bit {bit.value}: {bit.name.lower().replace('_', ' ')}" for bit in names)


def _table() -> tuple[Register, ...]:
    rows = [
        ("IDENTIFICATION", "r", f"0x{IDENTIFICATION:08x}"),
        ("ARCHITECTURE", "r", "fingerprint of the architecture"),
        ("CONTROL", "w", _bits(ControlBit)),
        ("STATUS", "r", _bits(StatusBit)),
        ("ERROR_CODE", "r", "; ".join(f"{code.value}: {code.name}" for code in ErrorCode)),
        ("ERROR_ADDRESS_LOW", "r", "address of the first error; see error codes"),
        ("ERROR_ADDRESS_HIGH", "r", ""),
        ("INTERRUPT_ENABLE", "rw", "bit 0: raise the interrupt at done or error"),
        (
            "WATCHDOG",
            "rw",
            "cycles in which nothing moves, after which the bus, or where no answer is due the core, counts as hung; "
            f"0: never; {WATCHDOG_CYCLES} after reset",
        ),
    ]
    for window in Window:
        rows += [
            (f"{window.name}_BASE_LOW", "rw", f"base address of window {window.name}, a multiple of 4096"),
            (f"{window.name}_BASE_HIGH", "rw", ""),
            (f"{window.name}_SIZE", "rw", f"bytes in window {window.name}"),
        ]
    wide = [("CYCLES", "cycles from start to done"), ("BUSY", "cycles in which the array took an operand")]
    wide += [(f"STALL_{stall.name}", f"cycles lost, reason {stall.name.lower()}") for stall in Stall]
    wide += [("BYTES_READ", "bytes of all read beats"), ("BYTES_WRITTEN", "bytes of all write beats")]
    for name, doc in wide:
        rows += [(f"{name}_LOW", "r", doc), (f"{name}_HIGH", "r", "")]
    rows += [
        ("LAYER_SELECT", "rw", "layer number whose counters LAYER_* show, when the machine is not running"),
        ("LAYER_BUSY", "r", "busy cycles of the selected layer"),
        *((f"LAYER_STALL_{stall.name}", "r", f"its stalled cycles, reason {stall.name.lower()}") for stall in Stall),
    ]
    flaws = "; ".join(f"bit {flaw.value}: {flaw.name}" for flaw in WindowFlaw)
    rows += [
        (
            "WINDOWS",
            "r",
            f"0: a run may start with the windows as they are; {flaws}; bit {len(WindowFlaw)}: still looking",
        ),
        ("INSTRUCTION_SET", "r", f"0x{INSTRUCTION_SET:08x}, hash of the instruction set; programs hold the same"),
        (
            "GENERATOR",
            "r",
            "version of tcugen: a byte each for major, minor, patch, from bit 31 down; as in programs",
        ),
    ]
    return tuple(Register(name, 4 * index, access, doc) for index, (name, access, doc) in enumerate(rows))


REGISTERS = _table()
BY_NAME = {register.name: register for register in REGISTERS}


def counter_names() -> tuple[str, ...]:
    """Names of the 64-bit counters, in register order: CYCLES, BUSY, STALL_*, BYTES_READ, BYTES_WRITTEN."""
    first = BY_NAME["CYCLES_LOW"].address
    low = [r.name for r in REGISTERS if r.address >= first and r.name.endswith("_LOW")]
    return tuple(name.removesuffix("_LOW") for name in low)


def layer_counter_names() -> tuple[str, ...]:
    """Names of the per-layer counters without their prefix LAYER_, in register order: BUSY, STALL_*."""
    names = [r.name for r in REGISTERS if r.name.startswith("LAYER_") and r.access == "r"]
    return tuple(name.removeprefix("LAYER_") for name in names)
