"""STORE: words into beats, beats into write bursts whose address waits for the data."""

from collections import deque
from dataclasses import dataclass

from tcugen.arch import Architecture
from tcugen.memory_model import MemoryModel
from tcugen.timing.bursts import transfer_bursts
from tcugen.timing.completions import NEVER, Completions
from tcugen.timing.latencies import (
    ANSWER_TO_DONE,
    DATA_TO_ISSUE,
    ISSUE_TO_ADDRESS,
    MAX_OUTSTANDING,
    STORE_LOOKAHEAD,
    STORE_REQUEST,
    STORE_START,
    WRITE_PERIOD,
    WRITE_TO_DATA,
    WRITER_BEATS,
)
from tcugen.timing.queue import InstructionQueue
from tcugen.timing.reads import ArrayReads


@dataclass(slots=True)
class WriteBurst:
    """A burst whose address stands in cycle `address` and whose data can move from `ready` on; `beats` are left.

    `known` once all is known that the array reads while the burst's words are read.
    """

    address: int
    ready: int
    beats: int
    ends: bool
    known: bool


class Store:
    """The one user of the bus writer.

    Attributes:
        bursts: What the bus has to write, in order.
        spans: From when until when instructions were under way.
        idle_from: Cycle from which nothing is under way.
    """

    def __init__(
        self,
        queue: InstructionQueue,
        completions: Completions,
        reads: ArrayReads,
        architecture: Architecture,
        memory: MemoryModel,
    ) -> None:
        self._queue = queue
        self._completions = completions
        self._reads = reads
        self._architecture = architecture
        self._response_latency = memory.response_latency
        self._beat_words = architecture.bus_bytes / architecture.rows
        self.bursts: deque[WriteBurst] = deque()
        self.spans: list[tuple[int, int]] = []
        self.idle_from = 0
        self._pending: deque[int] = deque()
        self._taken: deque[int] = deque()
        self._pushed_at = 0
        self._data_from = self._request_from = 0
        self._pushed = self._moved = 0
        self._issued = 0
        self._issued_at = 0
        self._start = self._room_at = self._issue_from = 0  # of the newest burst
        self._answered: list[int] = []
        self._moves: deque[tuple[int, int]] = deque()  # beats moved up to, cycle of the last

    def advance(self) -> None:
        """Hand the bus every burst whose times are known, and one whose times may turn out to be later."""
        while not self.bursts or self.bursts[-1].known:
            if not self._pending:
                offered = self._queue.offered()
                if offered is None:
                    return
                cycle = max(offered, self._pushed_at - STORE_LOOKAHEAD)
                self._pending += transfer_bursts(self._queue.take(cycle), self._architecture)
                self._data_from = cycle + STORE_START
                self._request_from = cycle + STORE_REQUEST
                self._taken.append(cycle)
                self.spans.append((cycle + 1, NEVER))
            if not self._push():
                return

    def _push(self) -> bool:
        beats = self._pending[0]
        self._start = max(self._pushed_at + 1, self._data_from)
        self._room_at = 0
        over = self._pushed + beats - WRITER_BEATS
        if over > 0:
            if over > self._moved:
                return False
            moves = self._moves
            while moves[0][0] < over:
                moves.popleft()
            total, last = moves[0]
            self._room_at = last - (total - over)
        self._issue_from = max(self._issued_at + WRITE_PERIOD, self._request_from)
        before = self._issued - MAX_OUTSTANDING
        if before >= 0:
            if before >= len(self._answered):
                return False
            self._issue_from = max(self._issue_from, self._answered[before] + 1)
        self._pending.popleft()
        self._pushed += beats
        self._issued += 1
        burst = WriteBurst(0, 0, beats, not self._pending, False)
        self._time(burst)
        self.bursts.append(burst)
        return True

    def _time(self, burst: WriteBurst) -> None:
        """Settle when the newest burst's words are read, as far as it is known, and when its address stands."""
        read = self._reads.sequential(self._start, burst.beats, self._beat_words)
        self._pushed_at = max(read, self._room_at)
        self._issued_at = max(self._pushed_at + DATA_TO_ISSUE, self._issue_from)
        burst.address = self._issued_at + ISSUE_TO_ADDRESS
        burst.ready = burst.address + WRITE_TO_DATA
        burst.known = read < self._reads.until

    def settle(self) -> bool:
        """Look again at the oldest burst, of which all is known by now; False if it comes later than it seemed."""
        burst = self.bursts[0]
        if burst.known:
            return True
        ready = burst.ready
        self._time(burst)
        if burst.ready > ready:
            return False
        burst.known = True
        self.advance()
        return True

    def moved(self, burst: WriteBurst, last: int, beats: int) -> None:
        """`beats` of the oldest burst moved over the bus, the last of them in `last`."""
        self._moved += beats
        self._moves.append((self._moved, last))
        if not burst.beats:
            self.bursts.popleft()
            answered = last + self._response_latency
            self._answered.append(answered)
            if burst.ends:
                done = answered + ANSWER_TO_DONE
                self.spans[len(self._completions.cycles)] = (self._taken.popleft() + 1, done)
                self.idle_from = done
                self._completions.add(done)
        self.advance()
