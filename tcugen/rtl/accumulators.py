"""Two banks of accumulators: one sums up what leaves the array while the other is drained."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.rtl.parity import protected, wrong_lanes
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
    wrong: Signal

    def __init__(self, architecture: Architecture):
        self.columns, self.depth = architecture.columns, architecture.accumulator_depth
        self.bits, self.parity = architecture.accumulator_bits, architecture.parity
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
                # Where sums have a parity bit: one that was added to or drained was wrong.
                **({"wrong": Out(1)} if self.parity else {}),
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

        added: list[Value] = []  # what shows parity
        left: list[Value] = []
        summing = [Signal(name=f"summing_{bank}") for bank in range(2)]
        for bank in range(2):
            m.d.comb += summing[bank].eq(self.tag.valid & (self.tag.bank == bank))
        for c in range(self.columns):
            old = [Signal(signed(self.bits + self.parity), name=f"old_{bank}_{c}") for bank in range(2)]
            total = Signal(signed(self.bits), name=f"total_{c}", reset_less=True)
            for bank in range(2):
                m.submodules[f"bank{bank}_column{c}"] = memory = Sram(self.bits + self.parity, self.depth)
                m.d.comb += [
                    memory.read_en.eq((summing[bank] & ~self.tag.first) | (self.read_en & (self.read_bank == bank))),
                    memory.read_addr.eq(self.pixel),
                    old[bank].eq(memory.read_data),
                    memory.write_en.eq(storing.valid & (storing.bank == bank)),
                    memory.write_addr.eq(storing_pixel),
                    memory.write_data.eq(protected(total, self.bits) if self.parity else total),
                ]
                with m.If(~summing[bank]):
                    m.d.comb += memory.read_addr.eq(self.read_pixel)
            # What a block RAM gives comes late in its cycle: it goes into a register before it is added to.
            before = Signal(signed(self.bits + self.parity), name=f"before_{c}", reset_less=True)
            addend = before[: self.bits].as_signed() if self.parity else before
            m.d.sync += [
                before.eq(Mux(reading.bank, old[1], old[0])),
                total.eq(self.sums[c] + Mux(adding.first, 0, addend)),
            ]
            with m.If(drained):
                m.d.sync += self.read_data[c].eq(Mux(drained_bank, old[1], old[0]))
            if self.parity:
                drained_bit = Signal(name=f"drained_parity_{c}", reset_less=True)
                with m.If(drained):
                    m.d.sync += drained_bit.eq(Mux(drained_bank, old[1], old[0])[-1])
                added.append(wrong_lanes(m, before.as_unsigned(), self.bits, f"before_{c}"))
                left.append(wrong_lanes(m, Cat(self.read_data[c], drained_bit), self.bits, f"drained_{c}"))
        if self.parity:
            self._check(m, storing.valid & ~storing.first, drained, Cat(added), Cat(left))
        return m

    def _check(self, m: Module, adds: Value, drained: Signal, added: Value, left: Value) -> None:
        """Sums that were added to three cycles after they were read, `adds`, or that were drained."""
        leaving, checked = Signal(), Signal()
        m.d.sync += [leaving.eq(drained), checked.eq(leaving)]
        m.d.sync += self.wrong.eq((adds & added.any()) | (checked & left.any()))
