"""Products that are needed once per instruction, without a multiplier."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out


class SerialProduct(Component):
    """`factor` times each of several operands, modulo the operands' widths, by shifting and adding.

    Members:
        start: One pulse per product; factor and operands are read in that cycle.
        factor: `factor_bits` wide, unsigned.
        operands: By the names given, of the widths given.
        products: By the same names, as wide, modulo 2**width; right while `ready`.
        ready: From the cycle after `start` if the factor is 0, one cycle later per bit up to the factor's highest
            that is 1, until the cycle after the next `start`.

    Parameters:
        factor_bits: Width of the factor.
        operand_bits: Width of each operand, by name.
    """

    start: Signal
    factor: Signal
    operands: data.View
    products: data.View
    ready: Signal

    def __init__(self, factor_bits: int, **operand_bits: int):
        self._names = tuple(operand_bits)
        layout = data.StructLayout(operand_bits)
        super().__init__(
            {
                "start": In(1),
                "factor": In(factor_bits),
                "operands": In(layout),
                "products": Out(layout),
                "ready": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        left = Signal.like(self.factor)  # bits of the factor that are not worked off, the next one lowest
        pending = Signal()  # left != 0
        m.d.comb += self.ready.eq(~pending)
        with m.If(self.start):
            m.d.sync += [left.eq(self.factor), pending.eq(self.factor.any())]
        with m.Else():
            m.d.sync += [left.eq(left >> 1), pending.eq(left[1:].any())]
        for name in self._names:
            operand, product = self.operands[name], self.products[name]
            shifted = Signal(len(operand), name=f"shifted_{name}", reset_less=True)
            with m.If(self.start):
                m.d.sync += [product.eq(0), shifted.eq(operand)]
            with m.Else():
                m.d.sync += shifted.eq(shifted << 1)
                with m.If(left[0]):
                    m.d.sync += product.eq(product + shifted)
        return m
