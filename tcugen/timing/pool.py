"""POOL: one window tap per cycle, unless the array reads from the tap's bank."""

from collections import deque

from tcugen.arch import ACTIVATION_BANKS, Architecture
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Instruction
from tcugen.timing.completions import NEVER, Completions
from tcugen.timing.convolver import Convolver
from tcugen.timing.latencies import DEPTHWISE_END, POOL_END, POOL_START
from tcugen.timing.queue import InstructionQueue
from tcugen.timing.reads import ArrayReads


class Pool:
    """The max-pool unit; it moves with time, as far as it is known what the array does.

    Attributes:
        now: Cycle up to which the instruction under way has been worked on; NEVER without one.
        spans: From when until when instructions were under way.
        idle_from: Cycle from which nothing is under way.
    """

    def __init__(
        self, queue: InstructionQueue, completions: Completions, reads: ArrayReads, architecture: Architecture
    ) -> None:
        self._queue = queue
        self._completions = completions
        self._reads = reads
        self._rows, self._lanes = architecture.rows, architecture.depthwise
        self._convolver: Convolver | None = None
        self.now = NEVER
        self.spans: list[tuple[int, int]] = []
        self.idle_from = 0
        self._taps: deque[int] = deque()

    def advance(self) -> None:
        """Take the next instruction if none is under way."""
        if self.now != NEVER:
            return
        offered = self._queue.offered(self.idle_from)
        if offered is None:
            return
        cycle = max(offered, self.idle_from)
        instruction = self._queue.take(cycle)
        self.now = cycle + POOL_START + instruction["stride_y"].bit_length()
        if instruction["depthwise"]:
            self._convolver = Convolver(instruction, self._rows, self._lanes, self.now)
        else:
            self._taps = deque(tap_banks(instruction, self._rows))
        self.idle_from = NEVER
        self.spans.append((cycle + 1, NEVER))

    def run(self, until: int) -> None:
        """Read taps before cycle `until`; what the array does before then must be known."""
        if self._convolver is not None:
            self._convolver.run(until, self._reads)
            self.now = self._convolver.now
            if not self._convolver.left:
                written, self._convolver = self._convolver.written, None
                self._end(written + DEPTHWISE_END)
            return
        taps, cycle, reads = self._taps, self.now, self._reads
        start, end, banks = reads.at(cycle)
        while taps and cycle < until:
            if cycle >= end:
                start, end, banks = reads.at(cycle)
            if cycle < start or not banks[cycle - start] & taps[0]:
                taps.popleft()
            cycle += 1
        self.now = cycle
        if not taps:
            self._end(cycle - 1 + POOL_END)

    def _end(self, idle_from: int) -> None:
        """The instruction under way has no more taps, and the next can be taken from cycle `idle_from` on."""
        self.now = NEVER
        self.idle_from = idle_from
        self.spans[-1] = (self.spans[-1][0], idle_from)
        self._completions.add(idle_from)
        self._reads.wanted -= 1
        self.advance()


def tap_banks(instruction: Instruction, word_bytes: int) -> list[int]:
    """The bank that each tap reads, as a bit, in order; 0 for taps outside the input."""
    get = instruction.fields.get
    mask = (1 << ACTIVATION_ADDRESS_BITS) - 1
    height, width, ix0, iy0 = get("height", 0), get("width", 0), get("ix0", 0), get("iy0", 0)
    row_step, stride_x, stride_y = get("row_step", 0), get("stride_x", 0), get("stride_y", 0)
    n_kx, n_ky, n_x = get("n_kx", 0), get("n_ky", 0), get("n_x", 0)
    taps: list[int] = []
    for group in range(get("n_groups", 0)):
        plane = get("base", 0) + group * get("group_step", 0)
        for y in range(get("n_y", 0)):
            # Of each window row: its first word, and whether it lies inside.
            lines = [
                ((plane + (y * stride_y + ky) * row_step & mask) // word_bytes, 0 <= iy0 + y * stride_y + ky < height)
                for ky in range(n_ky)
            ]
            for x in range(n_x):
                first = x * stride_x
                for word, inside in lines:
                    for tap in range(first, first + n_kx):
                        within = inside and 0 <= ix0 + tap < width
                        taps.append(1 << (word + tap) % ACTIVATION_BANKS if within else 0)
    return taps
