"""The units of the machine at work on symbols, in one of the orders that their queues and waits allow.

Nothing that one unit does takes away another's ability to go on: completed work only grows, a queue or ring is filled
by one unit and emptied by one, a bank is taken by one and given back by one. So all orders do the same work, pair the
same tiles with the same parameters, and end, if this one does; and since every two accesses that conflict are in order
by what their work knows (`order`), all orders leave the same bytes.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import ACCUMULATOR_BANKS, PARAMETER_BYTES, QUEUE_DEPTH, TABLE_ENTRIES, Architecture
from tcugen.certify.depthwise import Depthwise
from tcugen.certify.drain import Drains, Part, Tile, tile_weights
from tcugen.certify.errors import NotCertified
from tcugen.certify.files import ProgramFiles
from tcugen.certify.memory import ActivationMemory, Windows
from tcugen.certify.operand import OperandReader
from tcugen.certify.order import VectorClocks
from tcugen.certify.pool import pool
from tcugen.certify.ring import Ring
from tcugen.certify.rules import blocks, check_fields, passes
from tcugen.certify.symbols import Numbering
from tcugen.certify.transfer import transfer
from tcugen.isa import Instruction, Opcode, Unit, Window
from tcugen.model.quantized import QuantizedNetwork
from tcugen.program_format import WEIGHTS_HEADER_BYTES, streamed_bytes

_UNITS = {Opcode[unit.name]: unit for unit in Unit}


@dataclass(frozen=True, eq=False)
class _Bank:
    """A finished tile, and how much COMPUTE had completed with it."""

    parts: tuple[Part, ...]
    count: int


class Execution:
    """One run of a program on symbols.

    Args:
        files: The program.
        model: What it is to compute.
        drains, windows, memory: What is checked and where symbols are kept.

    Attributes:
        products: Of an element and a weight that the pool unit makes, for one image.
    """

    def __init__(
        self,
        files: ProgramFiles,
        model: QuantizedNetwork,
        architecture: Architecture,
        numbering: Numbering,
        drains: Drains,
        windows: Windows,
        memory: ActivationMemory,
    ):
        self._files, self._network, self._architecture = files, model.network, architecture
        self._depthwise = Depthwise(model, architecture, numbering, memory, files.weights)
        self._streamed = streamed_bytes(files.weights.tobytes(), architecture)
        self.products = 0
        self._numbering, self._drains, self._windows, self._memory = numbering, drains, windows, memory
        self._clocks = VectorClocks()
        self._queues = {opcode: deque[int]() for opcode in Opcode if opcode != Opcode.END}
        self._tiles, self._groups = Ring(architecture.weight_tiles), Ring(architecture.parameter_groups)
        self._open: list[Part] = []
        self._finished = deque[_Bank]()
        self._table: NDArray[np.int8] | None = None
        self._weights_read = WEIGHTS_HEADER_BYTES
        self._loaded = self._streamed
        self._issued_all = False
        self._steps = 0
        self._at: dict[Opcode, int] = {}

    def run(self) -> None:
        """Run to the end.

        Raises:
            NotCertified: At the first thing that is not proved; names the instruction.
        """
        units = [self._dispatch(), *(self._unit(opcode) for opcode in self._queues)]
        while units:
            before = self._steps
            units = [unit for unit in units if next(unit, None) is not None]
            if units and self._steps == before:
                stuck = ", ".join(f"{index} ({opcode.name})" for opcode, index in sorted(self._at.items()))
                raise NotCertified(f"instructions {stuck or 'of all units'} wait for each other for ever")
        self._check_end()

    def _dispatch(self) -> Iterator[bool]:
        """Yields when it cannot go on, as the units do."""
        instructions = self._files.instructions
        for index, one in enumerate(instructions):
            if one["layer"] >= len(self._files.layer_tensors):
                raise NotCertified(f"instruction {index}: layer {one['layer']} is not one of program.json")
            if one.opcode == Opcode.END:
                break
            while len(self._queues[one.opcode]) >= QUEUE_DEPTH:
                yield False
            self._queues[one.opcode].append(index)
            self._steps += 1
        self._issued_all = True
        self._steps += 1

    def _unit(self, opcode: Opcode) -> Iterator[bool]:
        queue, work = self._queues[opcode], {
            Opcode.WEIGHT: self._weight,
            Opcode.LOAD: self._transfer,
            Opcode.STORE: self._transfer,
            Opcode.COMPUTE: self._compute,
            Opcode.DRAIN: self._drain,
            Opcode.POOL: self._pool,
        }[opcode]  # fmt: skip
        while queue or not self._issued_all:
            if not queue:
                yield False
                continue
            index = self._at[opcode] = queue[0]
            one = self._files.instructions[index]
            while not self._clocks.ready(one):
                yield False
            queue.popleft()
            self._steps += 1
            if opcode in _UNITS:
                self._clocks.begin(_UNITS[opcode], one)
            try:
                check_fields(one, self._architecture)
                yield from work(index, one)
            except NotCertified as reason:
                raise NotCertified(f"instruction {index} ({opcode.name}, layer {one['layer']}): {reason}") from None
            del self._at[opcode]

    def _weight(self, _: int, one: Instruction) -> Iterator[bool]:
        architecture, n_tiles = self._architecture, one["n_tiles"]
        group, tile = architecture.parameter_group_bytes, architecture.tile_bytes
        column = group + n_tiles * tile
        first, end = one["offset"], one["offset"] + one["n_columns"] * column
        if first != self._weights_read and not WEIGHTS_HEADER_BYTES <= first < end <= self._weights_read:
            raise NotCertified(f"reads weights from byte {first} when those up to {self._weights_read} have been read")
        if end > self._streamed:
            raise NotCertified(f"reads weights up to byte {end} of {self._streamed}")
        self._weights_read = max(self._weights_read, end)
        for start in range(first, end, column):
            yield from self._push(self._groups, np.array([start]))
            yield from self._push(self._tiles, start + group + np.arange(n_tiles) * tile)

    def _push(self, ring: Ring, items: NDArray[np.int64]) -> Iterator[bool]:
        while len(items):
            count = min(ring.room, len(items))
            if not count:
                yield False
                continue
            ring.push(items[:count])
            items = items[count:]
            self._steps += 1

    def _take(self, ring: Ring, count: int, free: bool) -> Iterator[NDArray[np.int64] | bool]:
        """Takes `count` items as they come; yields what it took, or False when there is none."""
        while count:
            items = ring.take(min(count, ring.waiting))
            if not len(items):
                yield False
                continue
            if free:
                ring.free()
            count -= len(items)
            self._steps += 1
            yield items

    def _transfer(self, _: int, one: Instruction) -> Iterator[bool]:
        if one.opcode == Opcode.LOAD and one["window"] == Window.WEIGHTS:
            # The machine sums them up as it reads them first.
            if one["offset"] != self._loaded or one["segments"] != 1:
                raise NotCertified(f"loads weights from byte {one['offset']} when those up to {self._loaded} were")
            self._loaded += one["segment_bytes"]
        work = self._clocks.work(_UNITS[one.opcode])
        transfer(one, work, self._architecture, self._windows, self._memory)
        self._clocks.complete(work)
        yield from ()

    def _pool(self, index: int, one: Instruction) -> Iterator[bool]:
        work = self._clocks.work(Unit.POOL)
        claim = self._files.claims[index]
        self._check_layer(one, claim.tensor)
        if one["depthwise"]:
            self.products += self._depthwise.run(one, claim, work)
        else:
            pool(one, claim, work, self._network, self._architecture, self._numbering, self._memory)
        self._clocks.complete(work)
        yield from ()

    def _compute(self, _: int, one: Instruction) -> Iterator[bool]:
        reader, rows_of_blocks, n_passes = OperandReader(one, self._memory), blocks(one), passes(one)
        if bool(one["accumulate"]) != bool(self._open):
            raise NotCertified(f"accumulate is {one['accumulate']}, and {len(self._open)} parts are with the array")
        first = self._tiles.taken
        for column in range(one["n_columns"]):
            first_of_column = self._tiles.taken
            for number, (y0, rows) in enumerate(rows_of_blocks):
                while not self._open and len(self._finished) >= ACCUMULATOR_BANKS:
                    yield False
                self._tiles.taken = first_of_column
                free = number + 1 == len(rows_of_blocks) and not one["keep"]
                taken: list[NDArray[np.int64]] = []
                for items in self._take(self._tiles, n_passes, free):
                    if isinstance(items, bool):
                        yield items
                    else:
                        taken.append(items)
                tiles = np.concatenate(taken)
                weights = tile_weights(self._files.weights, tiles, self._architecture)
                needed = weights.any(axis=1).reshape(n_passes, self._architecture.rows)
                work = self._clocks.work(Unit.COMPUTE)
                self._open.append(Part(reader.read(work, column, y0, rows, needed), tiles))
                self._clocks.complete(work)
                if one["finish"]:
                    self._finished.append(_Bank(tuple(self._open), work.count))
                    self._open.clear()
                self._steps += 1
        if one["keep"]:
            self._tiles.taken = first

    def _drain(self, index: int, one: Instruction) -> Iterator[bool]:
        claim = self._files.claims[index]
        self._check_layer(one, claim.tensor)
        if one["load_table"]:
            yield from self._load_table()
        first = self._groups.taken
        for column in range(one["n_columns"]):
            while not self._groups.waiting:
                yield False
            parameters = self._parameters(int(self._groups.take(1)[0]))
            for y0, rows in blocks(one):
                while not self._finished:
                    yield False
                bank = self._finished.popleft()
                if any(part.operand.layer != one["layer"] for part in bank.parts):
                    raise NotCertified("drains a tile of another layer")
                self._clocks.join(Unit.DRAIN, Unit.COMPUTE, bank.count)
                work = self._clocks.work(Unit.DRAIN)
                tile = Tile(column, y0, rows, bank.parts, parameters, self._table)
                self._drains.drain(one, claim, tile, work)
                self._clocks.complete(work)
                self._steps += 1
            if not one["keep"]:
                self._groups.free()
        if one["keep"]:
            self._groups.taken = first

    def _parameters(self, offset: int) -> NDArray[np.uint8]:
        """uint8 [columns, 8]."""
        group = self._files.weights[offset : offset + self._architecture.parameter_group_bytes]
        return group.reshape(-1, PARAMETER_BYTES)

    def _load_table(self) -> Iterator[bool]:
        groups: list[NDArray[np.uint8]] = []
        for items in self._take(self._groups, self._architecture.table_groups, free=True):
            if isinstance(items, bool):
                yield items
            else:
                groups += [self._parameters(int(offset)).reshape(-1) for offset in items]
        whole = np.concatenate(groups)
        if whole[TABLE_ENTRIES:].any():
            raise NotCertified("what follows the table in its parameter groups is not zero")
        self._table = whole[:TABLE_ENTRIES].view(np.int8)

    def _check_layer(self, one: Instruction, tensor: str) -> None:
        """The layer is not what decides; a wrong one would spoil counters and traces."""
        layers = self._files.layer_tensors
        if layers[one["layer"]] != tensor:
            raise NotCertified(f"makes {tensor!r}, which is not what layer {one['layer']} makes")

    def _check_end(self) -> None:
        instructions = self._files.instructions
        if not self._clocks.ready(instructions[-1]):
            raise NotCertified("END waits for work that no instruction does")
        for what, left in (
            ("weight tiles", self._tiles.written - self._tiles.freed),
            ("parameter groups", self._groups.written - self._groups.freed),
            ("sums of a COMPUTE", len(self._open)),
            ("finished tiles", len(self._finished)),
            ("bytes of weights", self._streamed - self._weights_read + self._files.weights.size - self._loaded),
        ):
            if left:
                raise NotCertified(f"{left} {what} are left at the end that nothing has used")
