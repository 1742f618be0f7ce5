"""The residual add: two int8 tensors of different scales become one, exact sum, rounded once."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tcugen.rtl.fixed_point import FIXED_BITS
from tcugen.rtl.pipeline import Pipeline
from tcugen.rtl.requantise import HALF, offset_clamp, round_shift

TOTAL_BITS = 34
"""Signed width of the exact sum: |sum| <= 2 * 255 * (2**24 - 1) < 2**33."""

SHIFT_MAX = 34
"""|sum| < 2**33: from this shift on every quotient rounds to 0, so larger shifts act alike."""

INTEGER_BITS = 9
"""Bits, sign included, of the quotient before rounding: -256 and 255 saturate whatever the zero point."""


class ResidualLanes(wiring.Component):
    """`lanes` adders: results[i] = clamp(rne(((a[i] - zero_point_a) * multiplier_a + (b[i] - zero_point_b) *
    multiplier_b) / 2**shift) + zero_point, clamp_low, clamp_high), or a[i] unchanged with `bypass`.

    rne rounds the exact quotient to nearest, ties to even. One result per lane and cycle, `LATENCY` enabled clock edges
    after its operands, with `bypass` too; no back-pressure, no reset: results are meaningless until operands have
    passed through.

    Parameters:
        lanes: Number of lanes, at least 1. ValueError otherwise.
        with_sums: Whether there are ports `sums` and `unrounded`; results then come one edge later, see `latency`.

    Members:
        enable: 0 holds every stage.
        a, b: int8 operands.
        multiplier_a, multiplier_b: Any unsigned 24-bit value.
        shift: 0 .. 63.
        zero_point_a, zero_point_b, zero_point: Of a, b and the result.
        clamp_low, clamp_high: Bounds of the result, clamp_low <= clamp_high.
        bypass: Ignore `b` and all other controls.
        results: int8.

    All controls are shared by the lanes and sampled with `a` and `b`, so they may change in any cycle.
    """

    enable: Signal
    a: data.View
    b: data.View
    multiplier_a: Signal
    multiplier_b: Signal
    shift: Signal
    zero_point_a: Signal
    zero_point_b: Signal
    zero_point: Signal
    clamp_low: Signal
    clamp_high: Signal
    bypass: Signal
    sums: data.View
    unrounded: Signal
    results: data.View

    LATENCY = 6

    def __init__(self, lanes: int, with_sums: bool = False):
        if not isinstance(lanes, int) or lanes < 1:
            raise ValueError(f"residual lanes must be a positive integer, not {lanes!r}; use 1 or more")
        self.lanes, self.with_sums = lanes, with_sums
        self.latency = self.LATENCY + with_sums
        int8s = data.ArrayLayout(signed(8), lanes)
        super().__init__(
            {
                "enable": In(1),
                "a": In(int8s),
                "b": In(int8s),
                "multiplier_a": In(24),
                "multiplier_b": In(24),
                "shift": In(6),
                "zero_point_a": In(signed(8)),
                "zero_point_b": In(signed(8)),
                "zero_point": In(signed(8)),
                "clamp_low": In(signed(8)),
                "clamp_high": In(signed(8)),
                "bypass": In(1),
                "results": Out(int8s),
                # With `unrounded` sums[i] is a further term of the sum, and multiplier_a must be 0: of at most 2**32 in
                # magnitude, it leaves the sum below 2**33.
                **({"sums": In(data.ArrayLayout(signed(FIXED_BITS), lanes)), "unrounded": In(1)} if with_sums else {}),
            }
        )

    @staticmethod
    def model(
        a: int,
        b: int,
        multiplier_a: int,
        multiplier_b: int,
        shift: int,
        zero_point_a: int,
        zero_point_b: int,
        zero_point: int,
        clamp_low: int,
        clamp_high: int,
        bypass: int = 0,
        unrounded_sum: int = 0,
    ) -> int:
        """The result of one lane, in exact integers; arguments as the members of the same names.

        `unrounded_sum` is what `sums` has with `unrounded`, 0 without.
        """
        if bypass:
            return a
        total = (a - zero_point_a) * multiplier_a + (b - zero_point_b) * multiplier_b + unrounded_sum
        return min(max(round_shift(total, shift) + zero_point, clamp_low), clamp_high)

    def elaborate(self, platform) -> Module:
        m = Module()
        shared = Pipeline(m, self.enable)

        # With these controls the sum is a * 1 + 0 * 0, unshifted, unclamped. `b` may be unknown then.
        def unless_bypass(value: Value, otherwise: int) -> Value:
            return Mux(self.bypass, Const(otherwise, value.shape()), value)

        zero_point_a = shared.wire("effective_zero_point_a", unless_bypass(self.zero_point_a, 0))
        factor_a = shared.register("factor_a", unless_bypass(self.multiplier_a, 1))
        factor_b = shared.register("factor_b", unless_bypass(self.multiplier_b, 0))
        places = unless_bypass(Mux(self.shift > SHIFT_MAX, SHIFT_MAX, self.shift), 0)
        ready = 3 + self.with_sums  # edges to the total
        places = shared.delayed("places", places, ready)
        # The bits below the guard bit: 2**(shift - 1) - 1, or 0 for shift 0.
        power = shared.wire("power", (Const(1, 1) << places[ready - 1])[: SHIFT_MAX + 1])
        below_guard = shared.register("below_guard", (power - 1)[1:SHIFT_MAX])

        offset = shared.delayed("offset", unless_bypass(self.zero_point, 0), self.latency - 1)
        low = shared.delayed("low", unless_bypass(self.clamp_low, -128), self.latency - 1)
        high = shared.delayed("high", unless_bypass(self.clamp_high, 127), self.latency - 1)
        floor = shared.register("floor", low[-2] - offset[-2])
        ceiling = shared.register("ceiling", high[-2] - offset[-2])

        for lane in range(self.lanes):
            pipe = Pipeline(m, self.enable, f"lane{lane}_")
            difference_a = pipe.register("difference_a", self.a[lane] - zero_point_a)
            difference_b = pipe.register("difference_b", Mux(self.bypass, 0, self.b[lane] - self.zero_point_b))
            low_a = pipe.register("low_a", difference_a * factor_a[:HALF])
            low_b = pipe.register("low_b", difference_b * factor_b[:HALF])
            high_a = pipe.register("high_a", difference_a * factor_a[HALF:])
            high_b = pipe.register("high_b", difference_b * factor_b[HALF:])
            upper = Cat(Const(0, HALF), high_a + high_b).as_signed()
            total = pipe.register("total", (low_a + low_b + upper)[:TOTAL_BITS].as_signed())
            if self.with_sums:
                sums = pipe.delayed("sum", Mux(self.unrounded, self.sums[lane], 0).as_signed(), 3)
                total = pipe.register("whole_total", (total + sums[-1])[:TOTAL_BITS].as_signed())
            rounded = self._round(pipe, total, places[-1], below_guard)
            result = offset_clamp(rounded, offset[-1], low[-1], high[-1], floor, ceiling)
            m.d.comb += self.results[lane].eq(pipe.register("result", result))
        return m

    @staticmethod
    def _round(pipe: Pipeline, total: Value, places: Value, below_guard: Value) -> Value:
        """Stages 4 and 5 of one lane: rne(total / 2**places), saturated to -256 .. 256."""
        # 4: the guard bit is bit 0 of the doubled sum's quotient. floor + up is right for negative sums too.
        quotient = pipe.register("quotient", Cat(Const(0, 1), total).as_signed() >> places)
        sticky = pipe.register("sticky", (total & below_guard).any())

        # 5: saturate, then round. The increment is harmless when saturated: 255 and -255 saturate the result as well.
        negative, excess = quotient[-1], quotient[INTEGER_BITS:-1]
        fits = pipe.wire("fits", Mux(negative, excess.all(), ~excess.any()))
        limit = 1 << INTEGER_BITS - 1
        limit = Mux(negative, Const(-limit, signed(INTEGER_BITS)), Const(limit - 1, signed(INTEGER_BITS)))
        integer = Mux(fits, quotient[1 : 1 + INTEGER_BITS].as_signed(), limit)
        return pipe.register("rounded", integer + (quotient[0] & (sticky | quotient[1])))
