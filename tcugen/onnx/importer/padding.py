"""Borders of zeros around pixels."""

Padding = tuple[int, int, int, int]
"""(top, left, bottom, right)."""

NO_PADDING: Padding = (0, 0, 0, 0)


def padding_of_both(one: Padding, other: Padding) -> Padding:
    """Of two borders around one another."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]
