"""DRAIN: the output path empties full banks, `output_lanes` channels of a pixel per cycle."""

from tcugen.arch import PARAMETER_BYTES, TABLE_ENTRIES, Architecture
from tcugen.isa import Instruction
from tcugen.timing.banks import DrainWrites
from tcugen.timing.completions import NEVER, Agenda, Completions
from tcugen.timing.compute import Compute
from tcugen.timing.latencies import (
    DRAIN_START,
    DRAIN_TO_READY,
    GROUP_TO_STEP,
    MULTIPLY_LATENCY,
    OUTPUT_LATENCY,
    READ_TO_BANK_FREE,
    RESIDUAL_START,
    STEP_TO_GROUP_FREE,
    TABLE_LATENCY,
    UNROUNDED_LATENCY,
    WRITE_TO_COUNT,
)
from tcugen.timing.queue import InstructionQueue
from tcugen.timing.weights import WeightStream

_INT32_BYTES = 4


class Drain:
    """The output path.

    Attributes:
        spans: From when until when instructions were under way.
    """

    def __init__(
        self,
        queue: InstructionQueue,
        completions: Completions,
        compute: Compute,
        weights: WeightStream,
        writes: DrainWrites,
        architecture: Architecture,
        agenda: Agenda,
    ) -> None:
        self._queue = queue
        self._completions = completions
        self._compute = compute
        self._weights = weights
        self._groups = weights.groups
        self._writes = writes
        self._steps = architecture.output_steps
        self._columns = architecture.columns
        self._table_left = 0  # pieces of a table that are still to be read
        self._latency = OUTPUT_LATENCY
        self._latency += TABLE_LATENCY * architecture.tables + MULTIPLY_LATENCY * architecture.multiply
        self._latency += UNROUNDED_LATENCY * architecture.unrounded_add
        self._agenda = agenda
        self.spans: list[tuple[int, int]] = []
        self._instruction: Instruction | None = None
        self._free_from = 0
        self._drained = 0
        self._last = 0  # last step so far
        self._begin = 0
        self._group = self._first_group = 0
        self._column = self._row = 0
        self._slow = 1.0

    def advance(self) -> None:
        """Go on as long as everything needed is known."""
        while True:
            if self._instruction is None:
                ready = self._free_from + DRAIN_TO_READY
                offered = self._queue.offered(ready)
                if offered is None:
                    return
                cycle = max(offered, ready)
                self._instruction = instruction = self._queue.take(cycle)
                self._begin = cycle + self._start(instruction)
                if instruction.fields.get("load_table", 0):
                    self._table_left, self._begin = TABLE_ENTRIES // PARAMETER_BYTES, cycle + DRAIN_START
                self.spans.append((cycle + 1, NEVER))
                self._first_group = self._group
                self._column = self._row = 0
                self._slow = self._writes.slowing(instruction, 0)
            if self._table_left and not self._load_table(self._instruction):
                return
            if not self._drain(self._instruction):
                return

    @staticmethod
    def _start(instruction: Instruction) -> int:
        """From the beginning of an instruction to its first step."""
        return RESIDUAL_START if instruction.fields.get("residual", 0) else DRAIN_START

    def _load_table(self, instruction: Instruction) -> bool:
        """The groups of a table, one piece a cycle; False if one is not known to come yet."""
        while self._table_left:
            if self._group >= len(self._groups.written):
                self._groups.wanted = self._group
                return False
            pieces = min(self._table_left, self._columns)
            last = max(self._begin, self._groups.written[self._group]) + pieces - 1
            self._table_left -= pieces
            self._begin = last + 1
            self._group += 1
            self._groups.release(last + STEP_TO_GROUP_FREE)
            self._agenda.pending.append(self._weights.look_again)
        self._first_group = self._group
        self._begin += self._start(instruction) - 1
        return True

    def _drain(self, instruction: Instruction) -> bool:
        """One tile; False if it, or its parameters, are not known to come yet."""
        if self._drained >= len(self._compute.filled):
            return False
        if self._group >= len(self._groups.written):
            self._groups.wanted = self._group
            return False
        get = instruction.fields.get
        n_y, columns = get("n_y", 0), get("n_columns", 0)
        rows = min(get("block_rows", 0), n_y - self._row)
        last_block = self._row + rows == n_y
        steps = get("last_steps", 0) if self._column + 1 == columns else self._steps
        if get("int32", 0):
            steps *= _INT32_BYTES
        pixel_steps = steps
        steps *= rows * get("n_x", 0)
        group_there = self._groups.written[self._group] + GROUP_TO_STEP
        start = max(self._last + 1, self._begin, self._compute.filled[self._drained], group_there)
        self._last = last = start + steps - 1
        self._drained += 1
        # The last pixel is read with its first step.
        self._compute.released.append(last - pixel_steps + 1 + READ_TO_BANK_FREE)
        self._writes.add(start + self._latency, last + self._latency, self._slow)
        self._completions.add(last + self._latency + WRITE_TO_COUNT)
        self._agenda.pending.append(self._compute.advance)
        self._row += rows
        if last_block:
            self._row = 0
            self._column += 1
            self._group += 1
            if not get("keep", 0):
                self._groups.release(last + STEP_TO_GROUP_FREE)
                self._agenda.pending.append(self._weights.look_again)
            if self._column < columns:
                self._slow = self._writes.slowing(instruction, self._column)
            else:
                if get("keep", 0):
                    self._group = self._first_group
                self._instruction = None
                self._free_from = last + self._latency + 1
                self.spans[-1] = (self.spans[-1][0], self._free_from)
        return True

    @property
    def idle_from(self) -> int:
        """Cycle from which nothing is under way, NEVER while something is."""
        return self._free_from if self._instruction is None else NEVER
