"""What a part is filled for: the most images per second, or the most for what the machine takes of the part."""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from tcugen.arch import Architecture
from tcugen.sizing.fill import Filled, NoRoomError
from tcugen.sizing.room import Room

STEPS = (0.125, 0.25, 0.5, 1.0)
"""Shares of a part that are filled to find the machine that makes the most of what it takes."""


class Goal(StrEnum):
    """Of `--goal`: images per second alone, or for each share of the part."""

    FPS = "fps"
    AREA = "area"


def found_for(goal: Goal, room: Room, search: Callable[[Room], Filled], progress: Callable[[str], None]) -> Filled:
    """The machine that `search` finds in a room, by what is wanted of it.

    For Goal.AREA parts of the room are filled, each with the fewest cycles, and of those machines the one with the most
    images per second for the largest share that it takes of any resource is chosen; the larger of two that are equal.

    Raises:
        NoRoomError: If nothing fits the whole room.
    """
    if goal is Goal.FPS:
        return search(room)
    found: list[Filled] = []
    for step in STEPS:
        part = replace(room, title=f"{step:.1%} of {room.title}", has={n: step * h for n, h in room.has.items()})
        try:
            found.append(search(part if step < 1 else room))
        except NoRoomError:
            if step == 1 and not found:
                raise
            progress(f"nothing fits {part.title}")
            continue
        machine = found[-1].sizing.architecture
        progress(
            f"{part.title}: {_name(machine)}, {found[-1].sizing.cycles:,} cycles, {room.excess(machine):.1%} of the "
            "resource that it takes most of"
        )
    return min(reversed(found), key=lambda one: one.sizing.cycles * room.excess(one.sizing.architecture))


def _name(machine: Architecture) -> str:
    return f"{machine.rows}x{machine.columns} with {machine.activation_kib} KiB"
