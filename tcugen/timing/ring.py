"""The rings between bus and array: room that bursts claim, items that are written, read and released."""

from collections import deque

from tcugen.timing.completions import NEVER, Agenda, Wake
from tcugen.timing.latencies import BEAT_TO_RING


class Ring:
    """A ring's items: when each has been written, and when room becomes free.

    Attributes:
        written: Cycle from which each item counts as written, by number since the start.
        wanted: Number of the item that `wake` is to be called for, NEVER for none.
    """

    def __init__(self, items: int, item_beats: int, agenda: Agenda) -> None:
        self.item_beats, self.capacity = item_beats, items * item_beats
        self.claimed = self._beats = self._freed = 0
        self.written: list[int] = []
        self.wanted = NEVER
        self.wake: Wake = lambda: None
        self._agenda = agenda
        self._releases: deque[tuple[int, int, int, int]] = deque()  # items before, first cycle, step, items

    def receive(self, last: int, beats: int) -> None:
        """`beats` more arrived on the bus in a row, the last in cycle `last`."""
        self._beats = total = self._beats + beats
        written, item_beats = self.written, self.item_beats
        end = (len(written) + 1) * item_beats
        if end > total:
            return
        last += BEAT_TO_RING - total
        while end <= total:
            written.append(last + end)
            end += item_beats
        if len(written) > self.wanted:
            self.wanted = NEVER
            self._agenda.pending.append(self.wake)

    def release(self, cycle: int, step: int = 0, items: int = 1) -> None:
        """`items` items are free, the first from `cycle` on, the others `step` cycles apart."""
        self._releases.append((self._freed, cycle, step, items))
        self._freed += items

    def room_at(self, beats: int) -> int:
        """Cycle from which `beats` beats can be claimed; NEVER if that is not known yet."""
        needed = self.claimed + beats - self.capacity
        if needed <= 0:
            return 0
        item = -(-needed // self.item_beats)
        if item > self._freed:
            return NEVER
        releases = self._releases
        before, cycle, step, items = releases[0]
        while before + items < item:
            releases.popleft()
            before, cycle, step, items = releases[0]
        return cycle + (item - 1 - before) * step
