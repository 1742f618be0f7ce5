"""A program on numbers that stand for values, so that two programs can be compared for every image at once.

Every byte of memory has a number of 64 bits, made of the instruction that wrote it and of the numbers of the bytes that
it was made from; what nothing has written in this run has the number of its place. Bytes with the same number have the
same value, whatever the image and whatever was in memory. Sums are numbers of their operands and of their place among
the tiles of all COMPUTEs, operands that meet no weight but 0 left out. So the numbers of two programs can be compared
only if WEIGHT and DRAIN are the same in both, in order, and every COMPUTE takes the same tiles.

Work is done in one order that the waits allow: if there is no race, all others give the same.
"""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from sim.operands import operands, windows
from sim.tiles import used_rows
from tcugen.access.box import Addresses, wrapped
from tcugen.access.drain import blocks, drain_padding, drain_reads, drain_writes
from tcugen.access.pool import pool_weights, pool_writes
from tcugen.access.transfer import in_memory, on_chip
from tcugen.isa import WRITABLE_WINDOWS, Instruction, Opcode, Unit, Window
from tcugen.program import Program

Numbers = NDArray[np.uint64]

BANKS = 2
"""Tiles that may be finished and not yet drained."""

_LITERAL, _BEFORE, _OPERAND, _RESULT, _MAXIMUM, _RESIDUAL, _PRODUCT, _PARAMETERS, _CONVOLVED = range(1, 10)


class Unknown(Exception):
    """Numbers do not tell: a unit reads what it writes, work waits for ever, or something is moved that may not be."""


def mixed(*parts: Numbers | int) -> Numbers:
    """A number for every combination of the parts, which are broadcast; different ones collide with chance 2**-64."""
    number = np.full(1, 0x9E3779B97F4A7C15, np.uint64)
    for part in parts:
        number = number ^ np.asarray(part, np.uint64)
        for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
            number = (number ^ number >> np.uint64(30)) * np.uint64(factor)
        number = number ^ number >> np.uint64(31)
    return number


def output_numbers(program: Program) -> dict[str, Numbers]:
    """Numbers of all bytes of every output's elements, by tensor.

    Raises:
        Unknown: See there.
    """
    run = _Run(program)
    run.all()
    window, found = run.windows[Window.OUTPUT], dict[str, Numbers]()
    for port in program.outputs:
        layout = port.layout
        elements = layout.byte_indices()[..., None] + layout.byte_step * np.arange(4 if layout.int32 else 1)
        found[port.tensor] = window[port.offset + elements]
    return found


def _places(memory: int, size: int) -> Numbers:
    """What the bytes of a memory hold before the run."""
    return mixed(_BEFORE, memory, np.arange(size, dtype=np.uint64))


