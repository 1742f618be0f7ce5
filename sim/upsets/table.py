"""Upsets by class of state: what is drawn of each, and what became of them."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from sim.upsets.simulator import Outcome, Upset
from sim.upsets.state import Variable
from tcugen.registers import ErrorCode
from tcugen.simulator.headers import STATUS_DONE, STATUS_ERROR

HUNG_CODES = (ErrorCode.CORE_HUNG, ErrorCode.BUS_HUNG)
FATES = ("masked", "detected", "wrong", "hung", "stray")

Class = tuple[str, str]
"""Unit, and `registers` or `memory`."""


@dataclass(frozen=True)
class UpsetRow:
    """Upsets of one class of state.

    Attributes:
        unit, kind: Which.
        bits: Of it in the machine.
        upsets: Runs with one of these flipped.
        masked: Of these, done and right.
        detected: Stopped by the machine with an error code.
        wrong: Done with wrong outputs, and nothing said so.
        hung: Stopped by the machine as CORE_HUNG or BUS_HUNG, or without an interrupt for as long as was waited.
        stray: Broke a rule of the bus, its windows or the host's port.
        codes: How often which error code came.
    """

    unit: str
    kind: str
    bits: int
    upsets: int
    masked: int
    detected: int
    wrong: int
    hung: int
    stray: int
    codes: dict[str, int]


def classes(state: tuple[Variable, ...]) -> dict[Class, list[int]]:
    """Numbers of the variables of each class, in the order of units."""
    found: dict[Class, list[int]] = {}
    for number, variable in enumerate(state):
        found.setdefault((variable.unit, variable.kind), []).append(number)
    return dict(sorted(found.items()))


def drawn(
    state: tuple[Variable, ...], numbers: list[int], cycles: int, count: int, rng: np.random.Generator
) -> list[Upset]:
    """`count` upsets of these variables: any bit, in any of `cycles` cycles, each as likely as the others."""
    ends = np.cumsum([state[number].size for number in numbers])
    upsets: list[Upset] = []
    for bit in map(int, rng.integers(ends[-1], size=count)):
        place = int(np.searchsorted(ends, bit, side="right"))
        variable = state[numbers[place]]
        within = bit - int(ends[place]) + variable.size
        upsets.append(Upset(int(rng.integers(cycles)), numbers[place], within // variable.bits, within % variable.bits))
    return upsets


def fate(outcome: Outcome) -> str:
    """One of FATES."""
    if outcome.stray or not outcome.untouched:
        return "stray"
    if outcome.hung or (outcome.status & STATUS_ERROR and outcome.code in HUNG_CODES):
        return "hung"
    if outcome.status & STATUS_ERROR:
        return "detected"
    if outcome.status & STATUS_DONE:
        return "masked" if outcome.right else "wrong"
    # At rest with neither: a host that asks for the status sees that the run was not done.
    return "detected"


def row(which: Class, bits: int, outcomes: list[Outcome]) -> UpsetRow:
    """Counts what became of each."""
    fates = Counter(map(fate, outcomes))
    codes = Counter(one.code.name for one in outcomes if one.status & STATUS_ERROR and not one.stray)
    unit, kind = which
    return UpsetRow(unit, kind, bits, len(outcomes), **{name: fates[name] for name in FATES}, codes=dict(codes))


def table(rows: list[UpsetRow]) -> list[str]:
    """The lines of the table; the last one weighs every class with its bits, memories and registers apart."""
    lines = [
        "| unit | state | bits | upsets | masked | detected | silently wrong | hung | stray | codes |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for one in rows:
        codes = ", ".join(f"{name} {count}" for name, count in sorted(one.codes.items(), key=lambda item: -item[1]))
        counts = " | ".join(f"{getattr(one, name):,}" for name in FATES)
        lines.append(f"| {one.unit} | {one.kind} | {one.bits:,} | {one.upsets:,} | {counts} | {codes} |")
    for kind in ("memory", "registers"):
        some = [one for one in rows if one.kind == kind]
        bits = sum(one.bits for one in some)
        shares = [sum(one.bits * getattr(one, name) / one.upsets for one in some) / max(bits, 1) for name in FATES]
        upsets = sum(one.upsets for one in some)
        counts = " | ".join(f"{share:.1%}" for share in shares)
        lines.append(f"| all, by bits | {kind} | {bits:,} | {upsets:,} | {counts} | |")
    return lines
