"""The array: rows x columns multiplier cells, weight-stationary, with a shadow weight plane.

    operand byte 0 ──────────────► [x]─┬─►cell──┬─►cell──┬─► ...     row 0
    operand byte 1 ──[delay 1]───► [x]─┴─►cell──┴─►cell──┴─► ...     row 1     partial sums run down,
    operand byte 2 ──[delay 2]───► [x]───►cell────►cell────► ...     row 2     one row per cycle
                                            │        │
                                            ▼        ▼
                                         sums[0]  sums[1]

Every operand word is a wave: row r meets it r cycles after row 0, exactly when the partial sums of that wave arrive
from row r - 1. `swap` rides on the wave, so each row changes to its new weights just before the first operand that
needs them and no cycle is lost between two weight tiles.
"""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for


class Array(Component):
    """rows x columns multiply-accumulate cells.

    Members:
        operand: `rows` signed bytes, one word per cycle; byte r goes to row r.
        swap: This word and all later ones use the weights of the shadow plane as they stand when the word reaches
            each row.
        weight_en, weight_row, weight_data: Store `columns` signed bytes into row `weight_row` of the shadow plane.
            After a swap given in cycle t, row r may be stored from cycle t + r on, and before a swap in cycle t,
            until cycle t + r - 1: a loader that starts with row 0 and stores one row per cycle can chase the wave.
        sums: `columns` signed sums of the word that entered `latency` cycles before.

    There is no valid bit and no reset: whoever feeds the array knows which sums mean something.
    """

    operand: data.View
    swap: Signal
    weight_en: Signal
    weight_row: Signal
    weight_data: data.View
    sums: data.View

    def __init__(self, architecture: Architecture):
        self.rows, self.columns = architecture.rows, architecture.columns
        self.sum_bits = architecture.partial_sum_bits
        self.latency = self.rows + 2
        super().__init__(
            {
                "operand": In(data.ArrayLayout(signed(8), self.rows)),
                "swap": In(1),
                "weight_en": In(1),
                "weight_row": In(bits_for(self.rows)),
                "weight_data": In(data.ArrayLayout(signed(8), self.columns)),
                "sums": Out(data.ArrayLayout(signed(self.sum_bits), self.columns)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        swap = self.swap
        sums: list[Signal] = []
        for r in range(self.rows):
            x = self._delayed_operand(m, r)
            shadow = Signal(8 * self.columns, name=f"shadow_{r}", reset_less=True)
            live = Signal(8 * self.columns, name=f"live_{r}", reset_less=True)
            with m.If(self.weight_en & (self.weight_row == r)):
                m.d.sync += shadow.eq(self.weight_data)
            with m.If(swap):
                m.d.sync += live.eq(shadow)
            if r + 1 < self.rows:
                next_swap = Signal(name=f"swap_{r + 1}", reset_less=True)
                m.d.sync += next_swap.eq(swap)
                swap = next_swap
            # |sum of r + 1 products| <= (r + 1) * 2**14: 15 + bits of (r + 1) hold it with its sign.
            bits = 16 + r.bit_length()
            totals: list[Signal] = []
            for c in range(self.columns):
                product = Signal(signed(16), name=f"product_{r}_{c}", reset_less=True)
                total = Signal(signed(bits), name=f"sum_{r}_{c}", reset_less=True)
                m.d.sync += product.eq(x * live[8 * c : 8 * c + 8].as_signed())
                m.d.sync += total.eq(sums[c] + product if sums else product)
                totals.append(total)
            sums = totals
        m.d.comb += [self.sums[c].eq(sums[c]) for c in range(self.columns)]
        return m

    def _delayed_operand(self, m: Module, r: int) -> Signal:
        """Operand byte r after r + 1 registers."""
        line = Signal(8 * (r + 1), name=f"skew_{r}", reset_less=True)
        m.d.sync += line.eq(Cat(self.operand[r], line)[: 8 * (r + 1)])
        x = Signal(signed(8), name=f"operand_{r}")
        m.d.comb += x.eq(line[8 * r :])
        return x
