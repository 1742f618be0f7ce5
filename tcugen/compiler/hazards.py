"""Every access of a program to the activation memory, from the fields of its instructions alone.

Found: bytes that are read before anything was written there, and accesses of two units to one word whose order no wait
guarantees. Only what reaches a result counts as read: lanes of the array with a nonzero weight, not padding.
"""

from collections.abc import Iterator

import numpy as np

from tcugen.compiler.errors import CompileError
from tcugen.compiler.memory_check import MemoryRuleBroken, StoredBeats
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Instruction, Opcode, Unit
from tcugen.program import Program


def _wrapped(addresses: np.ndarray) -> np.ndarray:
    return addresses & ((1 << ACTIVATION_ADDRESS_BITS) - 1)


def _blocks(instruction: Instruction) -> Iterator[tuple[int, int]]:
    rows, total = instruction["block_rows"], instruction["n_y"]
    return ((y, min(y + rows, total)) for y in range(0, total, rows))


class _Lanes:
    """Which array rows have a nonzero weight, tile by tile in the order of the weight stream."""

    def __init__(self, program: Program):
        self._architecture, self._image = program.architecture, program.weights
        self._known: dict[tuple[int, int, int], np.ndarray] = {}
        self._stream: list[np.ndarray] = []
        self._ends: list[int] = []
        self._read = 0

    def push(self, weight: Instruction) -> None:
        key = (weight["offset"], weight["n_columns"], weight["n_tiles"])
        if key not in self._known:
            rows, columns = self._architecture.rows, self._architecture.columns
            parameters = self._architecture.parameter_group_bytes
            size = parameters + key[2] * self._architecture.tile_bytes
            block = self._image[key[0] : key[0] + key[1] * size].reshape(key[1], size)[:, parameters:]
            self._known[key] = block.reshape(key[1] * key[2], rows, columns).any(axis=2)
        self._stream.append(self._known[key])
        self._ends.append((self._ends[-1] if self._ends else 0) + len(self._stream[-1]))

    def take(self, count: int, keep: bool) -> np.ndarray:
        """bool [count, rows] of the next tiles."""
        parts, at, left = [], int(np.searchsorted(self._ends, self._read, side="right")), count
        position = self._read
        while left and at < len(self._stream):
            start = position - (self._ends[at] - len(self._stream[at]))
            part = self._stream[at][start : start + left]
            parts.append(part)
            left, position, at = left - len(part), position + len(part), at + 1
        if left:
            raise CompileError(f"COMPUTE needs {count} weight tiles, but only {count - left} are streamed before it")
        if not keep:
            self._read = position
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


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
        self.lanes = _Lanes(program)
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

    def _bounded(self, addresses: np.ndarray) -> np.ndarray:
        if addresses.size and not 0 <= addresses.min() <= addresses.max() < self.size:
            self._fail(f"touches byte {int(addresses.max())} of an activation memory of {self.size} bytes")
        return addresses

    def _reads(self, unit: Unit, words: np.ndarray, count: int) -> None:
        if words.size == 0:
            return
        for other in Unit:
            last = int(self.written[other][words].max())
            if last > self.known[unit][other]:
                self._fail(
                    f"reads what work {last} of {other.name} writes, but waits for {self.known[unit][other]} only"
                )
        self.read[unit][words] = count

    def _writes(self, unit: Unit, words: np.ndarray, count: int, bits: np.ndarray | int) -> None:
        for other in Unit:
            last = max(int(self.written[other][words].max()), int(self.read[other][words].max()))
            if other != unit and last > self.known[unit][other]:
                self._fail(
                    f"overwrites what work {last} of {other.name} uses, but waits for {self.known[unit][other]} only"
                )
        self.written[unit][words] = count
        self.bits[words] |= np.asarray(bits, np.uint32)

    def _need_bytes(self, addresses: np.ndarray) -> None:
        bits = self.bits[addresses // self.word] >> (addresses % self.word).astype(np.uint32) & 1
        if not bits.all():
            self._fail(f"reads byte {int(addresses[bits == 0].min())}, which nothing has written")

    def _need_rows(self, instruction: Instruction) -> None:
        """Every byte that STORE sends as it is has been written."""
        starts = instruction["activation"] + np.arange(instruction["segments"]) * instruction["activation_step"]
        places = np.arange(instruction["segment_bytes"])
        places = starts[:, None] + places[places % instruction["row_step"] < instruction["row_bytes"]]
        defined = self.bits | self.zeros
        written = defined[places // self.word] >> (places % self.word).astype(np.uint32) & 1
        if not written.all():
            self._fail(f"stores byte {int(places[written == 0].min())}, which nothing has written")

    def _next(self, unit: Unit) -> int:
        self.counts[unit] += 1
        return self.counts[unit]

    # Instructions -----------------------------------------------------------------------------------------------------

    def _transfer_words(self, instruction: Instruction) -> np.ndarray:
        starts = instruction["activation"] + np.arange(instruction["segments"]) * instruction["activation_step"]
        self._bounded(starts + instruction["segment_bytes"] - 1)
        words = -(-instruction["segment_bytes"] // self.word) + 1
        grid = starts[:, None] // self.word + np.arange(words)
        last = (starts + instruction["segment_bytes"] - 1) // self.word
        return grid[grid <= last[:, None]]

    def _load(self, instruction: Instruction) -> None:
        step = min(self.word, self.program.architecture.bus_bytes)
        starts = instruction["activation"] + np.arange(instruction["segments"]) * instruction["activation_step"]
        words = self._transfer_words(instruction)
        self.memory.load(instruction, int(self.known[Unit.LOAD][Unit.STORE]))
        self._writes(Unit.LOAD, words, self._next(Unit.LOAD), 0)
        pieces = np.arange(0, instruction["segment_bytes"], step)
        addresses = (starts[:, None] + pieces).reshape(-1)
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
        n_blocks = sum(1 for _ in _blocks(instruction))
        lanes = self.lanes.take(n_columns * groups * n_ky * n_kx, bool(instruction["keep"]))
        lanes = lanes.reshape(n_columns, groups, n_ky, n_kx, self.word).any(axis=2)
        y, ky = np.arange(instruction["n_y"])[:, None], np.arange(n_ky)
        iy = instruction["iy0"] + ky + y * instruction["stride_y"]
        rows = ky * instruction["ky_step"] + y * instruction["y_step"]
        rows = np.unique(rows[(iy >= 0) & (iy < instruction["height"])])
        x_offset = instruction["offset0"] + np.arange(instruction["n_x"]) * instruction["x_step"]
        offsets = x_offset[:, None, None] + (np.arange(n_kx) * instruction["kx_step"])[:, None] + np.arange(self.word)
        real = (offsets >= 0) & (offsets < instruction["row_bytes"])
        count = self.counts[Unit.COMPUTE] + n_columns * n_blocks
        if not instruction["column_step"]:
            lanes = lanes.any(axis=0, keepdims=True)
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

    def _used_channels(self, instruction: Instruction) -> np.ndarray:
        """bool [pixels or 1, groups, rows]: lanes that reach a channel of the result which its tensor has.

        Only an average pool, whose pixels are channel planes, has others: those behind the last channel.
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

    def _read_rows(self, starts: np.ndarray, offsets: np.ndarray, count: int) -> None:
        """COMPUTE reads bytes `offsets` of the rows that begin at `starts`."""
        ends = _wrapped(starts[:, None] + offsets[[0, -1]])
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
        architecture = self.program.architecture
        columns, lanes = architecture.columns, architecture.output_lanes
        x = np.arange(instruction["n_x"]) * instruction["out_x_step"]
        tiles = []
        for column in range(instruction["n_columns"]):
            is_last = column == instruction["n_columns"] - 1
            steps = instruction["last_steps"] if is_last else architecture.output_steps
            channels = instruction["channel0"] + column * columns + np.arange(steps * lanes)
            padding = instruction["pad_steps"] * lanes if is_last else 0
            for y0, y1 in _blocks(instruction):
                pixels = (np.arange(y0, y1) * instruction["out_y_step"])[:, None] + x
                parts = []
                for plane in range(channels[0] // self.word, channels[-1] // self.word + 1):
                    inside = channels[channels // self.word == plane] % self.word
                    parts.append((plane, int(inside[0]), len(inside)))
                tiles.append((pixels, parts, padding))
        first = self.counts[Unit.DRAIN] + 1
        self.counts[Unit.DRAIN] += len(tiles)
        if instruction["residual"]:
            for count, (pixels, parts, _) in enumerate(tiles, first):
                for plane, low, width in parts:
                    start = instruction["residual_base"] + plane * instruction["residual_plane_step"] + low
                    self._read_residual(start + pixels, width, count)
        for count, (pixels, parts, padding) in enumerate(tiles, first):
            for plane, low, width in parts:
                for byte in range(4 if instruction["int32"] else 1):
                    start = instruction["out_base"] + plane * instruction["out_plane_step"] + low
                    places = start + byte * instruction["byte_step"] + pixels
                    self._write_pixels(places, width, count)
                    if (low + width) % self.word and padding:
                        self._pad_pixels(places + width, padding)

    def _read_residual(self, places: np.ndarray, width: int, count: int) -> None:
        """DRAIN reads `width` bytes at every place."""
        self._bounded(places)
        self._need_bytes(places)
        self._need_bytes(places + width - 1)
        self._reads(Unit.DRAIN, places // self.word, count)

    def _write_pixels(self, places: np.ndarray, width: int, count: int) -> None:
        """DRAIN writes `width` bytes at every place; thin pixels share words, so lanes are marked one by one."""
        self._bounded(places)
        lanes = places % self.word
        for lane in np.unique(lanes):
            if lane + width > self.word:
                self._fail("writes a pixel across the border of a word")
            self._writes(Unit.DRAIN, places[lanes == lane] // self.word, count, ((1 << width) - 1) << int(lane))

    def _pad_pixels(self, places: np.ndarray, width: int) -> None:
        """DRAIN writes `width` zeros at every place, into words that it writes anyway."""
        bits = np.uint64((1 << width) - 1) << (places % self.word).astype(np.uint64)
        np.bitwise_or.at(self.zeros, places // self.word, bits.astype(np.uint32))

    def _pool(self, instruction: Instruction) -> None:
        count = self._next(Unit.POOL)

        def taps(axis: str, n: str, kernel: str, stride: str, extent: str) -> np.ndarray:
            steps = np.arange(instruction[n])[:, None] * instruction[stride] + np.arange(instruction[kernel])
            place = instruction[f"i{axis}0"] + steps
            return np.unique(steps[(place >= 0) & (place < instruction[extent])])

        y = taps("y", "n_y", "n_ky", "stride_y", "height")
        x = taps("x", "n_x", "n_kx", "stride_x", "width")
        groups = np.arange(instruction["n_groups"])[:, None, None]
        read = groups * instruction["group_step"] + y[:, None] * instruction["row_step"] + x * self.word
        read = self._bounded(_wrapped(instruction["base"] + read))
        lanes = self._pooled_lanes(instruction)[:, None, None]
        if (self.bits[read // self.word] & lanes != lanes).any():
            self._fail("pools channels that nothing has written")
        self._reads(Unit.POOL, read // self.word, count)
        rows = np.arange(instruction["n_y"])[:, None] * instruction["out_row_step"]
        out = groups * instruction["out_group_step"] + rows + np.arange(instruction["n_x"]) * self.word
        out = self._bounded(instruction["out_base"] + out) // self.word
        self._writes(Unit.POOL, out, count, (1 << self.word) - 1)  # lanes behind the last channel are nobody's

    def _pooled_lanes(self, instruction: Instruction) -> np.ndarray:
        """uint32 [groups]: lanes of each channel group that the tensor has."""
        observation = self.observations[self.index]
        first = observation.channel0 + np.arange(instruction["n_groups"]) * self.word
        channels = np.clip(self.program.tensors[observation.tensor].channels - first, 0, self.word)
        return ((1 << channels.astype(np.uint64)) - 1).astype(np.uint32)
