"""Two banks of accumulators: one sums up what leaves the array while the other is drained."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.rtl.sram import Sram

ACCUMULATE = data.StructLayout(
    {
        "valid": 1,
        "bank": 1,
        "first": 1,
        "last": 1,
    }
)
"""What happens to the sums of one operand word: its tag, travelling beside the wave.

Attributes:
    valid: The sums mean something.
    bank: Accumulator bank of the tile.
    first: Store the sums instead of adding them.
    last: The tile is complete with this word.
"""


class Accumulators(Component):
    """`columns` accumulators for each of `accumulator_depth` pixels, in two banks.

    Members:
        tag, pixel: Of the sums that come two cycles LATER (the old value must be read before it can be added to).
        sums: From the array.
        read_en, read_bank, read_pixel: Read one pixel's accumulators for the output path; `read_data` holds them from
            the cycle after the next until one cycle after the next read. The bank must not be summing up.
        filled: A pulse for each complete tile, in the cycle after which it may be read.

    Two words for the same pixel must be at least 4 cycles apart, which `WeightLoader` sees to. The sums cannot
    overflow: the compiler proves it.
    """

    tag: data.View
    pixel: Signal
    sums: data.View
    read_en: Signal
    read_bank: Signal
    read_pixel: Signal
    read_data: data.View
    filled: Signal

    def __init__(self, architecture: Architecture):
        self.columns, self.depth = architecture.columns, architecture.accumulator_depth
        self.bits = architecture.accumulator_bits
        super().__init__(
            {
                "tag": In(ACCUMULATE),
                "pixel": In(bits_for(self.depth)),
                "sums": In(data.ArrayLayout(signed(architecture.partial_sum_bits), self.columns)),
                "read_en": In(1),
                "read_bank": In(1),
                "read_pixel": In(bits_for(self.depth)),
                "read_data": Out(data.ArrayLayout(signed(self.bits), self.columns)),
                "filled": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        reading = Signal(ACCUMULATE)
        adding = Signal(ACCUMULATE)
        storing = Signal(ACCUMULATE)
        reading_pixel = Signal.like(self.pixel)
        adding_pixel = Signal.like(self.pixel)
        storing_pixel = Signal.like(self.pixel)
        drained_bank = Signal()
        m.d.sync += [
            reading.eq(self.tag),
            reading_pixel.eq(self.pixel),
            adding.eq(reading),
            adding_pixel.eq(reading_pixel),
            storing.eq(adding),
            storing_pixel.eq(adding_pixel),
            self.filled.eq(storing.valid & storing.last),
        ]
        drained = Signal()
        m.d.sync += drained.eq(self.read_en)
        with m.If(self.read_en):
            m.d.sync += drained_bank.eq(self.read_bank)

        summing = [Signal(name=f"summing_{bank}") for bank in range(2)]
        for bank in range(2):
            m.d.comb += summing[bank].eq(self.tag.valid & (self.tag.bank == bank))
        for c in range(self.columns):
            old = [Signal(signed(self.bits), name=f"old_{bank}_{c}") for bank in range(2)]
            total = Signal(signed(self.bits), name=f"total_{c}", reset_less=True)
            for bank in range(2):
                m.submodules[f"bank{bank}_column{c}"] = memory = Sram(self.bits, self.depth)
                m.d.comb += [
                    memory.read_en.eq((summing[bank] & ~self.tag.first) | (self.read_en & (self.read_bank == bank))),
                    memory.read_addr.eq(self.pixel),
                    old[bank].eq(memory.read_data),
                    memory.write_en.eq(storing.valid & (storing.bank == bank)),
                    memory.write_addr.eq(storing_pixel),
                    memory.write_data.eq(total),
                ]
                with m.If(~summing[bank]):
                    m.d.comb += memory.read_addr.eq(self.read_pixel)
            # What a block RAM gives comes late in its cycle: it goes into a register before it is added to.
            before = Signal(signed(self.bits), name=f"before_{c}", reset_less=True)
            m.d.sync += [
                before.eq(Mux(reading.bank, old[1], old[0])),
                total.eq(self.sums[c] + Mux(adding.first, 0, before)),
            ]
            with m.If(drained):
                m.d.sync += self.read_data[c].eq(Mux(drained_bank, old[1], old[0]))
        return m
