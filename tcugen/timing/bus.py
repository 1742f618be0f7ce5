"""The bus, burst by burst: the reader's choice of clients, reads in flight, the memory's order, the writer's bursts.

Everything that asks the bus for something does so because of what the bus did before. So when all else has settled,
the earliest thing the bus can do is the next thing that happens on it.
"""

from collections import deque
from typing import Protocol

from tcugen.memory_model import MemoryModel
from tcugen.timing.completions import NEVER, Agenda
from tcugen.timing.latencies import CHECK_PLACES, ISSUE_TO_ADDRESS, MAX_OUTSTANDING, TAKE_TO_ISSUE
from tcugen.timing.pool import Pool
from tcugen.timing.store import Store


class ReadClient(Protocol):
    """A client of the reader: it asks for `beats` beats from `request_at` on."""

    request_at: int
    beats: int

    def issued(self, cycle: int) -> None:
        """The burst was taken in `cycle`."""
        ...

    def arrived(self, first: int, last: int, beats: int) -> None:
        """The oldest burst moved in the cycles `first` to `last`."""
        ...


class Bus:
    """Reader, writer and memory. Delayed beats are spread evenly, where the memory draws them.

    Attributes:
        last_beat: Cycle of the last beat so far.
    """

    def __init__(
        self,
        clients: tuple[ReadClient, ReadClient, ReadClient],
        store: Store,
        pool: Pool,
        memory: MemoryModel,
        agenda: Agenda,
    ) -> None:
        self._clients = clients
        self._store = store
        self._pool = pool
        self._memory = memory
        self._agenda = agenda
        self.last_beat = 0

    def run(self) -> None:
        """Move the bus until nothing more can move."""
        first, second, third = self._clients
        store, pool, agenda = self._store, self._pool, self._agenda
        pending, writes = agenda.pending, store.bursts
        latency = self._memory.read_latency + ISSUE_TO_ADDRESS
        limit = min(self._memory.reads_in_flight, MAX_OUTSTANDING)
        reads: deque[tuple[int, int, int, ReadClient]] = deque()  # address, first beat due, beats, client
        ends: deque[int] = deque([0] * limit)  # when each place among the reads in flight is free again
        waiting: deque[tuple[int, ReadClient, int]] = deque()  # taken by the reader, without a place in flight
        issues: deque[int] = deque([-1] * CHECK_PLACES, CHECK_PLACES)  # when the last bursts were issued
        free = 0
        delayed_one_in = self._memory.delayed_one_in
        moved = 0
        while True:
            read_at = write_at = NEVER
            if reads:
                read_at = reads[0][1]
                if read_at < free:
                    read_at = free
            if writes:
                write_at = writes[0].ready
                if write_at < free:
                    write_at = free
            now = read_at if read_at < write_at else write_at
            # Requests up to then. Each may change what is known, so that all is looked at again.
            held = len(waiting)
            if held < CHECK_PLACES:
                take_from = issues[held] + 1
                client, take = first, first.request_at
                if take > take_from:
                    if second.request_at < take:
                        client, take = second, second.request_at
                    if take > take_from and third.request_at < take:
                        client, take = third, third.request_at
                if take < take_from:
                    take = take_from
                if take <= now and take != NEVER:
                    if pool.now < take:
                        pool.run(take)
                        agenda.settle()
                        continue
                    beats = client.beats
                    if ends:
                        issue = max(ends.popleft(), take + TAKE_TO_ISSUE, issues[-1] + 1)
                        reads.append((issue + ISSUE_TO_ADDRESS, issue + latency, beats, client))
                        issues.append(issue)
                    else:
                        waiting.append((take, client, beats))
                    client.issued(take)
                    if pending:
                        agenda.settle()
                    continue
            if pool.now < now:
                pool.run(now)
                agenda.settle()
                continue
            if now == NEVER:
                break
            if read_at < write_at or (read_at == write_at and reads[0][0] <= writes[0].address):
                _, _, beats, client = reads.popleft()
                free = read_at + beats
                if delayed_one_in:
                    free += (moved % delayed_one_in + beats) // delayed_one_in
                    moved += beats
                if waiting:
                    take, taker, count = waiting.popleft()
                    issue = max(take + TAKE_TO_ISSUE, free, issues[-1] + 1)
                    reads.append((issue + ISSUE_TO_ADDRESS, issue + latency, count, taker))
                    issues.append(issue)
                else:
                    ends.append(free)
                client.arrived(read_at, free - 1, beats)
            elif store.settle():
                burst = writes[0]
                beats = burst.beats
                # An older read that falls due meanwhile goes first.
                if reads and reads[0][0] <= burst.address and reads[0][1] < write_at + beats:
                    beats = reads[0][1] - write_at
                burst.beats -= beats
                free = write_at + beats
                if delayed_one_in:
                    free += (moved % delayed_one_in + beats) // delayed_one_in
                    moved += beats
                store.moved(burst, free - 1, beats)
            if pending:
                agenda.settle()
        self.last_beat = free - 1
