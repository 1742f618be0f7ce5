"""Fetch and dispatch: the program comes in bursts, its instructions leave in order to the queues."""

from collections.abc import Mapping, Sequence

from tcugen.arch import BURST_BEATS, Architecture
from tcugen.isa import PART_BYTES, Instruction, Opcode
from tcugen.program_format import BLOCK_PARTS, WEIGHTS_HEADER_BYTES, program_size
from tcugen.timing.bursts import program_parts
from tcugen.timing.completions import NEVER, Agenda
from tcugen.timing.latencies import (
    BEAT_TO_PART,
    BEAT_TO_VERIFIED,
    FETCH_BUFFER_BYTES,
    FETCH_BURST_BYTES,
    FETCH_PERIOD,
    FETCH_ROOM,
    OFFER_TO_WRITE,
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
        program_bytes = program_size(sum(self._parts))
        self.n_bytes = WEIGHTS_HEADER_BYTES + program_bytes
        self._burst_beats = min(BURST_BEATS, FETCH_BURST_BYTES // bus_bytes)
        capacity = FETCH_BUFFER_BYTES // bus_bytes
        # Nothing follows a part in the cycle in which it leaves.
        self._part_cycles = 1 + max(1, PART_BYTES // bus_bytes)
        self._latency = BEAT_TO_PART - (capacity < SMALL_FIFO)
        self._bus_bytes = bus_bytes
        self._capacity = capacity
        self._header_beats = WEIGHTS_HEADER_BYTES // bus_bytes
        self._header_asked = self._header_come = False
        self._unrequested = program_bytes // bus_bytes
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
        if not self._header_asked:
            self.beats, self.request_at = self._header_beats, self._request_from
            return
        if not self._unrequested or self.ended is not None:
            return
        self.beats = min(self._burst_beats, self._unrequested)
        free_from = 0
        needed = self._requested + self._burst_beats - self._capacity
        if needed > 0:
            part = -(-needed * self._bus_bytes // PART_BYTES)
            if part > len(self._gathered):
                return
            free_from = self._gathered[part - 1] + FETCH_ROOM
        self.request_at = max(self._request_from, free_from)

    def issued(self, cycle: int) -> None:
        """The burst was taken by the reader in `cycle`."""
        if self._header_asked:
            self._unrequested -= self.beats
            self._requested += self.beats
        self._header_asked = True
        self._request_from = cycle + FETCH_PERIOD
        self._choose()

    def arrived(self, first: int, last: int, beats: int) -> None:
        """The next burst moved over the bus, its last beat in `last`."""
        if not self._header_come:
            self._header_come = True
            return
        self._arrived += beats
        bus_bytes = self._bus_bytes
        while (len(self._part_arrivals) + 1) * PART_BYTES <= self._arrived * bus_bytes:
            last_beat = ((len(self._part_arrivals) + 1) * PART_BYTES - 1) // bus_bytes
            self._part_arrivals.append(last - (self._arrived - 1 - last_beat))
        self._agenda.pending.append(self.advance)

    def _usable(self) -> int | None:
        """From when on the next part of an instruction may be used; None if that is not known yet.

        The program's header and the sums of its blocks are dropped on the way.
        """
        arrivals, latency, period = self._part_arrivals, self._latency, self._part_cycles
        while self._part < len(arrivals):
            part = self._part
            gathered = max(arrivals[part] + latency, self._consumed + period)
            if len(self._gathered) == part:
                self._gathered.append(gathered)
            last = part - part % BLOCK_PARTS + BLOCK_PARTS - 1
            if last >= len(arrivals):
                break
            usable = max(gathered, arrivals[last] + BEAT_TO_VERIFIED)
            if part not in (0, last):
                return usable
            self._consumed = usable
            self._part += 1
        return None

    def advance(self) -> None:
        """Dispatch what can be dispatched."""
        while self.ended is None:
            number = self._next
            if self._own_part_at is None:
                usable = self._usable()
                if usable is None:
                    break
                self._own_part_at = self._consumed = max(usable, self._left)
                self._part += 1
            valid = self._own_part_at + OWN_PART_TO_OFFER
            shared = self._parts[number] == 2
            if shared:
                usable = self._usable()
                if usable is None:
                    break
                valid = max(valid, usable)
            instruction = self._instructions[number]
            if instruction.opcode == Opcode.END:
                self.ended = valid + 1
                break
            queue = self._queues[instruction.opcode]
            room = queue.room(self.advance)
            if room is None:
                if not shared:
                    self._usable()  # it is gathered meanwhile
                break
            entered = max(valid, room) + OFFER_TO_WRITE
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
