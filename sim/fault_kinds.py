"""The kinds of faults in the table, and what the machine must make of each."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tcugen.arch import BURST_BEATS, Architecture
from tcugen.isa import WRITABLE_WINDOWS, Window
from tcugen.registers import BY_NAME, REGISTERS, ErrorCode
from tcugen.simulator.faults import Case, Channel, Outcome, WrongLast
from tcugen.simulator.headers import CONTROL_START, STATUS_DONE, STATUS_ERROR
from tcugen.simulator.memory_image import PAGE_BYTES, Area

SLVERR, DECERR = 2, 3
LAST_CYCLES = 100
"""Accesses that must come while the machine is busy come at least so long before the end of a run without a fault."""
START_CYCLES = 20
"""At most so many cycles of a run have gone by when the write that starts it is answered."""

FREE_REGISTERS = ("INTERRUPT_ENABLE", "LAYER_SELECT")
"""May be written while the machine is busy."""


@dataclass(frozen=True)
class FaultRow:
    """One kind of fault. All but the first four counts must be 0.

    Attributes:
        kind: What was wrong.
        injected: Runs with it.
        detected: Of these, ended with an error code, or with an answer to the host, that says what was wrong.
        harmless: Done and right, or at rest after a reset, where that is what should be.
        wrong_code: Ended in another way.
        undetected: Ended as done with wrong results, or though the fault must not pass.
        hangs: Were busy long after they should not have been.
        stray: Broke a rule of the bus, or a byte outside the windows that are written was another one afterwards.
        wrong_afterwards: Right runs after them whose results were wrong, or that were not done.
        codes: How often each error code came.
    """

    kind: str
    injected: int
    detected: int
    harmless: int
    wrong_code: int
    undetected: int
    hangs: int
    stray: int
    wrong_afterwards: int
    codes: dict[str, int]

    @property
    def good(self) -> bool:
        """Nothing went wrong that must not."""
        return self.detected + self.harmless == self.injected and not (self.stray or self.wrong_afterwards)


@dataclass(frozen=True)
class Setting:
    """What cases are drawn for: how a run without a fault goes, where its windows are, of what machine."""

    alone: Outcome
    areas: Mapping[Window, Area]
    architecture: Architecture


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: For the table.
        draw: A case at random.
        codes: Error codes that say what was wrong.
        refused: SLVERR to the host says so.
        done: A run that is done and right is as it should be.
        rest: A machine at rest, with no error, is.
    """

    name: str
    draw: Callable[[np.random.Generator, Setting], Case]
    codes: frozenset[ErrorCode] = frozenset()
    refused: bool = False
    done: bool = False
    rest: bool = False


def below(rng: np.random.Generator, count: int) -> int:
    """0 .. count - 1."""
    return int(rng.integers(count))


def read_response(rng: np.random.Generator, setting: Setting) -> Case:
    """SLVERR or DECERR with any beat of reads."""
    return Case(bad_read=below(rng, setting.alone.read_beats), response=(SLVERR, DECERR)[below(rng, 2)])


def write_response(rng: np.random.Generator, setting: Setting) -> Case:
    """SLVERR or DECERR to any write."""
    return Case(bad_write=below(rng, setting.alone.write_responses), response=(SLVERR, DECERR)[below(rng, 2)])


def silence(rng: np.random.Generator, setting: Setting) -> Case:
    """Any channel falls silent in any cycle; it may be one that is not needed any more."""
    channel = Channel(below(rng, len(Channel)))
    return Case(silent_from=below(rng, setting.alone.cycles), silent_channel=channel)


def pauses(rng: np.random.Generator, _setting: Setting) -> Case:
    """Every channel pauses at random: now and then, or in half of all cycles."""
    return Case(pause_one_in=(2, 3, 4, 8, 20, 100)[below(rng, 6)], seed=1 + below(rng, 1 << 30))


def wrong_last(rng: np.random.Generator, setting: Setting) -> Case:
    """RLAST inverted at any beat, a burst cut short, a beat too many."""
    return Case(wrong_last=below(rng, setting.alone.read_beats), last_kind=WrongLast(below(rng, len(WrongLast))))


def soft_reset(rng: np.random.Generator, setting: Setting) -> Case:
    """By register, in any cycle; in half of the cases on a bus that pauses."""
    return Case(
        soft_reset=below(rng, setting.alone.cycles), pause_one_in=4 * below(rng, 2), seed=1 + below(rng, 1 << 30)
    )


def hard_reset(rng: np.random.Generator, setting: Setting) -> Case:
    """Of machine and memory, in any cycle before the end."""
    return Case(
        hard_reset=below(rng, setting.alone.cycles - START_CYCLES),
        pause_one_in=4 * below(rng, 2),
        seed=1 + below(rng, 1 << 30),
    )


def start_while_busy(rng: np.random.Generator, setting: Setting) -> Case:
    """A second start, in any cycle of a run."""
    at = below(rng, setting.alone.cycles - LAST_CYCLES)
    return Case(access=at, register_address=BY_NAME["CONTROL"].address, register_value=CONTROL_START)


