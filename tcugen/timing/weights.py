"""The weight stream: as far ahead of the array as its rings allow."""

from collections import deque

from tcugen.arch import Architecture
from tcugen.timing.completions import NEVER, Agenda
from tcugen.timing.latencies import WEIGHT_PERIOD, WEIGHT_ROOM, WEIGHT_START
from tcugen.timing.queue import InstructionQueue
from tcugen.timing.ring import Ring


class WeightStream:
    """Client 2 of the bus.

    Attributes:
        tiles, groups: The rings.
        request_at, beats: The next burst.
        idle_from: Cycle from which no instruction is under way; the last beat may come later.
        last_beat: Cycle of the last beat so far.
        spans: From when until when instructions were under way; the last beat may come later.
    """

    def __init__(self, queue: InstructionQueue, architecture: Architecture, agenda: Agenda) -> None:
        a = architecture
        self._queue = queue
        self._bus_bytes = a.bus_bytes
        self.tiles = Ring(a.weight_tiles, a.tile_bytes // a.bus_bytes, agenda)
        self.groups = Ring(a.parameter_groups, a.parameter_group_bytes // a.bus_bytes, agenda)
        self._burst_beats = a.weight_burst_beats
        self.request_at = NEVER
        self.beats = 0
        self.idle_from = self.last_beat = 0
        self.spans: list[tuple[int, int]] = []
        self._ring = self.groups
        self._under_way: deque[Ring] = deque()
        self._place = self._left = self._columns = self._tile_beats = self._from = 0

    def advance(self) -> None:
        """Take an instruction if there is none, and settle when the next burst is asked for."""
        if not self._columns:
            offered = self._queue.offered()
            if offered is None:
                return
            cycle = max(offered, self.idle_from)
            get = self._queue.take(cycle).fields.get
            self._columns = get("n_columns", 0)
            self._tile_beats = get("n_tiles", 0) * self.tiles.item_beats
            self._place = get("offset", 0) // self._bus_bytes
            self._ring, self._left = self.groups, self.groups.item_beats
            self._from = cycle + WEIGHT_START
            self.spans.append((cycle + 1, NEVER))
        self._choose()

    def _choose(self) -> None:
        beats = self._burst_beats - self._place % self._burst_beats
        if beats > self._left:
            beats = self._left
        self.beats = beats
        room = self._ring.room_at(beats)
        # Room is looked at from the cycle before the request on.
        self.request_at = max(room + WEIGHT_ROOM, self._from) if room != NEVER else NEVER

    def look_again(self) -> None:
        """Room may have become known."""
        if self._columns and self.request_at == NEVER:
            self._choose()

    def issued(self, cycle: int) -> None:
        """The burst was taken by the reader in `cycle`."""
        ring, beats = self._ring, self.beats
        ring.claimed += beats
        self._under_way.append(ring)
        self._place += beats
        self._left -= beats
        self._from = cycle + WEIGHT_PERIOD
        if not self._left:
            if ring is self.groups and self._tile_beats:
                self._ring, self._left = self.tiles, self._tile_beats
            else:
                self._ring, self._left = self.groups, self.groups.item_beats
                self._columns -= 1
                if not self._columns:
                    self.idle_from = cycle + 1
                    self.spans[-1] = (self.spans[-1][0], cycle + 1)
                    self.request_at = NEVER
                    self.advance()
                    return
        self._choose()

    def arrived(self, first: int, last: int, beats: int) -> None:
        """The oldest burst moved over the bus, its last beat in `last`."""
        self.last_beat = last
        self._under_way.popleft().receive(last, beats)
