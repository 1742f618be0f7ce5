"""From 32-bit sums to int8: an IEEE single-precision product and a rounding to integer, in integer gates."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tcugen.arch import FRACTION_BITS
from tcugen.rtl.pipeline import Pipeline

SIGNIFICAND_BITS = 24
"""Bits of an IEEE single's significand, hidden one included."""

HALF = 12
"""24-bit factors are multiplied in halves: each partial product then takes one DSP block of any vendor and no adder."""

SCALE_OFFSET = 92
"""Exponent field minus this = left shift of the rounded product when the sum has no leading zero; see `_lane`."""

SCALE_BITS = 9
"""Signed width of that shift: -123 .. 164 for any exponent field, zero count and carry."""

LEFT_SATURATED = 11
"""From this left shift on the magnitude is at least 2**23 << 11 >> 26 = 256: that saturates with any zero point."""

INTEGER_BITS = 9
"""Bits of the magnitude before it is rounded to an integer: at most 2**24 << 10 >> 26 = 256."""


PRODUCT_POINT = 26
"""A product is its significand << left >> PRODUCT_POINT; see `_lane`."""

FIXED_SATURATED = 35
"""From this left shift on, FRACTION_BITS included, the magnitude is at least 2**23 << 35 >> 26 = 2**32."""

PRODUCT = data.StructLayout({"significand": SIGNIFICAND_BITS + 1, "left": 6, "negative": 1})
"""A float32 product with FRACTION_BITS fraction bits, its significand up to 2**24. `left` is the shift, but 0 or 1
where that is below 2, which rounds to 0 alike, and FIXED_SATURATED or more from there on."""


def round_shift(value: int, bits: int) -> int:
    """value / 2**bits rounded to the nearest integer, ties to even; any sign, bits >= 0."""
    floor = value >> bits
    twice_rest = (value - (floor << bits)) << 1
    return floor + (twice_rest > 1 << bits or (twice_rest == 1 << bits and floor & 1))


def float_product(magnitude: int, multiplier: int) -> tuple[int, int]:
    """(v, e) with v * 2**e = float32(magnitude) * M, M given by its bit pattern; `magnitude` is at most 2**31."""
    exponent = max(magnitude.bit_length() - SIGNIFICAND_BITS, 0)
    significand = round_shift(magnitude, exponent)
    product = significand * (1 << 23 | multiplier & 0x7FFFFF)
    exponent += (multiplier >> 23 & 255) - 150
    excess = max(product.bit_length() - SIGNIFICAND_BITS, 0)
    return round_shift(product, excess), exponent + excess


def offset_clamp(rounded: Value, zero_point: Value, low: Value, high: Value, floor: Value, ceiling: Value) -> Value:
    """clamp(rounded + zero_point, low, high), eight bits, with low <= high.

    `floor` = low - zero_point and `ceiling` = high - zero_point come from registers of the lane group, so that the
    two comparisons run beside the addition instead of after it.
    """
    total = (rounded + zero_point)[:8].as_signed()
    return Mux(rounded < floor, low, Mux(rounded > ceiling, high, total))


