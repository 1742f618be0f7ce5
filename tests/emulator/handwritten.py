"""Hand-written programs: the whole activation memory goes in as one tensor and comes out as another."""

from dataclasses import replace

import numpy as np

from tcugen.arch import Architecture
from tcugen.emulator import Machine
from tcugen.isa import Instruction, Opcode, Window
from tcugen.program import Observation, Port, Program, TensorLayout
from tcugen.program_format import WEIGHTS_HEADER_BYTES, seal_weights

LOOP = {"n_columns": 2, "n_y": 3, "block_rows": 1, "n_x": 4}
COMPUTE = LOOP | {"y_step": 16, "x_step": 4, "row_bytes": 16, "height": 3, "stride_y": 1}
COMPUTE |= {"n_groups": 1, "n_ky": 1, "n_kx": 1, "finish": 1}
DRAIN = LOOP | {"out_base": 512, "out_plane_step": 48, "out_y_step": 16, "out_x_step": 4, "last_steps": 2}
DRAIN |= {"clamp_low": -128, "clamp_high": 127}
"""A pointwise convolution of 3 x 4 pixels from address 0 to 512, two column groups, one row per block: six tiles."""

LAYOUT = TensorLayout(channels=7, height=3, width=4, word=4, pixel_bytes=4, row_bytes=16, plane_bytes=48)
"""Its result."""


def resealed(program: Program, weights: bytes) -> Program:
    """The program with these weights, for its architecture."""
    return replace(program, weights=np.frombuffer(seal_weights(weights, program.architecture), np.uint8))


def small(**changes: int) -> Architecture:
    """A 4x4 machine with 1 KiB of activation memory."""
    values = {
        "rows": 4,
        "columns": 4,
        "activation_kib": 1,
        "bus_bytes": 4,
        "accumulator_depth": 16,
        "weight_tiles": 16,
        "parameter_groups": 4,
        "output_lanes": 2,
    }
    return Architecture(**(values | changes))


class Handwritten:
    """Builds a program: `add` appends an instruction, `stream` weights; LOAD of everything first, STORE last.

    `load_weights` appends weights that LOAD reads; all that is streamed must have been appended before.
    """

    def __init__(self, architecture: Architecture):
        self.architecture = architecture
        self.instructions: list[Instruction] = []
        self.weights = bytes(WEIGHTS_HEADER_BYTES)
        self.loaded = b""
        self.observations: list[Observation] = []
        self.tensors: dict[str, TensorLayout] = {}
        self.size = architecture.activation_bytes

    def add(self, opcode: Opcode, **fields: int) -> int:
        """Append an instruction; returns its index. A STORE without rows sends all bytes as they are."""
        if opcode is Opcode.STORE:
            fields = {"row_step": fields["segment_bytes"], "row_bytes": fields["segment_bytes"]} | fields
        self.instructions.append(Instruction(opcode, fields))
        return len(self.instructions) - 1

    def load_all(self) -> None:
        self.add(Opcode.LOAD, window=Window.INPUT, segment_bytes=self.size, segments=1)

    def store_all(self, **waits: int) -> None:
        self.add(Opcode.STORE, window=Window.OUTPUT, segment_bytes=self.size, segments=1, **waits)

    def load_weights(self, content: bytes, activation: int, **waits: int) -> int:
        """Append a LOAD of `content`, zeros after it up to a multiple of the bus width; returns its index."""
        padded = content + bytes(-len(content) % self.architecture.bus_bytes)
        offset = len(self.weights) + len(self.loaded)
        self.loaded += padded
        fields = {"window": Window.WEIGHTS, "offset": offset, "segment_bytes": len(padded), "segments": 1}
        return self.add(Opcode.LOAD, **fields, activation=activation, **waits)

    def stream(self, tiles: np.ndarray, bias: np.ndarray, multiplier: np.ndarray) -> int:
        """Append a WEIGHT of int8 `tiles` [n_columns, n_tiles, R, C], int32 bias and float32 multiplier
        [n_columns, C]; returns its index."""
        offset = len(self.weights)
        for column in range(len(tiles)):
            entries = np.empty(self.architecture.columns, [("bias", "<i4"), ("multiplier", "<f4")])
            entries["bias"], entries["multiplier"] = bias[column], multiplier[column]
            self.weights += entries.tobytes() + tiles[column].tobytes()
        return self.add(Opcode.WEIGHT, offset=offset, n_columns=len(tiles), n_tiles=tiles.shape[1])

    def random_stream(self, rng: np.random.Generator, n_columns: int, n_tiles: int) -> int:
        architecture = self.architecture
        shape = n_columns, n_tiles, architecture.rows, architecture.columns
        return self.stream(
            rng.integers(-128, 128, shape, np.int8),
            rng.integers(-3000, 3000, shape[::3], np.int32),
            np.exp2(rng.uniform(-11, -7, shape[::3])).astype(np.float32),
        )

    def observe(self, index: int, tensor: str, layout: TensorLayout, **box: int) -> None:
        self.tensors[tensor] = layout
        self.observations.append(Observation(index, tensor, **box))

    def program(self, **waits: int) -> Program:
        """The program, closed with END."""
        raw = TensorLayout(1, 1, self.size, self.architecture.rows, 1, self.size, self.size)
        return Program(
            architecture=self.architecture,
            network="handwritten",
            mac_count=0,
            instructions=(*self.instructions, Instruction(Opcode.END, waits)),
            weights=np.frombuffer(
                seal_weights(self.weights + self.loaded, self.architecture, len(self.loaded)), np.uint8
            ),
            inputs=(Port("memory_in", 0, raw),),
            outputs=(Port("memory_out", 0, raw),),
            input_bytes=self.size,
            output_bytes=self.size,
            scratch_bytes=256,
            layers=(),
            tensors=self.tensors,
            observations=tuple(self.observations),
        )


def random_memory(architecture: Architecture, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(-128, 128, (1, 1, architecture.activation_bytes), np.int8)


def emulate(program: Program, memory: np.ndarray) -> np.ndarray:
    """Output memory, int8 [bytes], of a program that ends with `store_all`."""
    return Machine(program).run({"memory_in": memory})["memory_out"].ravel()
