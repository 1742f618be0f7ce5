"""The instruction set written as plain loops over Python integers, one instruction after the other."""

from fractions import Fraction

import numpy as np

from tcugen.isa import Instruction, Opcode
from tcugen.program import Program

WRAP = 1 << 24


def signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def clamp(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


def requantise(total: int, multiplier: np.float32, zero_point: int, low: int, high: int) -> int:
    return clamp(int(np.rint(np.float32(total) * multiplier)) + zero_point, low, high)


class Loops:
    """Executes compute-side instructions in program order on `memory`, a list of bytes 0 .. 255."""

    def __init__(self, program: Program, memory: np.ndarray):
        self.architecture = program.architecture
        self.stream = program.weights
        self.memory = [int(byte) & 255 for byte in memory.ravel()]
        self.groups: list[np.ndarray] = []
        self.tiles: list[np.ndarray] = []
        self.finished: list[dict[tuple[int, int], list[int]]] = []
        self.open: dict[tuple[int, int], list[int]] = {}
        execute = {
            Opcode.WEIGHT: self.weight,
            Opcode.COMPUTE: self.compute,
            Opcode.DRAIN: self.drain,
            Opcode.POOL: self.pool,
        }
        for instruction in program.instructions:
            if instruction.opcode in execute:
                execute[instruction.opcode](instruction)

    @property
    def result(self) -> np.ndarray:
        return np.array([signed(byte) for byte in self.memory], np.int8)

    def weight(self, i: Instruction) -> None:
        rows, columns = self.architecture.rows, self.architecture.columns
        at = i["offset"]
        for _ in range(i["n_columns"]):
            self.groups.append(self.stream[at : at + 8 * columns].view([("bias", "<i4"), ("multiplier", "<f4")]))
            at += 8 * columns
            for _ in range(i["n_tiles"]):
                self.tiles.append(self.stream[at : at + rows * columns].view(np.int8).reshape(rows, columns))
                at += rows * columns

    def byte(self, i: Instruction, col: int, g: int, ky: int, kx: int, y: int, x: int, j: int) -> int:
        off = i["offset0"] + kx * i["kx_step"] + x * i["x_step"]
        off = (off + WRAP // 2) % WRAP - WRAP // 2
        if not (0 <= i["iy0"] + ky + y * i["stride_y"] < i["height"] and 0 <= off + j < i["row_bytes"]):
            return i["pad"]
        address = i["base"] + col * i["column_step"] + g * i["group_step"] + ky * i["ky_step"] + y * i["y_step"]
        return signed(self.memory[(address + off + j) % WRAP])

    def compute(self, i: Instruction) -> None:
        rows, columns = self.architecture.rows, self.architecture.columns
        taps = [(g, ky, kx) for g in range(i["n_groups"]) for ky in range(i["n_ky"]) for kx in range(i["n_kx"])]
        for col in range(i["n_columns"]):
            for y0 in range(0, i["n_y"], i["block_rows"]):
                tile = self.open if i["accumulate"] else {}
                for y in range(y0, min(y0 + i["block_rows"], i["n_y"])):
                    for x in range(i["n_x"]):
                        sums = tile.setdefault((y, x), [0] * columns)
                        for number, (g, ky, kx) in enumerate(taps):
                            weight = self.tiles[col * len(taps) + number]
                            data = [self.byte(i, col, g, ky, kx, y, x, j) for j in range(rows)]
                            for c in range(columns):
                                sums[c] += sum(data[j] * int(weight[j, c]) for j in range(rows))
                self.open = tile
                if i["finish"]:
                    self.finished.append(tile)
        if not i["keep"]:
            del self.tiles[: i["n_columns"] * len(taps)]

    def drain(self, i: Instruction) -> None:
        rows, columns, lanes = self.architecture.rows, self.architecture.columns, self.architecture.output_lanes
        for col in range(i["n_columns"]):
            steps = i["last_steps"] if col == i["n_columns"] - 1 else columns // lanes
            for _ in range(0, i["n_y"], i["block_rows"]):
                for (y, x), sums in self.finished.pop(0).items():
                    for c in range(steps * lanes):
                        entry = self.groups[col][c]
                        ch = i["channel0"] + col * columns + c
                        pixel = x * i["out_x_step"] + y * i["out_y_step"] + ch % rows
                        out = i["out_base"] + pixel + ch // rows * i["out_plane_step"]
                        residual = i["residual_base"] + pixel + ch // rows * i["residual_plane_step"]
                        self.result_of(i, sums[c] + int(entry["bias"]), entry["multiplier"], out, residual)
                    for byte in range(1, 1 + (i["pad_steps"] * lanes if col == i["n_columns"] - 1 else 0)):
                        for k in range(4 if i["int32"] else 1):
                            self.memory[(out + byte + k * i["byte_step"]) % WRAP] = 0
        if not i["keep"]:
            del self.groups[: i["n_columns"]]

    def result_of(self, i: Instruction, total: int, multiplier: np.float32, out: int, residual: int) -> None:
        if i["int32"]:
            for k in range(4):
                self.memory[(out + k * i["byte_step"]) % WRAP] = total >> 8 * k & 255
            return
        value = requantise(total, multiplier, i["zero_point"], i["clamp_low"], i["clamp_high"])
        if i["residual"]:
            exact = (value - i["zero_point"]) * i["add_multiplier"]
            if i["unrounded"]:
                exact = round(Fraction(float(np.float32(total) * multiplier)) * 2**16)
            exact += (signed(self.memory[residual % WRAP]) - i["residual_zero_point"]) * i["residual_multiplier"]
            value = round(Fraction(exact, 1 << i["add_shift"])) + i["add_zero_point"]
            value = clamp(value, i["add_clamp_low"], i["add_clamp_high"])
        self.memory[out % WRAP] = value & 255

    def depthwise(self, i: Instruction) -> None:
        rows, n_ky = self.architecture.rows, i["n_ky"]
        signed_memory = [signed(byte) for byte in self.memory]
        for g in range(i["n_groups"]):
            block = i["weights"] + g * (3 * n_ky + 8) * rows
            data = bytes(self.memory[(block + k) % WRAP] for k in range((3 * n_ky + 8) * rows))
            parameters = np.frombuffer(data[3 * n_ky * rows :], [("bias", "<i4"), ("multiplier", "<f4")])
            for y in range(i["n_y"]):
                for o in range((i["n_x"] - 3) // i["step_x"] + 1):
                    for j in range(rows):
                        total = int(parameters[j]["bias"])
                        for ky in range(n_ky):
                            for kx in range(3):
                                row, column = y * i["stride_y"] + ky, o * i["step_x"] + kx
                                inside = 0 <= i["iy0"] + row < i["height"] and 0 <= i["ix0"] + column < i["width"]
                                at = i["base"] + g * i["group_step"] + row * i["row_step"] + column * rows + j
                                value = signed_memory[at % WRAP] if inside else i["pad"]
                                total += value * signed(data[(3 * ky + kx) * rows + j])
                        limits = i["zero_point"], i["clamp_low"], i["clamp_high"]
                        out = i["out_base"] + g * i["out_group_step"] + y * i["out_row_step"] + o * rows + j
                        self.memory[out % WRAP] = requantise(total, parameters[j]["multiplier"], *limits) & 255

    def pool(self, i: Instruction) -> None:
        if i["depthwise"]:
            self.depthwise(i)
            return
        rows = self.architecture.rows
        for g in range(i["n_groups"]):
            for y in range(i["n_y"]):
                line = []
                for x in range(i["n_x"]):
                    for j in range(rows):
                        taps = []
                        for ky in range(i["n_ky"]):
                            for kx in range(i["n_kx"]):
                                row, column = y * i["stride_y"] + ky, x * i["stride_x"] + kx
                                if 0 <= i["iy0"] + row < i["height"] and 0 <= i["ix0"] + column < i["width"]:
                                    at = i["base"] + g * i["group_step"] + row * i["row_step"] + column * rows + j
                                    taps.append(signed(self.memory[at % WRAP]))
                        line.append(max(taps))
                out = i["out_base"] + g * i["out_group_step"] + y * i["out_row_step"]
                for at, value in enumerate(line):
                    self.memory[(out + at) % WRAP] = value & 255