class RequantiseLanes(wiring.Component):
    """`lanes` requantisers: results[i] = clamp(rint(float32(sums[i]) * M[i]) + zero_point, clamp_low, clamp_high).

    The conversion to float32, the product and `rint` each round to nearest, ties to even, as IEEE 754 single precision
    does. One result per lane and cycle, `LATENCY` enabled clock edges after its operands; no back-pressure, no reset:
    results are meaningless until operands have passed through.

    Parameters:
        lanes: Number of lanes, at least 1. ValueError otherwise.
        products: Whether there is a port of that name.

    Members:
        enable: 0 holds every stage.
        sums: Accumulator plus folded bias, any 32-bit value.
        multipliers: Bit pattern of M as float32, a positive normal number in [2**-40, 2**8). The sign bit is ignored;
            all zeros give clamp(zero_point), so unused lanes may be fed zeros.
        zero_point, clamp_low, clamp_high: Shared by all lanes, sampled with `sums`; clamp_low <= clamp_high.
        results: int8.
    """

    enable: Signal
    sums: data.View
    multipliers: data.View
    zero_point: Signal
    clamp_low: Signal
    clamp_high: Signal
    results: data.View
    products: data.View

    LATENCY = 10
    PRODUCT_LATENCY = 7

    def __init__(self, lanes: int, products: bool = False):
        if not isinstance(lanes, int) or lanes < 1:
            raise ValueError(f"requantiser lanes must be a positive integer, not {lanes!r}; use 1 or more")
        self.lanes, self.has_products = lanes, products
        super().__init__(
            {
                "enable": In(1),
                "sums": In(data.ArrayLayout(signed(32), lanes)),
                "multipliers": In(data.ArrayLayout(32, lanes)),
                "zero_point": In(signed(8)),
                "clamp_low": In(signed(8)),
                "clamp_high": In(signed(8)),
                "results": Out(data.ArrayLayout(signed(8), lanes)),
                # float32(sums[i]) * M[i], PRODUCT_LATENCY enabled clock edges after its operands.
                **({"products": Out(data.ArrayLayout(PRODUCT, lanes))} if products else {}),
            }
        )

    @staticmethod
    def model(total: int, multiplier: int, zero_point: int, clamp_low: int, clamp_high: int) -> int:
        """The result of one lane, in exact integers; arguments as the members of the same meaning."""
        product, exponent = float_product(abs(total), multiplier)
        rounded = product << exponent if exponent >= 0 else round_shift(product, -exponent)
        return min(max((-rounded if total < 0 else rounded) + zero_point, clamp_low), clamp_high)

    def elaborate(self, platform) -> Module:
        m = Module()
        shared = Pipeline(m, self.enable)
        zero_point = shared.delayed("zero_point", self.zero_point, self.LATENCY - 1)
        low = shared.delayed("clamp_low", self.clamp_low, self.LATENCY - 1)
        high = shared.delayed("clamp_high", self.clamp_high, self.LATENCY - 1)
        floor = shared.register("floor", low[-2] - zero_point[-2])
        ceiling = shared.register("ceiling", high[-2] - zero_point[-2])
        for lane in range(self.lanes):
            pipe = Pipeline(m, self.enable, f"lane{lane}_")
            product = self.products[lane] if self.has_products else None
            rounded = self._lane(pipe, self.sums[lane], self.multipliers[lane], product)
            result = offset_clamp(rounded, zero_point[-1], low[-1], high[-1], floor, ceiling)
            m.d.comb += self.results[lane].eq(pipe.register("result", result))
        return m

    def _lane(self, pipe: Pipeline, total: Value, multiplier: Value, product_port: data.View | None) -> Value:
        """Stages 1 to 9 of one lane: rint(float32(total) * M), saturated to -257 .. 257; after 7 of them the product.

        Write n for the leading zeros of |total| in 32 bits, c for the carry out of its rounding to 24 bits, t for
        the top bit of the 48-bit product, v for the product rounded to 24 bits (2**24 if that carries) and E for the
        multiplier's exponent field. The float32 product is v * 2**(E - 118 - n + c - (1 - t)), hence v << left >> 26
        with left = E - 92 - n + c - (1 - t). For left < 2 it is at most 1/2, which rounds to 0.
        """
        register, wire = pipe.register, pipe.wire

        def narrowed(scale: Value) -> Value:
            return scale[:SCALE_BITS].as_signed()

        negatives = pipe.delayed("negative", total[31], 8)
        negative = negatives[-1]
        significand = pipe.delayed("multiplier", Cat(multiplier[:23], Const(1, 1)), 4)[-1]

        # 1: magnitude. 2, 3: shift the leading one to bit 31, counting the zeros: a binary search over both stages.
        magnitude = register("magnitude", ((total ^ total[31].replicate(32)) + total[31])[:32])
        scale = register("scale_1", narrowed(multiplier[23:31] - SCALE_OFFSET))
        shifted, zeros_high = self._normalise(pipe, magnitude, (16, 8))
        shifted, zeros_high = register("shifted", shifted), register("zeros_high", zeros_high)
        scale = register("scale_2", scale)
        normalised, zeros_low = self._normalise(pipe, shifted, (4, 2, 1))
        normalised, zeros_low = register("normalised", normalised), register("zeros_low", zeros_low)
        scale = register("scale_3", narrowed(scale - Cat(Const(0, 3), zeros_high)))

        # 4: round to 24 bits. A carry leaves 2**24, which is 2**23 with the exponent one higher.
        up = normalised[7] & (normalised[:7].any() | normalised[8])
        mantissa = wire("mantissa", normalised[8:] + up)
        sum_significand = register("significand", Cat(mantissa[:23], mantissa[23] | mantissa[24]))
        carry = register("carry", mantissa[24])
        scale = register("scale_4", narrowed(scale - zeros_low))

        # 5, 6: multiply. The outer partial products do not overlap, and below bit HALF nothing is added to them.
        low_low = register("low_low", sum_significand[:HALF] * significand[:HALF])
        low_high = register("low_high", sum_significand[:HALF] * significand[HALF:])
        high_low = register("high_low", sum_significand[HALF:] * significand[:HALF])
        high_high = register("high_high", sum_significand[HALF:] * significand[HALF:])
        left = register("left_5", narrowed(scale + carry))
        product = register("product", (Cat(low_low[HALF:], high_high) + (low_high + high_low))[: 48 - HALF])
        sticky = register("product_sticky", low_low[:HALF].any())
        wide = None if product_port is None else register("wide_6", self._with_fraction(left))
        left = register("left_6", Mux(left < 1, 1, Mux(left > LEFT_SATURATED, LEFT_SATURATED + 1, left[:4])))

        # 7: round to 24 bits, which may give 2**24. `product` holds bits 12 to 47, bit 46 or 47 is the leading one.
        top = product[35]
        kept = wire("kept", Mux(top, product[12:], product[11:35]))
        guard = Mux(top, product[11], product[10])
        sticky = sticky | product[:10].any() | (top & product[10])
        value = register("value", kept + (guard & (sticky | kept[0])))
        left = register("left_7", Mux(top, left, left - 1)[:4])
        if product_port is not None and wide is not None:
            pipe.module.d.comb += [
                product_port.significand.eq(value),
                product_port.left.eq(register("wide_7", Mux(top, wide, wide - 1)[: len(wide)])),
                product_port.negative.eq(negatives[self.PRODUCT_LATENCY]),
            ]

        # 8: shift so that bit 12 has weight 1. The low 15 bits of the value never reach the guard bit: one suffices.
        fixed = register("fixed", (Cat(value[:15].any(), value[15:]) << left)[: 12 + INTEGER_BITS])
        saturate = register("saturate", left >= LEFT_SATURATED)

        # 9: round to an integer and apply the sign: -(i + up) = ~i + 1 - up. `up` is harmless when saturated.
        integer = wire("integer", Cat(Mux(saturate, 1 << INTEGER_BITS - 1, fixed[12:]), Const(0, 1)))
        up = fixed[11] & (fixed[:11].any() | fixed[12])
        rounded = Mux(negative, ~integer, integer) + (up ^ negative)
        return register("rounded", rounded[: INTEGER_BITS + 1].as_signed())

    @staticmethod
    def _with_fraction(left: Value) -> Value:
        """The left shift with FRACTION_BITS more, 1 .. FIXED_SATURATED + 1; it may lose one yet."""
        below, beyond = left < 1 - FRACTION_BITS, left > FIXED_SATURATED - FRACTION_BITS
        return Mux(below, 1, Mux(beyond, FIXED_SATURATED + 1, (left + FRACTION_BITS)[: PRODUCT["left"].width]))

    @staticmethod
    def _normalise(pipe: Pipeline, value: Value, steps: tuple[int, ...]) -> tuple[Value, Value]:
        """A 32-bit value shifted left by every step whose leading bits are 0, and a bit per step taken, last first."""
        taken = []
        for step in steps:
            zero = pipe.wire(f"zero_{step}", ~value[32 - step :].any())
            value = pipe.wire(f"past_{step}", Mux(zero, Cat(Const(0, step), value[: 32 - step]), value))
            taken.append(zero)
        return value, Cat(*reversed(taken))
