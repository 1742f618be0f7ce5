"""The one vocabulary of lost cycles: what `build` predicts, `simulate` counts and `shapes` sums up."""

from collections.abc import Mapping

TILES = "tiles"

REASONS = {
    TILES: "rows or columns of the array without work, where channels do not fill them",
    "program": "instructions on their way",
    "load": "activations on their way from memory",
    "store": "results on their way to memory",
    "drain": "results that the next layer reads still in the output stage",
    "pool": "pooled results not yet written",
    "weights": "weights on their way from memory",
    "accumulators": "both accumulator banks in use by the output stage",
    "control": "gaps between tiles of few pixels",
}
"""What a cycle beyond macs / multipliers was lost to: the stalls of the counters, and TILES of a busy array."""


def losses_of(macs: int, multipliers: int, busy: int, stalls: Mapping[str, int]) -> dict[str, float]:
    """Cycles beyond the ideal by reason; with macs / multipliers they add up to busy and stalled cycles.

    Args:
        macs: Multiply-accumulates of the network itself.
        multipliers: Of the array.
        busy: Cycles in which the array took an operand.
        stalls: Cycles in which it waited, by reason in lower case.
    """
    unfilled = busy - macs / multipliers
    return ({TILES: unfilled} if unfilled else {}) | {reason: lost for reason, lost in stalls.items() if lost}


def losses_text(losses: Mapping[str, float]) -> str:
    """Reasons with their cycles, the largest first."""
    shown = sorted(losses.items(), key=lambda entry: -entry[1])
    return ", ".join(f"{reason} {lost:,.0f}" for reason, lost in shown if lost >= 0.5)
