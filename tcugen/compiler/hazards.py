"""Every access of a program to the activation memory, from the fields of its instructions alone.

Found: bytes that are read before anything was written there, and accesses of two units to one word whose order no wait
guarantees. Only what reaches a result counts as read: lanes of the array with a nonzero weight, not padding.
"""

import numpy as np
from numpy.typing import NDArray

from tcugen.access.box import Addresses, wrapped
from tcugen.access.drain import blocks, drain_padding, drain_reads, drain_writes
from tcugen.access.pool import pool_reads, pool_weights, pool_writes
from tcugen.access.transfer import on_chip, units
from tcugen.compiler.lanes import Lanes, WeightLanes
from tcugen.compiler.memory_check import MemoryRuleBroken, StoredBeats
from tcugen.isa import Instruction, Opcode, Unit
from tcugen.mapping.errors import CompileError
from tcugen.program import Program


def _any(flags: Lanes, axis: int) -> Lanes:
    return np.logical_or.reduce(flags, axis=axis)


class Hazards:
    """Walks a program in fetch order; `run` raises CompileError at the first hazard."""

    def __init__(self, program: Program):
        self.program, self.word = program, program.architecture.rows
        words = program.architecture.activation_words
        self.size = words * self.word
        self.bits = np.zeros(words, np.uint32)  # bytes of each word that hold results
        self.zeros = np.zeros(words, np.uint32)  # and those that were written as padding
        self.written = np.zeros((len(Unit), words), np.int32)
        self.read = np.zeros((len(Unit), words), np.int32)
        self.known = np.zeros((len(Unit), len(Unit)), np.int64)
        self.counts = [0] * len(Unit)
        self.lanes = WeightLanes(program)
        self.memory = StoredBeats(program)
        self.observations = {observation.instruction: observation for observation in program.observations}
        self.index = 0

    def run(self) -> None:
        visit = {
            Opcode.LOAD: self._load, Opcode.STORE: self._store, Opcode.COMPUTE: self._compute,
            Opcode.DRAIN: self._drain, Opcode.POOL: self._pool,
        }  # fmt: skip
        for index, instruction in enumerate(self.program.instructions):
            self.index = index
            if instruction.opcode == Opcode.WEIGHT:
                self.lanes.push(instruction)
            elif instruction.opcode in visit:
                unit = Unit[instruction.opcode.name]
                waits = [instruction[f"wait_{other.name.lower()}"] for other in Unit]
                for other in Unit:
                    if waits[other] > self.counts[other]:
                        self._fail(f"waits for work {waits[other]} of {other.name}, which comes later in the program")
                self.known[unit] = np.maximum(self.known[unit], waits)
                try:
                    visit[instruction.opcode](instruction)
                except MemoryRuleBroken as error:
                    self._fail(str(error))
        try:
            self.memory.finish()
        except MemoryRuleBroken as error:
            raise CompileError(f"{error}; this is a fault of the compiler") from None

    def _fail(self, text: str) -> None:
        instruction = self.program.instructions[self.index]
        node = self.program.layers[instruction["layer"]].nodes[-1]
        raise CompileError(
            f"node {node!r}, instruction {self.index} ({instruction.opcode.name}): {text}; "
            "this is a fault of the compiler"
        )

    # Accesses; `words` and `addresses` are index arrays of any shape --------------------------------------------------

    def _bounded(self, addresses: Addresses) -> Addresses:
        if addresses.size and not 0 <= addresses.min() <= addresses.max() < self.size:
            self._fail(f"touches byte {int(addresses.max())} of an activation memory of {self.size} bytes")
        return addresses

    def _reads(self, unit: Unit, words: Addresses, count: int) -> None:
        if words.size == 0:
            return
        for other in Unit:
            last = int(self.written[other][words].max())
            if last > self.known[unit][other]:
                self._fail(
                    f"reads what work {last} of {other.name} writes, but waits for {self.known[unit][other]} only"
                )
        self.read[unit][words] = count

    def _writes(self, unit: Unit, words: Addresses, count: int, bits: int) -> None:
        for other in Unit:
            last = max(int(self.written[other][words].max()), int(self.read[other][words].max()))
            if other != unit and last > self.known[unit][other]:
                self._fail(
                    f"overwrites what work {last} of {other.name} uses, but waits for {self.known[unit][other]} only"
                )
        self.written[unit][words] = count
        self.bits[words] |= np.asarray(bits, np.uint32)

    def _need_bytes(self, addresses: Addresses) -> None:
        bits = self.bits[addresses // self.word] >> (addresses % self.word).astype(np.uint32) & 1
        if not bits.all():
            self._fail(f"reads byte {int(addresses[bits == 0].min())}, which nothing has written")

    def _need_rows(self, instruction: Instruction) -> None:
        """Every byte that STORE sends as it is has been written; what ends a row it sends as zeros by itself."""
        segments = on_chip(instruction)
        places = np.arange(segments.width)
        places = segments.addresses[:, None] + places[places % instruction["row_step"] < instruction["row_bytes"]]
        defined = self.bits | self.zeros
        written = defined[places // self.word] >> (places % self.word).astype(np.uint32) & 1
        if not written.all():
            self._fail(f"stores byte {int(places[written == 0].min())}, which nothing has written")

    def _next(self, unit: Unit) -> int:
        self.counts[unit] += 1
        return self.counts[unit]

    # Instructions -----------------------------------------------------------------------------------------------------

    def _transfer_words(self, instruction: Instruction) -> Addresses:
        segments = on_chip(instruction)
        self._bounded(segments.addresses + segments.width - 1)
        return units(segments, self.word)

    def _load(self, instruction: Instruction) -> None:
        step, segments = min(self.word, self.program.architecture.bus_bytes), on_chip(instruction)
        words = self._transfer_words(instruction)
        self.memory.load(instruction, int(self.known[Unit.LOAD][Unit.STORE]))
        self._writes(Unit.LOAD, words, self._next(Unit.LOAD), 0)
        addresses = (segments.addresses[:, None] + np.arange(0, segments.width, step)).reshape(-1)
        for lane in range(0, self.word, step):
            at = addresses[addresses % self.word == lane] // self.word
            self.bits[at] |= np.uint32(((1 << step) - 1) << lane)

    def _store(self, instruction: Instruction) -> None:
        count = self._next(Unit.STORE)
        self._reads(Unit.STORE, self._transfer_words(instruction), count)
        self._need_rows(instruction)
        self.memory.store(instruction, count)

    def _compute(self, instruction: Instruction) -> None:
        n_columns, groups = instruction["n_columns"], instruction["n_groups"]
        n_ky, n_kx = instruction["n_ky"], instruction["n_kx"]
        n_blocks = sum(1 for _ in blocks(instruction))
        lanes = self.lanes.take(n_columns * groups * n_ky * n_kx, bool(instruction["keep"]))
        lanes = _any(lanes.reshape(n_columns, groups, n_ky, n_kx, self.word), 2)
        y, ky = np.arange(instruction["n_y"])[:, None], np.arange(n_ky)
        iy = instruction["iy0"] + ky + y * instruction["stride_y"]
        rows = ky * instruction["ky_step"] + y * instruction["y_step"]
        rows = np.unique(rows[(iy >= 0) & (iy < instruction["height"])])
        x_offset = instruction["offset0"] + np.arange(instruction["n_x"]) * instruction["x_step"]
        offsets = x_offset[:, None, None] + (np.arange(n_kx) * instruction["kx_step"])[:, None] + np.arange(self.word)
        real = (offsets >= 0) & (offsets < instruction["row_bytes"])
        count = self.counts[Unit.COMPUTE] + n_columns * n_blocks
        if not instruction["column_step"]:
            lanes = _any(lanes, 0)[None]
        used = self._used_channels(instruction)
        for column in range(len(lanes)):
            base = instruction["base"] + column * instruction["column_step"]
            alike: dict[bytes, list[int]] = {}
            reads = [lanes[column, group] & used[:, group, None] for group in range(groups)]
            for group in range(groups):
                alike.setdefault(reads[group].tobytes(), []).append(group)
            for same in alike.values():
                is_read = np.zeros(instruction["row_bytes"], bool)
                is_read[offsets[real & reads[same[0]]]] = True
                needed = np.flatnonzero(is_read)
                if needed.size and rows.size:
                    starts = base + np.array(same)[:, None] * instruction["group_step"] + rows
                    self._read_rows(starts.reshape(-1), needed, count)
        self.counts[Unit.COMPUTE] = count

    def _used_channels(self, instruction: Instruction) -> Lanes:
        """bool [pixels or 1, groups, rows]: lanes that reach a channel of the result which its tensor has.

        Only an average pool, whose pixels are channel planes, has others: those beyond the last channel.
        """
        everything = np.ones((1, instruction["n_groups"], self.word), bool)
        observation = next((o for o in self.program.observations if o.instruction > self.index), None)
        if observation is None or not observation.x_channels:
            return everything
        if self.program.instructions[observation.instruction]["layer"] != instruction["layer"]:
            return everything
        x, group, lane = np.ogrid[: instruction["n_x"], : instruction["n_groups"], : self.word]
        channel = observation.channel0 + x * observation.x_channels + group * self.word + lane
        return channel < self.program.tensors[observation.tensor].channels

    def _read_rows(self, starts: Addresses, offsets: Addresses, count: int) -> None:
        """COMPUTE reads bytes `offsets` of the rows that begin at `starts`."""
        ends = wrapped(starts[:, None] + offsets[[0, -1]])
        self._bounded(ends)
        starts = ends[:, 0] - offsets[0]
        if not (starts % self.word).any():
            words, bits = offsets // self.word, np.uint32(1) << (offsets % self.word).astype(np.uint32)
            edges = np.flatnonzero(np.diff(words, prepend=-1))
            needed = np.bitwise_or.reduceat(bits, edges)
            grid = starts[:, None] // self.word + words[edges]
            if ((self.bits[grid] & needed) != needed).any():
                self._need_bytes((starts[:, None] + offsets).reshape(-1))
        else:
            addresses = starts[:, None] + offsets
            self._need_bytes(addresses)
            grid = np.unique(addresses // self.word)
        self._reads(Unit.COMPUTE, grid, count)

    def _drain(self, instruction: Instruction) -> None:
        architecture, rows = self.program.architecture, list(blocks(instruction))
        first = self.counts[Unit.DRAIN] + 1
        self.counts[Unit.DRAIN] += instruction["n_columns"] * len(rows)
        for access, found in (
            (self._read_residual, drain_reads(architecture, instruction)),
            (self._write_pixels, drain_writes(architecture, instruction)),
        ):
            count = first
            for box in found:
                parts = box.joined(self.word)
                for column in range(len(box.addresses)):
                    for y0, y1 in rows:
                        for part in parts:
                            access(part.addresses[column, y0:y1], part.width, count)
                        count += 1
        for box in drain_padding(architecture, instruction):
            bits = np.uint64((1 << box.width) - 1) << (box.addresses % self.word).astype(np.uint64)
            np.bitwise_or.at(self.zeros, box.addresses // self.word, bits.astype(np.uint32))

    def _read_residual(self, places: Addresses, width: int, count: int) -> None:
        """DRAIN reads `width` bytes at every place."""
        self._bounded(places)
        self._need_bytes(places)
        self._need_bytes(places + width - 1)
        self._reads(Unit.DRAIN, places // self.word, count)

    def _write_pixels(self, places: Addresses, width: int, count: int) -> None:
        """DRAIN writes `width` bytes at every place; packed pixels share words, so lanes are marked one by one."""
        self._bounded(places)
        lanes = places % self.word
        for lane in np.unique(lanes):
            if lane + width > self.word:
                self._fail("writes a pixel across the border of a word")
            self._writes(Unit.DRAIN, places[lanes == lane] // self.word, count, ((1 << width) - 1) << int(lane))

    def _pool(self, instruction: Instruction) -> None:
        count = self._next(Unit.POOL)
        read = self._bounded(pool_reads(self.program.architecture, instruction).addresses)
        lanes = self._pooled_lanes(instruction)[:, None, None]
        if (self.bits[read // self.word] & lanes != lanes).any():
            self._fail("pools channels that nothing has written")
        weights = self._bounded(pool_weights(self.program.architecture, instruction).addresses)
        if (self.bits[weights // self.word] != (1 << self.word) - 1).any():
            self._fail("reads weights that nothing has loaded")
        self._reads(Unit.POOL, np.concatenate([read.reshape(-1), weights]) // self.word, count)
        for box in pool_writes(self.program.architecture, instruction):
            out = self._bounded(box.addresses) // self.word
            if np.isin(out, weights // self.word).any():
                self._fail("writes over weights, which it may read after that")
            # Lanes beyond the last channel are nobody's.
            self._writes(Unit.POOL, out, count, (1 << self.word) - 1)

    def _pooled_lanes(self, instruction: Instruction) -> NDArray[np.uint32]:
        """uint32 [groups]: lanes of each channel group that the tensor has."""
        observation = self.observations[self.index]
        first = observation.channel0 + np.arange(instruction["n_groups"]) * self.word
        channels = np.clip(self.program.tensors[observation.tensor].channels - first, 0, self.word)
        return ((1 << channels.astype(np.uint64)) - 1).astype(np.uint32)
