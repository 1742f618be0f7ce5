"""COMPUTE: passes over the array, each with its weight tile, its place after the one before and its bank."""

from tcugen.arch import ACCUMULATOR_BANKS, Architecture
from tcugen.isa import Instruction
from tcugen.registers import Stall
from tcugen.timing.completions import NEVER, Agenda, Completions, Wake
from tcugen.timing.latencies import (
    COMPUTE_START,
    LOADER_TO_TAKE,
    PASS_PERIOD,
    PASS_TO_LOADER,
    READ_TO_COUNT,
    READ_TO_FILLED,
    RING_READ_DELAY,
    TAKE_TO_LOADER,
    TILE_TO_PASS,
)
from tcugen.timing.queue import InstructionQueue
from tcugen.timing.reads import ArrayReads
from tcugen.timing.stalls import Charges
from tcugen.timing.weights import WeightStream


class Compute:
    """The array and what feeds it.

    A pass is walked (`walked`), its tile's first row is read from the ring (`loaded`), it is taken by the pixel walker
    (`taken`), and reads an operand in each of the cycles after that. All three are kept for the last two passes.

    Attributes:
        filled: When each complete tile can be drained.
        released: When each bank was released, in order; kept by the output path.
        wake_drain: Called when `filled` grows.
        free_from: Cycle after the last operand so far.
        layer: Of the last instruction.
        spans: From when until when the array was at work on each instruction, or waited in it.
    """

    def __init__(
        self,
        queue: InstructionQueue,
        completions: Completions,
        weights: WeightStream,
        charges: Charges,
        reads: ArrayReads,
        architecture: Architecture,
        agenda: Agenda,
    ) -> None:
        self._queue = queue
        self._completions = completions
        self._weights = weights
        self._tiles = weights.tiles
        self._charges = charges
        self._reads = reads
        self._agenda = agenda
        self._rows = architecture.rows
        # Weights are looked at some tiles at a time: few enough that the ring keeps room for as many again.
        self._most_tiles = max(1, architecture.weight_tiles // 4)
        self.filled: list[int] = []
        self.released: list[int] = []
        self.wake_drain: Wake = lambda: None
        self.free_from = -1  # the counters see each cycle one later
        self.layer = 0
        self.spans: list[tuple[int, int]] = []
        self._walked = self._loaded = self._taken = -architecture.rows
        self._loaded_before = -2 * architecture.rows
        self._pixels = 0
        self._walker_free = 0
        self._opened = 0
        self._tile = 0  # number of the next pass's tile
        self._instruction: Instruction | None = None
        self._start = self._panel = self._passes = self._passes_done = 0
        self._column = self._row = 0
        self._first_walk = 0

    def advance(self) -> None:
        """Go on as long as everything needed is known."""
        while True:
            if self._instruction is None and not self._take():
                return
            if not self._walk():
                return

    def _take(self) -> bool:
        queue = self._queue
        offered = queue.offered(self._walker_free)
        if offered is None:
            return False
        cycle = max(offered, self._walker_free)
        last_layer = self.layer
        idle_from = self.free_from
        layer = queue.head["layer"]
        if cycle >= idle_from:
            self._charges.charge_instruction(queue, last_layer, layer, idle_from, cycle)
            self.free_from = cycle + 1
        self._instruction = instruction = queue.take(cycle)
        self.spans.append((cycle + 1, NEVER))
        get = instruction.fields.get
        self.layer = layer
        self._passes = get("n_groups", 0) * get("n_ky", 0) * get("n_kx", 0)
        self._passes_done = self._column = self._row = 0
        self._start = self._panel = self._tile
        self._first_walk = cycle + COMPUTE_START
        return True

    def _walk(self) -> bool:
        """Some passes of the present tile; False if what they need is not known yet."""
        instruction = self._instruction
        assert instruction is not None
        get = instruction.fields.get
        done = self._passes_done
        bank_from = 0
        opens = done == 0 and not get("accumulate", 0)
        if opens and self._opened >= ACCUMULATOR_BANKS:
            before = self._opened - ACCUMULATOR_BANKS
            if before >= len(self.released):
                return False
            bank_from = self.released[before] + 1
        count = min(self._passes - done, self._most_tiles)
        written = self._tiles.written
        if self._tile + count > len(written):
            self._tiles.wanted = self._tile + count - 1
            return False
        rows = min(get("block_rows", 0), get("n_y", 0) - self._row)
        last_block = self._row + rows == get("n_y", 0)
        releases = last_block and not get("keep", 0)
        pixels = rows * get("n_x", 0)
        self._opened += opens
        self._pass(written[self._tile], bank_from, pixels, releases)
        first_taken = self._taken
        self._tile += 1
        left = count - 1
        if left and written[self._tile + left - 1] > self._taken + 1:
            for tile in range(self._tile, self._tile + left):
                self._pass(written[tile], 0, pixels, releases)
        elif left:
            self._pass(written[self._tile], 0, pixels, releases)
            if left > 1:
                self._even(left - 1, pixels, releases)
        self._tile += left
        self._reads.busy(first_taken + 1, self.free_from, instruction)
        if self._reads.wanted:
            self._log(instruction, rows, done, count, first_taken)
        self._charges.busy[self.layer] += count * pixels
        if releases:
            self._agenda.pending.append(self._weights.look_again)
        self._passes_done = done + count
        if self._passes_done == self._passes:
            self._end_tile(instruction, rows, last_block)
        return True

    def _pass(self, written: int, bank_from: int, pixels: int, releases: bool) -> None:
        """One pass."""
        rows = self._rows
        # One pass waits between walker and array, and two tiles do before the loader.
        due = max(self._walked + PASS_PERIOD, self._taken + 1, self._loaded_before + rows, self._first_walk)
        there = written + TILE_TO_PASS
        walked = due if due > there else there
        loaded = max(self._loaded + rows, self._taken + TAKE_TO_LOADER, walked + PASS_TO_LOADER)
        free = self._taken + self._pixels
        taken = max(loaded + LOADER_TO_TAKE, free, bank_from)
        idle = max(free + 1, self.free_from)
        if taken >= idle:
            charge, layer = self._charges.charge, self.layer
            at = charge(layer, Stall.CONTROL, idle, min(due, taken))
            at = charge(layer, Stall.WEIGHTS, at, min(walked, taken))
            at = charge(layer, Stall.CONTROL, at, min(walked + 1, taken))
            at = charge(layer, Stall.ACCUMULATORS, at, min(bank_from, taken))
            at = charge(layer, Stall.WEIGHTS, at, taken)
            charge(layer, Stall.CONTROL, at, taken + 1)
        self._walked = walked
        self._loaded_before, self._loaded = self._loaded, loaded
        self._taken = taken
        self._pixels = pixels
        self.free_from = taken + 1 + pixels
        if releases:
            self._tiles.release(loaded + RING_READ_DELAY + rows)

    def _even(self, count: int, pixels: int, releases: bool) -> None:
        """`count` more passes of one tile whose weights have all come.

        The array takes one every `pixels` cycles, or, once the loader's lead is used up, one every `rows`.
        """
        rows = self._rows
        taken, loaded = self._taken, self._loaded
        first_loaded = max(loaded + rows, taken + TAKE_TO_LOADER)

        def loaded_at(number: int) -> int:
            return first_loaded + (number - 1) * rows if number > 0 else loaded

        def taken_at(number: int) -> int:
            return max(taken + number * pixels, loaded_at(number) + LOADER_TO_TAKE) if number > 0 else taken

        last = taken_at(count)
        idle = last - taken - count * pixels
        if idle > 0:
            gaps = min(count, idle)
            self._charges.stalls[self.layer][Stall.CONTROL] += gaps
            self._charges.stalls[self.layer][Stall.WEIGHTS] += idle - gaps
        last_loaded = max(loaded_at(count), taken_at(count - 1) + TAKE_TO_LOADER)
        if releases:
            step = (last_loaded - first_loaded) // (count - 1) if count > 1 else 0
            self._tiles.release(first_loaded + RING_READ_DELAY + rows, step, count)
        before = taken_at(count - 1)
        self._walked = before + 1
        self._loaded_before = max(loaded_at(count - 1), taken_at(count - 2) + TAKE_TO_LOADER) if count > 1 else loaded
        self._loaded = last_loaded
        self._taken = last
        self.free_from = last + 1 + pixels

    def _log(self, instruction: Instruction, rows: int, done: int, count: int, first_taken: int) -> None:
        """What `count` passes read that have just been walked, taken for evenly spaced."""
        get = instruction.fields.get
        n_ky, n_kx = get("n_ky", 0), get("n_kx", 0)
        tile = get("base", 0) + get("offset0", 0)
        tile += self._column * get("column_step", 0) + self._row * get("y_step", 0)
        period = (self._taken - first_taken) / (count - 1) if count > 1 else 0
        for number in range(count):
            lines, kx = divmod(done + number, n_kx)
            group, ky = divmod(lines, n_ky)
            address = tile + group * get("group_step", 0) + ky * get("ky_step", 0) + kx * get("kx_step", 0)
            self._reads.add(first_taken + round(number * period) + 1, address, rows, instruction)

    def _end_tile(self, instruction: Instruction, rows: int, last_block: bool) -> None:
        """The tile is complete: count it, hand it on, stand at the next."""
        get = instruction.fields.get
        end = self._taken + self._pixels
        self._completions.add(end + READ_TO_COUNT)
        if get("finish", 0):
            self.filled.append(end + self._rows + READ_TO_FILLED)
            self._agenda.pending.append(self.wake_drain)
        self._passes_done = 0
        self._row += rows
        if not last_block:
            self._tile = self._panel
            return
        self._row = 0
        self._panel = self._tile
        self._column += 1
        if self._column == get("n_columns", 0):
            if get("keep", 0):
                self._tile = self._start
            self._instruction = None
            self.spans[-1] = (self.spans[-1][0], self.free_from)
            self._walker_free = self._walked + 1

    @property
    def idle_from(self) -> int:
        """Cycle from which nothing is under way, NEVER while something is."""
        return NEVER if self._instruction is not None else self.free_from + self._rows + READ_TO_FILLED
