"""The requantiser equals its integer formula for every operand, by slices: what lies between two is any value.

The formula of `RequantiseLanes.model` is a chain of steps, and so are the gates. A slice makes the pipeline's registers
wires, cuts it at some of them, and shows by one combinational proof over all values there that the gates after them
compute their steps:

1. sums: for every 32-bit sum, what |sum| rounded to 24 bits is: significand, carry and scale;
2. products: for every four partial products, what is added up is their sum by weight. That is the product of the two
   significands, as (a + 2**12 b)(c + 2**12 d) = ac + 2**12 (ad + bc) + 2**24 bd;
3. rounding: for every product of two significands and every scale, the product rounded to 24 bits, scaled, rounded to
   an integer, saturated and given its sign;
4. clamp: for every integer, zero point and clamp, clamp(integer + zero point).

That all stages of an operand meet in the same cycle is not part of it; `tests/rtl/test_requantise.py` runs streams.
"""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Signal, Value

from tcugen.rtl import requantise
from tcugen.rtl.pipeline import Pipeline
from tcugen.rtl.proofs.proof import Method, Mutant, Proof, always, any_constant, given, inside, opened, replaced
from tcugen.rtl.requantise import HALF, SCALE_OFFSET, SIGNIFICAND_BITS, RequantiseLanes

LARGEST_HALF = (1 << HALF) - 1
LARGEST_INTEGER = 256
"""Of the magnitude; larger ones saturate to it, which clamps with any zero point."""


def _wires(cut: frozenset[str]) -> type[Pipeline]:
    """A pipeline without registers; those named in `cut` give any value instead of their input."""

    class Wires(Pipeline):
        def register(self, name: str, value: Value) -> Signal:
            signal = Signal.like(value, name=self.prefix + name)
            self.module.d.comb += signal.eq(any_constant(len(value)) if name in cut else value)
            return signal

    return Wires


@dataclass(frozen=True)
class Lane:
    """The only lane of `lanes`."""

    lanes: RequantiseLanes

    def at(self, name: str) -> Signal:
        """The value of a register, now a wire."""
        return inside(self.lanes, f"lane0_{name}")


class Slice(Elaboratable):
    """One lane without registers, cut at some, and what must hold of its signals."""

    def __init__(self, cut: str, holds: Callable[[Module, Lane], None]):
        self._cut, self._holds = frozenset(cut.split()), holds

    def elaborate(self, platform):
        m = Module()
        lanes = RequantiseLanes(1)
        with replaced(requantise, "Pipeline", _wires(self._cut)):
            opened(lanes)
        m.submodules.lanes = lanes
        for name in ("sums", "multipliers", "zero_point", "clamp_low", "clamp_high"):
            value = Value.cast(getattr(lanes, name))
            m.d.comb += value.eq(any_constant(len(value)))
        self._holds(m, Lane(lanes))
        return m


def _named(m: Module, name: str, value: Value, bits: int) -> Signal:
    signal = Signal(bits, name=name)
    m.d.comb += signal.eq(value)
    return signal


def _rounded(m: Module, name: str, value: Value, shift: Value, bits: int) -> Signal:
    """value / 2**shift to the nearest integer, ties to even."""
    floor = _named(m, f"{name}_floor", value >> shift, bits)
    twice_rest = _named(m, f"{name}_rest", (value - (floor << shift)) << 1, len(value) + 1)
    one = _named(m, f"{name}_one", Const(1) << shift, len(value) + 1)
    return _named(m, name, floor + ((twice_rest > one) | ((twice_rest == one) & floor[0])), bits)


def sums(m: Module, lane: Lane) -> None:
    """|sum| = significand * 2**(8 - n + carry) after rounding, n its leading zeros; the significand fills 24 bits."""
    total = lane.lanes.sums[0]
    magnitude = _named(m, "spec_magnitude", Mux(total < 0, -total, total), 32)
    length = Const(0, 6)
    for bit in range(32):
        length = Mux(magnitude[bit], bit + 1, length)
    length = _named(m, "spec_length", length, 6)
    excess = _named(m, "spec_excess", Mux(length > SIGNIFICAND_BITS, length - SIGNIFICAND_BITS, 0), 4)
    rounded = _rounded(m, "spec_rounded", magnitude, excess, SIGNIFICAND_BITS + 1)
    carry = rounded[SIGNIFICAND_BITS]
    filled = rounded << Mux(length < SIGNIFICAND_BITS, SIGNIFICAND_BITS - length, 0)[:5]
    significand = Mux(carry, 1 << SIGNIFICAND_BITS - 1, filled[:SIGNIFICAND_BITS])
    nonzero = magnitude != 0
    exponent = lane.lanes.multipliers[0][23:31]
    always(
        m,
        lane.at("negative_8") == (total < 0),
        lane.at("significand") == significand,
        ~nonzero | (lane.at("left_5") == exponent - SCALE_OFFSET - (32 - length) + carry),
        # Of 0 only that it cannot saturate: its scale is below that of any other sum.
        nonzero | (lane.at("left_5") <= exponent - SCALE_OFFSET - 31),
        lane.at("multiplier_4") == Cat(lane.lanes.multipliers[0][:23], Const(1, 1)),
    )


def products(m: Module, lane: Lane) -> None:
    """The sum by weight; HALF bits of it only say whether they are all 0."""
    parts = {name: lane.at(name) for name in ("low_low", "low_high", "high_low", "high_high")}
    given(m, *(part <= LARGEST_HALF * LARGEST_HALF for part in parts.values()))
    total = parts["low_low"] + ((parts["low_high"] + parts["high_low"]) << HALF) + (parts["high_high"] << 2 * HALF)
    total = _named(m, "spec_product", total, 2 * SIGNIFICAND_BITS)
    always(m, lane.at("product") == total >> HALF, lane.at("product_sticky") == (total[:HALF] != 0))


