"""When each column group's weights arrive and when it is done: the array against the prefetching weight stream."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Strip:
    """One column group's work, or one block of it where the weights are read again for each block.

    Attributes:
        cycles: Array and output path together, weights being there.
        memory_bytes: Bytes of weights, parameters and other traffic that belongs to it.
        first_block_cycles, last_block_cycles: Parts of `cycles`: all weights must have come before the first block
            ends; their buffer space is freed during the last block.
        passes: Weight tiles.
    """

    cycles: int
    memory_bytes: int
    first_block_cycles: int
    last_block_cycles: int
    passes: int


class Timeline:
    """Runs strips one after the other and keeps the time.

    The stream fetches strips in order, `bus_bytes` per cycle, at most `ring_bytes` and `ring_strips` ahead of what the
    array has finished with.
    """

    def __init__(self, bus_bytes: int, ring_bytes: int, ring_strips: int):
        self._bus_bytes, self._ring_bytes, self._ring_strips = bus_bytes, ring_bytes, ring_strips
        self.now = 0
        self._stream = 0
        self._behind = 0
        self._ends: list[int] = []
        self._edges = [0]
        self._windows: list[int] = []

    def wait(self, cycles: int) -> None:
        """Let time pass in which the array rests; the stream goes on."""
        self.now += cycles

    def run(self, strip: Strip) -> int:
        """Run a strip; returns the cycles the array waited for its weights."""
        start, end_of_bytes = self._edges[-1], self._edges[-1] + strip.memory_bytes
        self._stream += -(-strip.memory_bytes // self._bus_bytes)
        self._hold_for_ring(end_of_bytes - self._ring_bytes, start)
        if len(self._ends) >= self._ring_strips:
            self._stream = max(self._stream, self._ends[-self._ring_strips])
        after_weights = strip.cycles - strip.first_block_cycles + strip.first_block_cycles // strip.passes
        end = max(self.now + strip.cycles, self._stream + after_weights)
        waited = end - self.now - strip.cycles
        self.now = end
        self._edges.append(end_of_bytes)
        self._ends.append(end)
        self._windows.append(strip.last_block_cycles)
        return waited

    def _hold_for_ring(self, position: int, start: int) -> None:
        """Move the end of the current fetch back until the array has finished with all bytes before `position`.

        A strip's bytes are freed evenly during its last block. What the fetch needs freed at that block's beginning
        and what it needs at its very end bound it; after the former the rest still takes its time on the bus.

        Args:
            position: Byte of the stream that has to be free when the fetch ends.
            start: Byte at which the strip that is fetched begins; it runs from now on.
        """
        while self._behind < len(self._ends) and self._edges[self._behind] < position:
            opens = self._ends[self._behind] - self._windows[self._behind]
            self._bound(opens, position - self._edges[self._behind])
            self._behind += 1
        if start < position:
            self._bound(self.now, position - start)
        elif self._behind > 0:
            index = self._behind - 1
            missing = max(0, self._edges[index + 1] - position)
            size = self._edges[index + 1] - self._edges[index]
            self._stream = max(self._stream, self._ends[index] - self._windows[index] * missing // size)

    def _bound(self, since: int, rest_bytes: int) -> None:
        self._stream = max(self._stream, since + rest_bytes // self._bus_bytes)
