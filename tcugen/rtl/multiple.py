"""Multiples by constants, of shifts and sums."""

from amaranth.hdl import Value


def multiple(value: Value, factor: int) -> Value:
    """`value` times a constant, at least 1; as wide as Amaranth's product, or wider.

    Of a factor that is no power of two synthesis would make a multiplier, of which the array wants every one.
    """
    shifts = [shift for shift in range(factor.bit_length()) if factor >> shift & 1]
    if len(shifts) == 1:
        return value * factor
    return sum((value << shift for shift in shifts[1:]), value << shifts[0])
