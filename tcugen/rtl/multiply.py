"""The product of two int8 tensors: a sum that is one value less its zero point, times the residual operand."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from tcugen.rtl.pipeline import Pipeline

FACTOR_BITS = 9
"""Signed width of a difference of two int8, -255 .. 255."""


class MultiplyLanes(Component):
    """`lanes` multipliers in front of the requantiser: results[i] = sums[i] * (b[i] - zero_point), or sums[i] where
    `bypass` is 1.

    |product| <= 255 * 255 < 2**16, so no bit is lost. One result per lane and cycle, `LATENCY` enabled clock edges
    after its operands, with `bypass` too; no back-pressure, no reset.

    Parameters:
        lanes: Number of lanes, at least 1. ValueError otherwise.

    Members:
        enable: 0 holds every stage.
        sums: Any 32-bit value with `bypass`, -255 .. 255 without.
        b: int8.
        zero_point: Of b, sampled with it; shared by all lanes.
        bypass: Shared by all lanes; must not change while operands are in the pipeline.
        results: 32 bits.
    """

    enable: Signal
    sums: data.View
    b: data.View
    zero_point: Signal
    bypass: Signal
    results: data.View

    LATENCY = 3

    def __init__(self, lanes: int):
        if not isinstance(lanes, int) or lanes < 1:
            raise ValueError(f"multiply lanes must be a positive integer, not {lanes!r}; use 1 or more")
        self.lanes = lanes
        sums = data.ArrayLayout(signed(32), lanes)
        super().__init__(
            {
                "enable": In(1),
                "sums": In(sums),
                "b": In(data.ArrayLayout(signed(8), lanes)),
                "zero_point": In(signed(8)),
                "bypass": In(1),
                "results": Out(sums),
            }
        )

    @staticmethod
    def model(total: int, b: int, zero_point: int, bypass: int = 0) -> int:
        """The result of one lane; arguments as the members of the same meaning."""
        return total if bypass else total * (b - zero_point)

    def elaborate(self, platform) -> Module:
        m = Module()
        for lane in range(self.lanes):
            pipe = Pipeline(m, self.enable, f"lane{lane}_")
            # Both factors come from registers of their own and the product goes into one: those of a DSP block.
            totals = pipe.delayed("total", self.sums[lane], 2)
            factor = pipe.register("factor", self.sums[lane][:FACTOR_BITS].as_signed())
            difference = pipe.register("difference", self.b[lane] - self.zero_point)
            product = pipe.register("product", factor * difference)
            result = Mux(self.bypass, totals[-1], product).as_signed()
            m.d.comb += self.results[lane].eq(pipe.register("result", result))
        return m
