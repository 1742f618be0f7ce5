"""What the integers of a layer must satisfy for the hardware to be exact for every int8 input."""

import numpy as np

from tcugen.arch import FRACTION_BITS
from tcugen.mapping.errors import CompileError
from tcugen.model.limits import MAX_ADD_MULTIPLIER

MULTIPLIER_RANGE = (2.0**-40, 2.0**8)
"""Multipliers of the requantiser: normal float32, low included, high excluded."""

SUM_BITS = 32
"""Of the sums that are requantised, bias included."""

_INT32 = (-(1 << SUM_BITS - 1), (1 << SUM_BITS - 1) - 1)


def fold_bias(node: str, weight: np.ndarray, bias: np.ndarray, zero_point: int, accumulator_bits: int) -> np.ndarray:
    """int32 [O] bias with the input's zero point folded in: b' = bias - z_x * sum(w).

    Args:
        node: Name for messages.
        weight: int8, output channels first.
        bias: integers [O].
        zero_point: z_x.
        accumulator_bits: Signed width of the array's accumulators.

    Raises:
        CompileError: If sum(x * w) may leave the accumulators, or b' or b' + sum(x * w) may leave 32 bits, for some
            int8 input.
    """
    rows = weight.reshape(weight.shape[0], -1).astype(np.int64)
    positive = np.maximum(rows, 0).sum(axis=1)
    negative = np.maximum(-rows, 0).sum(axis=1)
    highest = 127 * positive + 128 * negative
    lowest = -(128 * positive + 127 * negative)
    limit = 1 << accumulator_bits - 1
    worst = int(np.argmax(np.maximum(highest, -lowest - 1)))
    if highest[worst] >= limit or lowest[worst] < -limit:
        needed = max(int(highest[worst]).bit_length(), int(-lowest[worst] - 1).bit_length()) + 1
        raise CompileError(
            f"node {node!r}: output channel {worst} can sum to {max(highest[worst], -lowest[worst])}, which needs "
            f"{needed} accumulator bits, but accumulator_bits is {accumulator_bits}; "
            f"build the architecture with {needed}"
        )
    folded = bias.astype(np.int64) - zero_point * (positive - negative)
    for name, low, high in (("folded bias", folded, folded), ("sum", folded + lowest, folded + highest)):
        bad = np.flatnonzero((low < _INT32[0]) | (high > _INT32[1]))
        if bad.size:
            c = int(bad[0])
            raise CompileError(
                f"node {node!r}: the {name} of output channel {c} can reach {int(low[c])} .. {int(high[c])}, but it "
                "must hold in 32 bits for every int8 input; use smaller biases or a larger weight scale"
            )
    return folded.astype(np.int32)


def check_multipliers(node: str, multiplier: np.ndarray) -> np.ndarray:
    """float32 copy of the multipliers.

    Raises:
        CompileError: If one is not a normal float32 in [2**-40, 2**8).
    """
    values = np.atleast_1d(np.asarray(multiplier, np.float32))
    bad = np.flatnonzero(~((values >= MULTIPLIER_RANGE[0]) & (values < MULTIPLIER_RANGE[1])))
    if bad.size:
        raise CompileError(
            f"node {node!r}: multiplier {values[bad[0]]!r} of output channel {bad[0]} is outside [2**-40, 2**8); "
            "calibrate the scales of its input, weights and output again"
        )
    return values


def check_add(node: str, multipliers: tuple[int, int], shift: int) -> None:
    """Check the integer ratios of a residual add.

    Raises:
        CompileError: If a multiplier does not fit 24 bits, or a ratio m / 2**s is outside [2**-16, 2**8).
    """
    for value in multipliers:
        if not (0 < value <= MAX_ADD_MULTIPLIER and 0 < shift < 64 and 2.0**-16 <= value / 2.0**shift < 2.0**8):
            raise CompileError(
                f"node {node!r}: ratio {value} / 2**{shift} of an operand's scale to the output's is outside "
                "[2**-16, 2**8) in 24 bits; calibrate the scales of the add's tensors again"
            )


def check_unrounded(node: str, multiplier: int, shift: int) -> None:
    """Check the ratio of the operand that an add takes unrounded: the hardware has one.

    With it the other operand counts for 255 * (2**24 - 1) at most, so that a sum of 2**32 saturates the result whatever
    the other one is, and the hardware may let larger ones be as large as that.

    Raises:
        CompileError: If it is another than 1 / 2**FRACTION_BITS.
    """
    if (multiplier, shift) != (1, FRACTION_BITS):
        raise CompileError(
            f"node {node!r}: its unrounded operand counts {multiplier} / 2**{shift}, but must count 1 / "
            f"2**{FRACTION_BITS}; make the model again"
        )
