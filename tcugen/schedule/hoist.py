"""WEIGHT instructions moved ahead of their use."""

from tcugen.isa import Opcode
from tcugen.schedule.emit import Entry

LOOKAHEAD = 4
"""WEIGHT instructions dispatched ahead of the one whose COMPUTE comes next; at most this many wait in their queue."""


def hoist_weights(entries: list[Entry]) -> list[Entry]:
    """Move every WEIGHT ahead to where the one LOOKAHEAD before it is used, so that prefetch crosses layer borders.

    The first ones follow the first DRAIN: the first layer's own loads come first.
    """
    weights = [at for at, entry in enumerate(entries) if entry.instruction.opcode == Opcode.WEIGHT]
    if not weights:
        return entries
    drains = (at for at, entry in enumerate(entries) if entry.instruction.opcode == Opcode.DRAIN)
    after_first = next(drains) + 1
    moved: dict[int, list[Entry]] = {}
    for order, at in enumerate(weights[1:], 1):
        slot = min(at, max(after_first, weights[order - LOOKAHEAD] if order >= LOOKAHEAD else 0))
        moved.setdefault(slot, []).append(entries[at])
    taken = set(weights[1:])
    result: list[Entry] = []
    for at, entry in enumerate(entries):
        result += moved.get(at, [])
        if at not in taken:
            result.append(entry)
    return result
