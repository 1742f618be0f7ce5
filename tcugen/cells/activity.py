"""How often the registers of a machine toggle, from the waves of a run of its Verilog."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TextIO

from tcugen.cells.flat import Bit, Flat
from tcugen.fpga.errors import SynthesisError
from tcugen.trace.vcd import declarations

TICKS_PER_CYCLE = 2
"""Of the time in waves that `simulate --waves` writes."""

_ROOT = "TOP.tcu_top."


@dataclass(frozen=True)
class Activity:
    """Of one bit: `toggles` per cycle, and the share of time in which it is 1."""

    toggles: float
    high: float


@dataclass(frozen=True)
class Activities:
    """Of nets that come from a register, a memory or outside.

    Attributes:
        nets: Activity by net. Those that the waves do not have are given the mean of their kind.
        seen: Share that the waves have.
        cycles: Length of the waves.
    """

    nets: dict[int, Activity]
    seen: float
    cycles: int


def read_activities(waves: Path, flat: Flat, registers: Iterable[int]) -> Activities:
    """Activity of all nets that start a path.

    Args:
        waves: VCD that `simulate --waves` wrote of the same build.
        registers: Nets that registers drive.

    Raises:
        SynthesisError: If it cannot be read, is shorter than a cycle, or has fewer than half of the registers: then it
            is of another machine.
    """
    kinds = [list(registers), list(flat.inputs)]
    wanted = {net: flat.aliases.get(net, []) for nets in kinds for net in nets}
    try:
        with waves.open() as file:
            bits, cycles = read_bits(file, {f"{_ROOT}{name}" for names in wanted.values() for name, _ in names})
    except (OSError, UnicodeDecodeError, ValueError, IndexError, KeyError) as error:
        raise SynthesisError(
            f"--activity {waves}: cannot be read as VCD ({error}); write it with "
            "`tcugen simulate --rtl BUILD --waves FILE.vcd`"
        ) from None
    found = {net: hit for net, names in wanted.items() if (hit := _first(bits, names)) is not None}
    seen = sum(net in found for net in kinds[0])
    if 2 * seen < len(kinds[0]):
        raise SynthesisError(
            f"--activity {waves}: has {seen:,} of {len(kinds[0]):,} flip-flops of the build; give waves of this build, "
            "by `tcugen simulate --rtl BUILD --waves FILE.vcd`"
        )
    nets: dict[int, Activity] = {}
    for group in kinds:
        known = [found[net] for net in group if net in found]
        mean = Activity(fmean(one.toggles for one in known), fmean(one.high for one in known)) if known else None
        nets |= {net: one for net in group if (one := found.get(net, mean)) is not None}
    return Activities(nets, len(found) / len(wanted), cycles)


def _first(bits: Mapping[Bit, Activity], names: Iterable[Bit]) -> Activity | None:
    return next((hit for name, index in names if (hit := bits.get((f"{_ROOT}{name}", max(index, 0))))), None)


@dataclass
class _Signal:
    """What was seen of a signal: its value, toggles of each bit, and ticks in which each bit was 1."""

    names: list[str]
    width: int
    value: int | None = None
    toggles: list[int] = field(default_factory=list[int])
    high: list[int] = field(default_factory=list[int])

    def take(self, value: int, time: int) -> None:
        """A new value, from `time` on. A bit that falls has been 1 until `time`, one that rises not before it."""
        if self.value is None:
            self.value = 0
            self.toggles, self.high = [0] * self.width, [0] * self.width
            changed, counted = value, 0
        else:
            changed, counted = value ^ self.value, 1
        while changed:
            index = (changed & -changed).bit_length() - 1
            changed &= changed - 1
            self.toggles[index] += counted
            self.high[index] += -time if value >> index & 1 else time
        self.value = value


def read_bits(file: TextIO, names: set[str]) -> tuple[dict[Bit, Activity], int]:
    """Activity of every bit of the signals `names`, of those that the file has, and its length in cycles.

    What is not 0 or 1 reads as 0. The first value of a signal is no toggle.

    Raises:
        ValueError: If it is shorter than a cycle, or no VCD.
    """
    signals = _signals(file, names)
    first: int | None = None
    time = 0
    for line in file:
        if line[0] == "#":
            time = int(line[1:])
            first = time if first is None else first
        elif line[0] == "b":
            bits, code = line[1:].split()
            if code in signals:
                signals[code].take(int(bits, 2) if not bits.strip("01") else 0, time - (first or 0))
        elif (signal := signals.get(line[1:].rstrip("\n"))) is not None:
            signal.take(line[0] == "1", time - (first or 0))
    ticks = time - (first or 0)
    if ticks < TICKS_PER_CYCLE:
        raise ValueError("it is shorter than a cycle")
    found: dict[Bit, Activity] = {}
    for signal in signals.values():
        last = signal.value or 0
        for index, (toggles, high) in enumerate(zip(signal.toggles, signal.high, strict=True)):
            ones = high + (ticks if last >> index & 1 else 0)
            activity = Activity(toggles * TICKS_PER_CYCLE / ticks, ones / ticks)
            found |= {(name, index): activity for name in signal.names}
    return found, ticks // TICKS_PER_CYCLE


def _signals(lines: Iterable[str], names: set[str]) -> dict[str, _Signal]:
    """The signals by the code that the file gives them; reads the head of the file."""
    found: dict[str, _Signal] = {}
    for code, name, width in declarations(lines):
        if name in names:
            found.setdefault(code, _Signal([], width)).names.append(name)
    return found
