"""Counts of completed work, each with the cycle from which the machine shows it."""

from collections.abc import Callable

NEVER = 1 << 60
"""A cycle that does not come."""

Wake = Callable[[], None]


class Agenda:
    """What has to look again because something became known."""

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending: list[Wake] = []

    def settle(self) -> None:
        """Look until nothing new becomes known."""
        pending = self.pending
        while pending:
            pending.pop()()


class Completions:
    """Work of one unit, in order: `cycles[n]` is when its counter first shows n + 1."""

    __slots__ = ("_agenda", "_waiting", "cycles")

    def __init__(self, agenda: Agenda) -> None:
        self.cycles: list[int] = []
        self._agenda = agenda
        self._waiting: list[tuple[int, Wake]] = []

    def add(self, cycle: int) -> None:
        """One more piece of work shows from `cycle` on."""
        self.cycles.append(cycle)
        if self._waiting:
            count = len(self.cycles)
            self._agenda.pending += [wake for wanted, wake in self._waiting if wanted <= count]
            self._waiting = [entry for entry in self._waiting if entry[0] > count]

    def when(self, count: int, wake: Wake) -> int | None:
        """Cycle from which `count` shows; None if it is not known yet, then `wake` is called once it is."""
        if count == 0:
            return 0
        if count <= len(self.cycles):
            return self.cycles[count - 1]
        self._waiting.append((count, wake))
        return None