def factors(m: Module, lane: Lane) -> None:
    """Partial products are those of the halves."""
    a, b = lane.at("significand"), lane.at("multiplier_4")
    for name, first, second in (
        ("low_low", a[:HALF], b[:HALF]),
        ("low_high", a[:HALF], b[HALF:]),
        ("high_low", a[HALF:], b[:HALF]),
        ("high_high", a[HALF:], b[HALF:]),
    ):
        always(m, lane.at(name) == first * second)


def rounding(m: Module, lane: Lane) -> None:
    """v = P rounded to 24 bits; v * 2**(left - 26) rounded to an integer: 0 below left = 0, at least 256 from 11 on."""
    product = _named(m, "spec_product", any_constant(2 * SIGNIFICAND_BITS), 2 * SIGNIFICAND_BITS)
    scale = lane.at("left_5")
    given(
        m,
        lane.at("product") == product >> HALF,
        lane.at("product_sticky") == (product[:HALF] != 0),
        # Both significands fill their 24 bits, or the sum is 0; see `sums` for the scale then, of M < 2**8.
        (product == 0) | (product >= 1 << 2 * SIGNIFICAND_BITS - 2),
        (product != 0) | (scale <= 134 - SCALE_OFFSET - 31),
        (scale >= -123) & (scale <= 164),
    )
    top = product[-1]
    value = _rounded(m, "spec_value", product, Mux(top, 24, 23), SIGNIFICAND_BITS + 1)
    left = scale - ~top
    shift = _named(m, "spec_left", Mux(left < 0, 0, Mux(left > 11, 11, left)), 4)
    shifted = _named(m, "spec_shifted", value << shift, SIGNIFICAND_BITS + 12)
    integer = _rounded(m, "spec_integer", shifted, Const(26), SIGNIFICAND_BITS + 12)
    expected = _named(m, "spec_result", Mux(integer > LARGEST_INTEGER, LARGEST_INTEGER, integer), 9)
    negative = lane.at("negative_8")
    magnitude = _named(m, "spec_found", Mux(negative, -lane.at("rounded"), lane.at("rounded")), 10)
    saturates = expected == LARGEST_INTEGER
    always(
        m, Mux(saturates, (magnitude >= LARGEST_INTEGER) & (magnitude <= LARGEST_INTEGER + 1), magnitude == expected)
    )


def clamp(m: Module, lane: Lane) -> None:
    """clamp(rounded + zero point), and the saturated ends of the integer clamp like any larger one."""
    low, high = lane.lanes.clamp_low, lane.lanes.clamp_high
    given(m, low <= high, lane.at("rounded") <= LARGEST_INTEGER + 1, lane.at("rounded") >= -LARGEST_INTEGER - 1)
    total = lane.at("rounded") + lane.lanes.zero_point
    always(m, lane.lanes.results[0] == Mux(total < low, low, Mux(total > high, high, total)))


PROOFS = (
    Proof(
        "requantise",
        "sums",
        "Slice 1: significand, carry and scale of every 32-bit sum are those of |sum| rounded to 24 bits.",
        Method.SAT,
        1,
        lambda: Slice("", sums),
        (
            Mutant("requantise.py", "normalised[:7].any() | normalised[8]", "normalised[:6].any() | normalised[8]"),
            Mutant("requantise.py", "mantissa[23] | mantissa[24]", "mantissa[23]"),
            Mutant("requantise.py", '"scale_4", narrowed(scale - zeros_low)', '"scale_4", narrowed(scale)'),
        ),
    ),
    Proof(
        "requantise",
        "factors",
        "Slice 2a: the four partial products are those of the halves of both significands.",
        Method.SAT,
        1,
        lambda: Slice("significand multiplier_4", factors),
        (
            Mutant(
                "requantise.py",
                "sum_significand[:HALF] * significand[HALF:]",
                "sum_significand[:HALF] * significand[:HALF]",
            ),
        ),
    ),
    Proof(
        "requantise",
        "products",
        "Slice 2b: every four partial products are added up by weight, which makes the product of the significands.",
        Method.SAT,
        1,
        lambda: Slice("low_low low_high high_low high_high", products),
        (
            Mutant("requantise.py", "(low_high + high_low)", "(low_high | high_low)"),
            Mutant("requantise.py", "low_low[:HALF].any()", "low_low[:HALF - 1].any()"),
        ),
    ),
    Proof(
        "requantise",
        "rounding",
        "Slice 3: every product and scale give the product rounded to 24 bits, scaled, rounded to an integer, ties to "
        "even both times, saturated beyond 256, with its sign.",
        Method.SAT,
        1,
        lambda: Slice("product product_sticky left_5", rounding),
        (
            Mutant("requantise.py", "guard & (sticky | kept[0])", "guard"),
            Mutant("requantise.py", "value[:15].any(), value[15:]", "value[14], value[15:]"),
            Mutant("requantise.py", "LEFT_SATURATED + 1, left[:4]", "LEFT_SATURATED, left[:4]"),
        ),
    ),
    Proof(
        "requantise",
        "clamp",
        "Slice 4: for every integer, zero point and clamp the result is clamp(integer + zero point).",
        Method.SAT,
        1,
        lambda: Slice("rounded", clamp),
        (Mutant("requantise.py", "rounded > ceiling", "rounded >= ceiling + 2"),),
    ),
)
