"""From a float32 product to an integer with fraction bits: the operand of an add that is not rounded before the sum."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tcugen.arch import FRACTION_BITS
from tcugen.rtl.pipeline import Pipeline
from tcugen.rtl.requantise import FIXED_SATURATED, PRODUCT, PRODUCT_POINT, RequantiseLanes, float_product, round_shift

MAGNITUDE_BITS = 32
"""2**MAGNITUDE_BITS is where results saturate. The other operand of the add is 255 * (2**24 - 1) at most, so that from
there on the sum is beyond 255 * 2**FRACTION_BITS whatever the other operand is: the result of the add saturates too."""

FIXED_BITS = MAGNITUDE_BITS + 2
"""Signed width of a result, -2**MAGNITUDE_BITS .. 2**MAGNITUDE_BITS."""

FINE = 8
"""Products are shifted by 0 .. FINE - 1 bits first, then by multiples of FINE."""

COARSE = FIXED_SATURATED // FINE
"""The most such multiples; the next one stands for those that saturate."""


class FixedPointLanes(wiring.Component):
    """`lanes` roundings after a requantiser's products: results[i] = rne(product[i] * 2**FRACTION_BITS), saturated at
    2**MAGNITUDE_BITS in magnitude.

    One result per lane and cycle, `LATENCY` enabled clock edges after its product, which is when the requantiser's own
    result comes; no back-pressure, no reset: results are meaningless until products have passed through.

    Parameters:
        lanes: Number of lanes, at least 1. ValueError otherwise.

    Members:
        enable: 0 holds every stage.
        products: As a requantiser gives them.
        results: FIXED_BITS wide, signed.
    """

    enable: Signal
    products: data.View
    results: data.View

    LATENCY = RequantiseLanes.LATENCY - RequantiseLanes.PRODUCT_LATENCY

    def __init__(self, lanes: int):
        if not isinstance(lanes, int) or lanes < 1:
            raise ValueError(f"fixed-point lanes must be a positive integer, not {lanes!r}; use 1 or more")
        self.lanes = lanes
        super().__init__(
            {
                "enable": In(1),
                "products": In(data.ArrayLayout(PRODUCT, lanes)),
                "results": Out(data.ArrayLayout(signed(FIXED_BITS), lanes)),
            }
        )

    @staticmethod
    def model(total: int, multiplier: int) -> int:
        """The result of one lane from what its requantiser is given: a 32-bit sum, the bit pattern of M."""
        significand, exponent = float_product(abs(total), multiplier)
        exponent += FRACTION_BITS
        exact = significand << exponent if exponent >= 0 else round_shift(significand, -exponent)
        rounded = min(exact, 1 << MAGNITUDE_BITS)
        return -rounded if total < 0 else rounded

    def elaborate(self, platform) -> Module:
        m = Module()
        for lane in range(self.lanes):
            pipe = Pipeline(m, self.enable, f"lane{lane}_")
            m.d.comb += self.results[lane].eq(self._lane(pipe, self.products[lane]))
        return m

    def _lane(self, pipe: Pipeline, product: data.View) -> Value:
        """One lane: significand << left >> PRODUCT_POINT, rounded, with its sign."""
        register, wire = pipe.register, pipe.wire
        negative = pipe.delayed("negative", product.negative, 2)[-1]

        # 1: shift by less than FINE, as nothing is lost above.
        fine = register("fine", (product.significand << product.left[:3])[: len(product.significand) + FINE - 1])
        whole = Mux(product.left >= FIXED_SATURATED, COARSE + 1, product.left[3:])
        coarse = register("coarse", whole[:3])

        # 2: shift by multiples of FINE and keep the integer, the guard bit and whether there is more below it.
        def kept(multiple: int) -> Value:
            moved = Cat(Const(0, FINE * multiple), fine, Const(0, PRODUCT_POINT + MAGNITUDE_BITS + 1))
            integer = moved[PRODUCT_POINT : PRODUCT_POINT + MAGNITUDE_BITS + 1]
            return Cat(moved[: PRODUCT_POINT - 1].any(), moved[PRODUCT_POINT - 1], integer)

        saturated = Cat(Const(0, 2 + MAGNITUDE_BITS), Const(1, 1))
        few = Mux(coarse[1], Mux(coarse[0], kept(3), kept(2)), Mux(coarse[0], kept(1), kept(0)))
        rest = register("rest", Mux(coarse[2], Mux(coarse[0], saturated, kept(4)), few))

        # 3: round, then the sign: -(i + up) = ~i + 1 - up.
        integer = wire("integer", Cat(rest[2:], Const(0, 1)))
        up = rest[1] & (rest[0] | rest[2])
        rounded = Mux(negative, ~integer, integer) + (up ^ negative)
        return register("rounded", rounded[:FIXED_BITS].as_signed())
