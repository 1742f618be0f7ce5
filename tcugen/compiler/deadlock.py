"""Abstract execution of a program: queues, waits, rings and accumulator banks, without data and without time.

The units take turns; each does all it can. Nothing that happens can take away another's ability to go on, so if all
are stuck in one order of turns they are stuck in every order.
"""

from collections import deque
from collections.abc import Iterator

from tcugen.arch import ACCUMULATOR_BANKS, QUEUE_DEPTH, Architecture
from tcugen.isa import Instruction, Opcode, Unit
from tcugen.mapping.errors import CompileError

_UNIT = {
    Opcode.LOAD: Unit.LOAD,
    Opcode.STORE: Unit.STORE,
    Opcode.COMPUTE: Unit.COMPUTE,
    Opcode.DRAIN: Unit.DRAIN,
    Opcode.POOL: Unit.POOL,
}


class _Ring:
    def __init__(self, capacity: int):
        self.capacity = capacity
        self.written = self.read = self.freed = 0

    def push(self, count: int) -> int:
        """Write up to `count` items; returns how many."""
        done = min(count, self.capacity - (self.written - self.freed))
        self.written += done
        return done

    def take(self, count: int) -> int:
        done = min(count, self.written - self.read)
        self.read += done
        return done


class Execution:
    """One abstract run. `run` raises CompileError at a deadlock or if COMPUTE and DRAIN do not match."""

    def __init__(self, instructions: tuple[Instruction, ...], architecture: Architecture):
        self.instructions = instructions
        self.queues: dict[Opcode, deque[int]] = {opcode: deque() for opcode in Opcode if opcode != Opcode.END}
        self.completed = [0] * len(Unit)
        self.tiles = _Ring(architecture.weight_tiles)
        self.groups = _Ring(architecture.parameter_groups)
        self.table_groups = architecture.table_groups
        self.finished: deque[int] = deque()
        self.open_bank = False
        self.current: dict[Opcode, int] = {}

    def run(self) -> None:
        actors = [self._dispatch(), *(self._unit(opcode) for opcode in self.queues)]
        while True:
            states = [next(actor) for actor in actors]
            if self.current.get(Opcode.END) == len(self.instructions) and all(s is None for s in states):
                break
            if not any(states):
                self._fail(
                    "deadlock: "
                    + "; ".join(f"instruction {at} ({opcode.name})" for opcode, at in sorted(self.current.items()))
                    + " can never go on"
                )
        for name, ring in (("weight tiles", self.tiles), ("parameter groups", self.groups)):
            if ring.written != ring.freed:
                self._fail(f"{ring.written - ring.freed} {name} are left in their ring at the end")
        if self.open_bank or self.finished:
            self._fail("an accumulator bank is left undrained at the end")

    def _fail(self, text: str) -> None:
        raise CompileError(f"program of {len(self.instructions)} instructions: {text}; this is a fault of the compiler")

    def _dispatch(self) -> Iterator[bool | None]:
        """Yields True after progress, False when stuck, None for ever once all is issued."""
        for index, instruction in enumerate(self.instructions):
            self.current[Opcode.END] = index
            if instruction.opcode == Opcode.END:
                break
            queue = self.queues[instruction.opcode]
            while len(queue) >= QUEUE_DEPTH:
                yield False
            queue.append(index)
            yield True
        self.current[Opcode.END] = len(self.instructions)
        while True:
            yield None

    def _unit(self, opcode: Opcode) -> Iterator[bool | None]:
        work = {Opcode.WEIGHT: self._weight, Opcode.COMPUTE: self._compute, Opcode.DRAIN: self._drain}.get(opcode)
        queue = self.queues[opcode]
        while True:
            while not queue:
                self.current.pop(opcode, None)
                yield None
            index = self.current[opcode] = queue[0]
            instruction = self.instructions[index]
            waits = [instruction[f"wait_{unit.name.lower()}"] for unit in Unit]
            while any(done < wait for done, wait in zip(self.completed, waits, strict=True)):
                yield False
            queue.popleft()
            if work is None:
                self.completed[_UNIT[opcode]] += 1
            else:
                yield from work(instruction)
            yield True

    def _weight(self, instruction: Instruction) -> Iterator[bool]:
        for _ in range(instruction["n_columns"]):
            for ring, count in ((self.groups, 1), (self.tiles, instruction["n_tiles"])):
                while count:
                    done = ring.push(count)
                    count -= done
                    if count:
                        yield done > 0

    @staticmethod
    def _blocks(instruction: Instruction) -> list[int]:
        """Pixels of each block."""
        rows, total, n_x = instruction["block_rows"], instruction["n_y"], instruction["n_x"]
        return [min(rows, total - y) * n_x for y in range(0, total, rows)]

    def _compute(self, instruction: Instruction) -> Iterator[bool]:
        n_tiles = instruction["n_groups"] * instruction["n_ky"] * instruction["n_kx"]
        blocks, first, keep = self._blocks(instruction), self.tiles.read, instruction["keep"]
        if instruction["accumulate"] != self.open_bank:
            self._fail(f"COMPUTE of layer {instruction['layer']} has accumulate = {instruction['accumulate']} wrongly")
        for _ in range(instruction["n_columns"]):
            column = self.tiles.read
            for number, pixels in enumerate(blocks):
                while not self.open_bank and len(self.finished) >= ACCUMULATOR_BANKS:
                    yield False
                self.tiles.read, left = column, n_tiles
                while left:
                    done = self.tiles.take(left)
                    left -= done
                    if number == len(blocks) - 1 and not keep:
                        self.tiles.freed = self.tiles.read
                    if left:
                        yield done > 0
                self.completed[Unit.COMPUTE] += 1
                self.open_bank = not instruction["finish"]
                if instruction["finish"]:
                    self.finished.append(pixels)
                yield True
        if keep:
            self.tiles.read = first

    def _drain(self, instruction: Instruction) -> Iterator[bool]:
        for _ in range(self.table_groups if instruction["load_table"] else 0):
            while not self.groups.take(1):
                yield False
            self.groups.freed = self.groups.read
            yield True
        first = self.groups.read
        for _ in range(instruction["n_columns"]):
            while not self.groups.take(1):
                yield False
            for pixels in self._blocks(instruction):
                while not self.finished:
                    yield False
                if self.finished[0] != pixels:
                    self._fail(
                        f"DRAIN of layer {instruction['layer']} takes {pixels} pixels of a tile of {self.finished[0]}"
                    )
                self.finished.popleft()
                self.completed[Unit.DRAIN] += 1
                yield True
            if not instruction["keep"]:
                self.groups.freed = self.groups.read
        if instruction["keep"]:
            self.groups.read = first
