"""CRC-32 over the beats of a bus, as zlib computes it."""

import zlib

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

CRC_BITS = 32
_ONES = (1 << CRC_BITS) - 1


def _step(state: int, content: bytes) -> int:
    """The inner state of the sum after `content`; linear over the bits of both."""
    return zlib.crc32(content, state ^ _ONES) ^ _ONES


class BeatCrc(wiring.Component):
    """Several sums over beats of one bus, each beat into at most one of them.

    What a beat adds is the same whatever the sum was, and how a sum moves on the same whatever the beat is: so the
    beat's share is made a cycle ahead, and all sums share both networks.

    Latency: 2 cycles from `en` to `crc`. One beat per cycle. Reset: all sums are those of no bytes, 0.

    Parameters:
        bus_bytes: Bytes per beat, a multiple of 4.
        sums: Number of sums.

    Members:
        en: One bit per sum, at most one is 1: the beat goes into that one.
        beat: The bytes, first in the least significant bits.
        cut: The last 4 bytes of the beat count as 0.
        crc: The sums, as `zlib.crc32` gives them.
    """

    en: Signal
    beat: Signal
    cut: Signal
    crc: data.View

    LATENCY = 2

    def __init__(self, bus_bytes: int, sums: int):
        if bus_bytes < 4 or bus_bytes % 4:
            raise ValueError(f"bus_bytes is {bus_bytes!r}, but it must be a multiple of 4")
        self._bus_bytes, self._sums = bus_bytes, sums
        super().__init__(
            {
                "en": In(sums),
                "beat": In(8 * bus_bytes),
                "cut": In(1),
                "crc": Out(data.ArrayLayout(CRC_BITS, sums)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        zeros = bytes(self._bus_bytes)
        bits = 8 * self._bus_bytes
        content = Signal(bits)
        share = Signal(CRC_BITS, reset_less=True)
        share_of = Signal(self._sums)
        m.d.comb += [
            content.eq(self.beat),
            content[-CRC_BITS:].eq(self.beat[-CRC_BITS:] & ~self.cut.replicate(CRC_BITS)),
        ]
        shares = [_step(0, (1 << bit).to_bytes(self._bus_bytes, "little")) for bit in range(bits)]
        m.d.sync += [share.eq(_product(shares, content)), share_of.eq(self.en)]

        present = Signal(CRC_BITS)
        following = Signal(CRC_BITS)
        moves = [_step(1 << bit, zeros) for bit in range(CRC_BITS)]
        m.d.comb += following.eq(_product(moves, present) ^ share)
        for number in range(self._sums):
            state = Signal(CRC_BITS, name=f"state_{number}", init=_ONES)
            with m.If(share_of[number]):
                m.d.comb += present.eq(state)
                m.d.sync += state.eq(following)
            m.d.comb += self.crc[number].eq(~state)
        return m


def _product(columns: list[int], bits: Signal) -> Value:
    """The sum, modulo 2, of the `columns` whose bit is 1."""
    masks = [sum((column >> row & 1) << at for at, column in enumerate(columns)) for row in range(CRC_BITS)]
    return Cat((bits & mask).xor() for mask in masks)
