"""LOAD: bursts ahead of their writes, as far as the beat queue has room."""

from collections import deque

from tcugen.arch import Architecture
from tcugen.timing.banks import DrainWrites
from tcugen.timing.bursts import transfer_bursts
from tcugen.timing.completions import NEVER, Agenda, Completions
from tcugen.timing.latencies import (
    BEAT_TO_PLACE,
    LOAD_PERIOD,
    LOAD_PLANS,
    LOAD_QUEUE_BEATS,
    LOAD_ROOM,
    LOAD_START,
    PLACE_TO_DONE,
    WALKER_START,
)
from tcugen.timing.queue import InstructionQueue

_BURSTS_PAST_WALKER = 2
"""The walker's output and the request."""


class Load:
    """Client 1 of the bus.

    Attributes:
        request_at, beats: The next burst.
        idle_from: Cycle from which nothing is under way.
        spans: From when until when instructions were under way.
    """

    def __init__(
        self,
        queue: InstructionQueue,
        completions: Completions,
        drain_writes: DrainWrites,
        architecture: Architecture,
        agenda: Agenda,
    ) -> None:
        self._queue = queue
        self._completions = completions
        self._drain_writes = drain_writes
        self._architecture = architecture
        self._agenda = agenda
        self._pieces = max(1, architecture.bus_bytes // architecture.rows)
        self.request_at = NEVER
        self.beats = 0
        self.idle_from = 0
        self.spans: list[tuple[int, int]] = []
        self._bursts: deque[int] = deque()
        self._starts: deque[tuple[int, int]] = deque()  # bursts before an instruction's first, its earliest request
        self._ends: deque[int] = deque()  # beats up to each instruction's end
        self._accepted_bursts = self._accepted_beats = 0
        self._issued_bursts = self._requested = self._arrived = 0
        self._from = self._walker_free = 0
        self._placed: list[int] = []  # last write of each instruction
        self._place_from = 0
        self._frees: deque[tuple[int, int, int]] = deque()  # beats freed with a burst, cycle of its last, cycles each

    def advance(self) -> None:
        """Take instructions: the walker accepts one when the last burst of the one before stands at its output.

        Then the one before that stands in the request's register, or has left it.
        """
        while len(self._bursts) < _BURSTS_PAST_WALKER or (
            len(self._bursts) == _BURSTS_PAST_WALKER and self.request_at != NEVER
        ):
            offered = self._queue.offered()
            if offered is None:
                return
            number = self._queue.left
            cycle = max(offered, self._walker_free)
            if number >= LOAD_PLANS:
                if len(self._placed) <= number - LOAD_PLANS:
                    return
                cycle = max(cycle, self._placed[number - LOAD_PLANS])
            instruction = self._queue.take(cycle)
            self.spans.append((cycle + 1, NEVER))
            bursts = transfer_bursts(instruction, self._architecture)
            self._starts.append((self._accepted_bursts, cycle + LOAD_START))
            self._accepted_bursts += len(bursts)
            self._accepted_beats += sum(bursts)
            self._ends.append(self._accepted_beats)
            self._walker_free = cycle + WALKER_START
            empty = not self._bursts
            self._bursts += bursts
            if empty:
                self._choose()
            else:
                self._settle_walker()

    def _choose(self) -> None:
        """Settle when the next burst is asked for."""
        if not self._bursts:
            self.request_at = NEVER
            return
        if self._starts and self._starts[0][0] == self._issued_bursts:
            self._from = max(self._from, self._starts.popleft()[1])
        self.beats = self._bursts[0]
        needed = self._requested + self.beats - LOAD_QUEUE_BEATS
        free_at = 0
        if needed > 0:
            frees = self._frees
            while frees and frees[0][0] < needed:
                frees.popleft()
            if not frees:
                self.request_at = NEVER
                return
            total, last, period = frees[0]
            free_at = last - (total - needed) * period
        self.request_at = max(free_at + LOAD_ROOM, self._from) if free_at else self._from
        self._settle_walker()

    def _settle_walker(self) -> None:
        """The last burst comes to the walker's output once the one before it is asked for."""
        if len(self._bursts) == _BURSTS_PAST_WALKER and self.request_at != NEVER:
            self._walker_free = max(self._walker_free, self.request_at)

    def issued(self, cycle: int) -> None:
        """The burst was taken by the reader in `cycle`."""
        self._requested += self._bursts.popleft()
        self._issued_bursts += 1
        self._from = cycle + LOAD_PERIOD
        self._choose()
        self.advance()

    def arrived(self, first: int, last: int, beats: int) -> None:
        """The oldest burst moved over the bus in the cycles `first` to `last`."""
        self._arrived += beats
        start = first + BEAT_TO_PLACE
        if start < self._place_from:
            start = self._place_from
        placed, period = self._drain_writes.place(start, last + BEAT_TO_PLACE, beats * self._pieces)
        self._place_from = placed + 1
        self._frees.append((self._arrived, placed + 1, period * self._pieces))
        if self._ends and self._ends[0] == self._arrived:
            self._ends.popleft()
            number = len(self._placed)
            self.spans[number] = (self.spans[number][0], placed + PLACE_TO_DONE)
            self._placed.append(placed)
            self.idle_from = placed + PLACE_TO_DONE
            self._completions.add(placed + PLACE_TO_DONE)
            self._agenda.pending.append(self.advance)
        if self.request_at == NEVER:
            self._choose()
            self._agenda.pending.append(self.advance)
