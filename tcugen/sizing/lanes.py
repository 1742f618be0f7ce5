"""What more output lanes must gain for their area."""

MULTIPLIERS_OF_A_LANE = 8
"""Of whole machines synthesised with Yosys 0.70; on ECP5 1,280 LUTs and 1,075 flip-flops come with them."""

FREE_SHARE = 0.25
"""Lanes whose multipliers are up to this share of the array's must gain OUTPUT_LOSS only."""

OUTPUT_LOSS = 0.003
"""Twice the output lanes must gain at least this share of the cycles."""


def wanted_gain(lanes: int, multipliers: int) -> float:
    """Share of the cycles that `2 * lanes` output lanes must gain over `lanes` beside an array of `multipliers`.

    Few lanes hold up the whole array for little area. Beyond FREE_SHARE, they must gain as large a share of the cycles
    as they add to the machine's multipliers: a larger array would.
    """
    there = MULTIPLIERS_OF_A_LANE * lanes
    if 2 * there <= FREE_SHARE * multipliers:
        return OUTPUT_LOSS
    return max(OUTPUT_LOSS, there / (multipliers + there))