def setting_while_busy(rng: np.random.Generator, setting: Setting) -> Case:
    """Any value to any register that must not change, or cannot be written, in any cycle of a run."""
    names = [one.name for one in REGISTERS if one.access != "w" and one.name not in FREE_REGISTERS]
    register = BY_NAME[names[below(rng, len(names))]]
    at = below(rng, setting.alone.cycles - LAST_CYCLES)
    return Case(access=at, register_address=register.address, register_value=below(rng, 1 << 32))


def impossible_window(rng: np.random.Generator, setting: Setting) -> Case:
    """A base that cannot be stored, a window that wraps, one that is written over another one, no program."""
    top = 1 << setting.architecture.bus_address_bits
    window = Window(below(rng, len(Window)))
    area = setting.areas[window]
    match below(rng, 5):
        case 0:
            return Case(window=window, base=area.base + 1 + below(rng, PAGE_BYTES - 1), bytes=area.size)
        case 1:
            return Case(window=window, base=area.base + (top << below(rng, 64 - top.bit_length())), bytes=area.size)
        case 2:
            pages = 1 + below(rng, 1000)
            size = pages * PAGE_BYTES + 1 + below(rng, (1 << 32) - 1 - pages * PAGE_BYTES)
            return Case(window=window, base=top - pages * PAGE_BYTES, bytes=size)
        case 3:
            written = WRITABLE_WINDOWS[below(rng, len(WRITABLE_WINDOWS))]
            others = [one for one in Window if one != written and setting.areas[one].size]
            other = setting.areas[others[below(rng, len(others))]]
            first = max(0, other.base - PAGE_BYTES * below(rng, 4))
            return Case(window=written, base=first, bytes=other.base - first + 1 + below(rng, other.size))
        case _:
            return Case(window=Window.PROGRAM, base=setting.areas[Window.PROGRAM].base, bytes=0)


def small_window(rng: np.random.Generator, setting: Setting) -> Case:
    """A window smaller than it is by more than a beat; the program may not need what is missing."""
    bus_bytes = setting.architecture.bus_bytes
    needed = [one for one in Window if setting.areas[one].size > bus_bytes]
    window = needed[below(rng, len(needed))]
    area = setting.areas[window]
    size = below(rng, area.size - bus_bytes)
    return Case(window=window, base=area.base, bytes=max(size, 1 if window == Window.PROGRAM else 0))


KINDS = (
    Kind("SLVERR, DECERR to a read", read_response, frozenset({ErrorCode.READ_RESPONSE})),
    Kind("SLVERR, DECERR to a write", write_response, frozenset({ErrorCode.WRITE_RESPONSE})),
    Kind("silent channel", silence, frozenset({ErrorCode.BUS_HUNG}), done=True),
    Kind("random pauses of all channels", pauses, done=True),
    Kind("wrong RLAST", wrong_last, frozenset({ErrorCode.READ_LAST})),
    Kind("soft reset in any cycle", soft_reset, rest=True, done=True),
    Kind("hard reset in any cycle", hard_reset, rest=True),
    Kind("start while busy", start_while_busy, refused=True),
    Kind("register written while busy", setting_while_busy, refused=True),
    Kind("windows that cannot be", impossible_window, refused=True),
    Kind("windows too small", small_window, frozenset({ErrorCode.WINDOW, ErrorCode.LENGTH}), done=True),
)
"""All but the flipped bits, in the order of the table."""


def judged(kind: Kind, case: Case, outcome: Outcome, burst_bytes: int) -> str:
    """The count of a FaultRow that a case belongs to."""
    if outcome.stray:
        return "stray"
    if outcome.hung:
        return "hangs"
    if outcome.refused and kind.refused and (not outcome.started or (outcome.status == STATUS_DONE and outcome.right)):
        return "detected"
    if outcome.status == STATUS_ERROR:
        spoilt = outcome.bad_address if case.bad_read >= 0 else outcome.address
        there = outcome.address <= spoilt < outcome.address + burst_bytes
        return "detected" if outcome.code in kind.codes and there else "wrong_code"
    if outcome.status == STATUS_DONE:
        # A burst of several beats may not have come any more, which could have been cut short.
        may_be_done = kind.done or (case.wrong_last >= 0 and not outcome.happened)
        return "harmless" if may_be_done and outcome.right else "undetected"
    return "harmless" if kind.rest and outcome.started and outcome.code == ErrorCode.NONE else "wrong_code"


def row(kind: Kind, cases: list[Case], outcomes: tuple[Outcome, ...], architecture: Architecture) -> FaultRow:
    """Counts what became of each case."""
    burst_bytes = BURST_BEATS * architecture.bus_bytes
    counts = Counter(judged(kind, *pair, burst_bytes) for pair in zip(cases, outcomes, strict=True))
    codes = Counter("SLVERR" if o.refused else o.code.name for o in outcomes if o.refused or o.code)
    touched = sum(not outcome.untouched and not outcome.stray for outcome in outcomes)
    return FaultRow(
        kind.name,
        len(cases),
        counts["detected"],
        counts["harmless"],
        counts["wrong_code"],
        counts["undetected"],
        counts["hangs"],
        counts["stray"] + touched,
        sum(not outcome.right_afterwards and not outcome.stray for outcome in outcomes),
        dict(codes),
    )
