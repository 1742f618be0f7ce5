"""Cutting the first column group of a layer so that it starts while the layer before it still drains.

An instruction starts when all it reads is there. The last tile of a layer is on its way through the output path when
the array is free for the next layer; the parts of the first column group that do not need it run first.
"""

from collections.abc import Sequence

from tcugen.isa import Unit
from tcugen.schedule.tracker import join

_FINE = {Unit.DRAIN: 2, Unit.POOL: 3, Unit.LOAD: 3}
"""Most recent work of a unit that is told apart; older work is surely done."""


def ranges_by_need(needs: Sequence[tuple[int, ...]], counts: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges of consecutive parts that have to wait for the same.

    Args:
        needs: Counts each part waits for.
        counts: Work of every unit emitted so far; differences older than the last few count as none.
    """
    floor = tuple(max(0, counts[unit] - _FINE.get(unit, 1)) for unit in Unit)
    ranges: list[tuple[int, int]] = []
    reached: tuple[int, ...] = floor
    for index, need in enumerate(needs):
        wanted = join(reached, need)
        if ranges and wanted == reached:
            ranges[-1] = (ranges[-1][0], index + 1)
        else:
            ranges.append((index, index + 1))
        reached = wanted
    return ranges
