"""Parity of what memories hold: one bit for each lane, made where it is written and looked at where it is used.

A lane is stored as its bits and, above them, one that makes the number of ones odd: a word of zeros, as a memory that
has failed may read, is wrong. Lanes that were never written hold anything, so only lanes that are used are looked at.

    cycle     0               1                         2             3                  4
              lane is used    XORed, 16 bits a piece    of a unit     of a memory        error, at Control

A lane is used while its unit is at work or the bus is not idle, in cycle c at the latest if c is the first cycle
without either. `Dispatch` reports the end in cycle c + SETTLE_CYCLES or later, and in one cycle an error is stronger
than the end: a run that is done had no error on its way.
"""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tcugen.arch import Architecture
from tcugen.registers import ErrorCode, ProtectedMemory
from tcugen.rtl.control import SETTLE_CYCLES, error_report

PART_BITS = 16
"""Bits XORed before a register: what a block RAM gives comes late in its cycle."""

ERROR_CYCLES = 4
"""From the use of a lane to the error."""


def protected(word: Value, lane_bits: int) -> Value:
    """The lanes of `word`, each with its parity bit above it."""
    return Cat(Cat(lane, ~lane.xor()) for lane in _lanes(word, lane_bits))


def plain(word: Value, lane_bits: int) -> Value:
    """What `protected` was given."""
    return Cat(lane[:lane_bits] for lane in _lanes(word, lane_bits + 1))


def wrong_lanes(m: Module, word: Value, lane_bits: int, name: str) -> Value:
    """One bit for each protected lane of `word`, a cycle later: its parity is wrong."""
    found: list[Value] = []
    for number, lane in enumerate(_lanes(word, lane_bits + 1)):
        starts = range(0, lane_bits + 1, PART_BITS)
        parts = Signal(len(starts), name=f"{name}_parity_{number}", reset_less=True)
        m.d.sync += parts.eq(Cat(lane[start : start + PART_BITS].xor() for start in starts))
        found.append(~parts.xor())
    return Cat(found)


def _lanes(word: Value, bits: int) -> list[Value]:
    if len(word) % bits:
        raise ValueError(f"a word of {len(word)} bits has no lanes of {bits} bits; the lane must divide the word")
    return [word[start : start + bits] for start in range(0, len(word), bits)]


assert ERROR_CYCLES <= SETTLE_CYCLES, "or a run is done before its last error arrives"


class ParityReport(wiring.Component):
    """Turns flags of units into the error MEMORY_PARITY, at the number of the memory; the lowest number first.

    Members:
        wrong: By ProtectedMemory: a lane with wrong parity was used.
        error: The error, 2 cycles later.
    """

    wrong: Signal
    error: data.View

    def __init__(self, architecture: Architecture):
        super().__init__({"wrong": In(len(ProtectedMemory)), "error": Out(error_report(architecture))})

    def elaborate(self, platform):
        m = Module()
        gathered = Signal.like(self.wrong)
        m.d.sync += [gathered.eq(self.wrong), self.error.valid.eq(gathered.any())]
        m.d.comb += self.error.code.eq(ErrorCode.MEMORY_PARITY)
        for memory in reversed(ProtectedMemory):
            with m.If(gathered[memory]):
                m.d.sync += self.error.address.eq(memory)
        return m