class _Run:
    """The numbers in the memories, and what is left to do of each unit."""

    def __init__(self, program: Program):
        self.program, self.architecture = program, program.architecture
        # One word beyond the end, as operands may begin in the last one.
        self.before = _places(len(Window), self.architecture.activation_bytes + self.architecture.rows)
        self.memory = self.before.copy()
        sizes = {
            Window.PROGRAM: len(program.code), Window.WEIGHTS: len(program.weights),
            Window.INPUT: program.input_bytes, Window.OUTPUT: program.output_bytes,
            Window.SCRATCH: program.scratch_bytes,
        }  # fmt: skip
        self.windows = {window: _places(window, size) for window, size in sizes.items()}
        self.completed = [0] * len(Unit)
        self.finished: deque[Numbers] = deque()
        self.open_bank: Numbers | None = None
        self.used = used_rows(program)

    def all(self) -> None:
        """Everything, each unit in turn as far as it can go."""
        work = {
            Opcode.LOAD: self._load, Opcode.STORE: self._store, Opcode.COMPUTE: self._compute,
            Opcode.DRAIN: self._drain, Opcode.POOL: self._pool,
        }  # fmt: skip
        units = [self._unit(opcode, one) for opcode, one in work.items()]
        while units:
            states = [next(unit, None) for unit in units]
            if not any(state is None or state for state in states):
                raise Unknown("work waits for ever")
            units = [unit for unit, state in zip(units, states, strict=True) if state is not None]

    def _unit(self, opcode: Opcode, work: Callable[[int, Instruction], Iterator[bool]]) -> Iterator[bool]:
        """True after work, False where there is something to wait for."""
        unit = Unit[opcode.name]
        own = [one for one in self.program.instructions if one.opcode == opcode]
        for number, one in enumerate(own):
            while any(self.completed[other] < one[f"wait_{other.name.lower()}"] for other in Unit):
                yield False
            for done in work(number, one):
                self.completed[unit] += done
                yield done

    def _load(self, _number: int, one: Instruction) -> Iterator[bool]:
        if one["window"] == Window.PROGRAM:
            raise Unknown("LOAD of the program")
        window = self.windows[Window(one["window"])]
        for start, address in zip(in_memory(one).addresses, on_chip(one).addresses, strict=True):
            segment = np.arange(one["segment_bytes"])
            self.memory[wrapped(address + segment)] = window[start + segment]
        yield True

    def _store(self, _number: int, one: Instruction) -> Iterator[bool]:
        if one["window"] not in WRITABLE_WINDOWS:
            raise Unknown("STORE to a window that is not written")
        window, segment = self.windows[Window(one["window"])], np.arange(one["segment_bytes"])
        is_pixel = segment % one["row_step"] < one["row_bytes"]
        for start, address in zip(in_memory(one).addresses, on_chip(one).addresses, strict=True):
            numbers = self.memory[wrapped(address + segment)]
            if np.isin(numbers[is_pixel], self.before).any():
                raise Unknown("STORE of bytes that nothing has written")
            window[start + segment] = np.where(is_pixel, numbers, mixed(_LITERAL, 0))
        yield True

    def _compute(self, number: int, one: Instruction) -> Iterator[bool]:
        """A number per pixel for each tile."""
        address, inside = operands(one, self.architecture)
        passes, lanes = address[0, 0, 0].size, self.architecture.rows
        places = np.arange(passes * lanes, dtype=np.uint64).reshape(passes, lanes)
        for column in range(one["n_columns"]):
            used = self.used[number][column]
            for y0, y1 in blocks(one):
                while not one["accumulate"] and len(self.finished) >= BANKS:
                    yield False
                at = wrapped(address[column, y0:y1]).reshape(-1, passes)[..., None] + np.arange(lanes)
                taken = inside[column, y0:y1].reshape(-1, passes, lanes)
                numbers = np.where(taken, self.memory[np.where(taken, at, 0)], mixed(_LITERAL, one["pad"] & 0xFF))
                met = np.where(used, mixed(_OPERAND, number, column, places, numbers), np.uint64(0))
                sums = met.sum(axis=(1, 2), dtype=np.uint64)
                if one["accumulate"]:
                    if self.open_bank is None:
                        raise Unknown("COMPUTE adds to nothing")
                    sums = sums + self.open_bank
                self.open_bank = None if one["finish"] else sums
                if one["finish"]:
                    self.finished.append(sums)
                yield True

    def _drain(self, number: int, one: Instruction) -> Iterator[bool]:
        writes, reads = drain_writes(self.architecture, one), drain_reads(self.architecture, one)
        lanes = np.arange(self.architecture.output_lanes)
        for column in range(one["n_columns"]):
            box, first = (0, column) if column < len(writes[0].addresses) else (1, column - len(writes[0].addresses))
            for y0, y1 in blocks(one):
                while not self.finished:
                    yield False
                sums = self.finished.popleft().reshape(y1 - y0, one["n_x"], 1, 1, 1)
                out = wrapped(writes[box].addresses[first, y0:y1, ..., None] + lanes)
                places = np.arange(out[0, 0].size, dtype=np.uint64).reshape(out.shape[2:])
                results = mixed(_RESULT, number, column, places, sums)
                if reads:
                    there = wrapped(reads[box].addresses[first, y0:y1, ..., None] + lanes)
                    self._apart(there, out)
                    results = mixed(_RESIDUAL, results, self.memory[there])
                self.memory[out] = results
                if column == one["n_columns"] - 1:
                    for padding in drain_padding(self.architecture, one):
                        zeros = wrapped(padding.addresses[y0:y1, ..., None] + np.arange(padding.width))
                        self.memory[zeros] = mixed(_LITERAL, 0)
                yield True

    @staticmethod
    def _apart(reads: Addresses, writes: Addresses) -> None:
        """An element may be read where its own result goes, not where another one's does."""
        reads = np.broadcast_to(reads, writes.shape)
        if (np.isin(reads, writes) & (reads != writes)).any():
            raise Unknown("DRAIN reads what it writes")

    def _pool(self, _number: int, one: Instruction) -> Iterator[bool]:
        """A maximum is known by the set of what it is taken of, a depthwise convolution by taps and weights."""
        address, inside = windows(one, self.architecture)
        inside, lanes = inside[..., None], np.arange(self.architecture.rows)
        at = wrapped(address[..., None] + lanes)
        (box,) = pool_writes(self.architecture, one)
        out = wrapped(box.addresses[..., 0, 0, None] + lanes)
        weights = wrapped(pool_weights(self.architecture, one).addresses[:, None] + lanes)
        if np.isin(at[np.broadcast_to(inside, at.shape)], out).any() or np.isin(weights, out).any():
            raise Unknown("POOL reads what it writes")
        taps = np.where(inside, self.memory[np.where(inside, at, 0)], mixed(_LITERAL, one["pad"] & 0xFF))
        convolves = one["depthwise"]
        self.memory[out] = self._convolved(one, taps, self.memory[weights]) if convolves else _maxima(taps, inside)
        yield True

    def _convolved(self, one: Instruction, taps: Numbers, weights: Numbers) -> Numbers:
        """Of taps [groups, rows, outputs, taps, lanes] and words of weights and parameters [words, lanes]."""
        count = taps.shape[3]
        blocks = weights.reshape(len(taps), 1, 1, -1, self.architecture.rows)
        products = mixed(_PRODUCT, taps, blocks[..., :count, :]).sum(axis=3, dtype=np.uint64)
        # A channel's bias and multiplier are eight bytes in a row.
        parameters = blocks[..., count:, :].reshape(len(taps), 1, 1, self.architecture.rows, -1)
        channel = mixed(_PARAMETERS, *np.moveaxis(parameters, -1, 0))
        numbers = [one[name] & 0xFF for name in ("zero_point", "clamp_low", "clamp_high")]
        return mixed(_CONVOLVED, products, channel, *numbers)


def _maxima(taps: Numbers, inside: NDArray[np.bool_]) -> Numbers:
    """Of taps [..., taps, lanes]: the same tap twice counts once, one that is outside does not."""
    numbers = np.sort(np.where(inside, mixed(_MAXIMUM, taps), np.uint64(0)), axis=3)
    again = np.zeros(numbers.shape, bool)
    again[:, :, :, 1:] = numbers[:, :, :, 1:] == numbers[:, :, :, :-1]
    return np.where(again, np.uint64(0), numbers).sum(axis=3, dtype=np.uint64)
