"""Fetch and dispatch: the program comes in bursts, its instructions leave in order to the queues."""

from collections.abc import Mapping, Sequence

from tcugen.arch import BURST_BEATS, Architecture
from tcugen.isa import PART_BYTES, Instruction, Opcode
from tcugen.timing.bursts import program_bytes, program_parts
from tcugen.timing.completions import NEVER, Agenda
from tcugen.timing.latencies import (
    BEAT_TO_PART,
    FETCH_BURST_BYTES,
    FETCH_BURSTS,
    FETCH_PERIOD,
    OWN_PART_TO_OFFER,
    SMALL_FIFO,
    START_TO_FETCH,
)
from tcugen.timing.queue import InstructionQueue


class Fetch:
    """Client 0 of the bus.

    Attributes:
        request_at, beats: The next burst.
        ended: Cycle in which END left; None before.
    """

    def __init__(
        self,
        instructions: Sequence[Instruction],
        queues: Mapping[Opcode, InstructionQueue],
        architecture: Architecture,
        agenda: Agenda,
    ) -> None:
        bus_bytes = architecture.bus_bytes
        self._instructions = instructions
        self._queues = queues
        self._agenda = agenda
        self._parts = program_parts(instructions)
        self.n_bytes = program_bytes(self._parts)
        self._burst_beats = min(BURST_BEATS, FETCH_BURST_BYTES // bus_bytes)
        capacity = FETCH_BURSTS * self._burst_beats
        self._part_cycles = max(1, PART_BYTES // bus_bytes)
        gathers = bus_bytes < PART_BYTES
        self._latency = BEAT_TO_PART - (not gathers) - (capacity < SMALL_FIFO)
        self._bus_bytes = bus_bytes
        self._capacity = capacity
        self._unrequested = self.n_bytes // bus_bytes
        self._requested = 0
        self._arrived = 0
        self._part_arrivals: list[int] = []
        self._gathered: list[int] = []  # cycle from which the room of each part is free again
        self._next = 0
        self._part = 0
        self._consumed = -1
        self._left = -1
        self._own_part_at: int | None = None
        self._request_from = START_TO_FETCH
        self.request_at = NEVER
        self.beats = 0
        self.ended: int | None = None
        self._choose()

    @property
    def position(self) -> int:
        """Number of the instruction that is dispatched next."""
        return self._next

    def _choose(self) -> None:
        """Settle when the next burst is asked for."""
        self.request_at = NEVER
        if not self._unrequested or self.ended is not None:
            return
        self.beats = min(self._burst_beats, self._unrequested)
        free_from = 0
        needed = self._requested + self._burst_beats - self._capacity
        if needed > 0:
            part = -(-needed * self._bus_bytes // PART_BYTES)
            if part > len(self._gathered):
                return
            free_from = self._gathered[part - 1] + 1
        self.request_at = max(self._request_from, free_from)

    def issued(self, cycle: int) -> None:
        """The burst was taken by the reader in `cycle`."""
        self._unrequested -= self.beats
        self._requested += self.beats
        self._request_from = cycle + FETCH_PERIOD
        self._choose()

    def arrived(self, first: int, last: int, beats: int) -> None:
        """The next burst moved over the bus, its last beat in `last`."""
        self._arrived += beats
        bus_bytes = self._bus_bytes
        while (len(self._part_arrivals) + 1) * PART_BYTES <= self._arrived * bus_bytes:
            last_beat = ((len(self._part_arrivals) + 1) * PART_BYTES - 1) // bus_bytes
            self._part_arrivals.append(last - (self._arrived - 1 - last_beat))
        self._agenda.pending.append(self.advance)

    def advance(self) -> None:
        """Dispatch what can be dispatched."""
        arrivals, latency, period = self._part_arrivals, self._latency, self._part_cycles
        while self.ended is None:
            number = self._next
            if self._own_part_at is None:
                if self._part >= len(arrivals):
                    break
                gathered = max(arrivals[self._part] + latency, self._consumed + period)
                if len(self._gathered) == self._part:
                    self._gathered.append(gathered)
                self._own_part_at = max(gathered, self._left)
                self._consumed = self._own_part_at
                self._part += 1
            valid = self._own_part_at + OWN_PART_TO_OFFER
            shared = self._parts[number] == 2
            if shared:
                if self._part >= len(arrivals):
                    break
                gathered = max(arrivals[self._part] + latency, self._consumed + period)
                valid = max(valid, gathered)
                if len(self._gathered) == self._part:
                    self._gathered.append(gathered)
            instruction = self._instructions[number]
            if instruction.opcode == Opcode.END:
                self.ended = valid
                break
            queue = self._queues[instruction.opcode]
            room = queue.room(self.advance)
            if room is None:
                if not shared and self._part < len(arrivals) and len(self._gathered) == self._part:
                    self._gathered.append(max(arrivals[self._part] + latency, self._consumed + period))
                break
            entered = max(valid, room)
            left = entered + queue.words - 1
            if shared:
                self._part += 1
                self._consumed = left
            self._left = left
            self._own_part_at = None
            self._next += 1
            queue.put(instruction, entered)
        if self.request_at == NEVER:
            self._choose()
