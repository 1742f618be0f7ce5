"""A run as it should be, without a simulator: traces made by plain loops from golden's tensors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tcugen import golden
from tcugen.arch import Architecture
from tcugen.compiler.compile import compile_network
from tcugen.emulator.machine import Machine
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Instruction, Opcode
from tcugen.model.quantized import QuantizedNetwork
from tcugen.program import Observation, Program
from tcugen.registers import Stall
from tcugen.simulator.run import ImageRun, MachineError, trace_dtype
from tcugen.synthetic.integers import synthesise
from tests.compiler.networks import NETWORKS

ARCHITECTURE = Architecture(rows=8, columns=8, output_lanes=2, activation_kib=64, accumulator_depth=64)
CYCLES_PER_WRITE = 3
PADDING_BYTE = 99
"""What the RTL writes to channels that the tensor does not have; nobody may look at it."""

Record = tuple[int, list[int]]


def _drain(instruction: Instruction, place: Observation, tensor: np.ndarray, a: Architecture) -> Iterator[Record]:
    """(address, bytes) of every write of a DRAIN, in order."""
    for column in range(instruction["n_columns"]):
        is_last = column == instruction["n_columns"] - 1
        for y in range(instruction["n_y"]):
            for x in range(instruction["n_x"]):
                for plane in range(4 if instruction["int32"] else 1):
                    for step in range(instruction["last_steps"] if is_last else a.output_steps):
                        channel = column * a.columns + step * a.output_lanes
                        word, byte = divmod(instruction["channel0"] + channel, a.rows)
                        address = instruction["out_base"] + word * instruction["out_plane_step"] + byte
                        address += y * instruction["out_y_step"] + x * instruction["out_x_step"]
                        address += plane * instruction["byte_step"]
                        channels = range(channel, channel + a.output_lanes)
                        yield address, [_byte(tensor, place, c, y, x, plane) for c in channels]


def _pool(instruction: Instruction, place: Observation, tensor: np.ndarray, a: Architecture) -> Iterator[Record]:
    for group in range(instruction["n_groups"]):
        for y in range(instruction["n_y"]):
            for x in range(instruction["n_x"]):
                address = instruction["out_base"] + group * instruction["out_group_step"]
                address += y * instruction["out_row_step"] + x * a.rows
                channels = range(group * a.rows, (group + 1) * a.rows)
                yield address, [_byte(tensor, place, c, y, x, 0) for c in channels]


def _byte(tensor: np.ndarray, place: Observation, channel: int, y: int, x: int, plane: int) -> int:
    channel += place.channel0 + x * place.x_channels
    if channel >= len(tensor):
        return PADDING_BYTE
    column = place.x0 + (x * place.x_step if place.x_channels == 0 else 0)
    value = tensor[channel, place.y0 + y * place.y_step, column]
    return int(value) >> 8 * plane & 255


def traces(program: Program, tensors: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Traces (drains, pools) of a machine that writes `tensors`, one write every CYCLES_PER_WRITE cycles."""
    architecture, cycle = program.architecture, 1000
    records: dict[Opcode, list] = {Opcode.DRAIN: [], Opcode.POOL: []}
    for place in program.observations:
        instruction = program.instructions[place.instruction]
        writes = _drain if instruction.opcode == Opcode.DRAIN else _pool
        for address, data in writes(instruction, place, tensors[place.tensor], architecture):
            wrapped = address % (1 << ACTIVATION_ADDRESS_BITS)
            records[instruction.opcode].append((cycle, wrapped, instruction["layer"], 0, data))
            cycle += CYCLES_PER_WRITE
    return (
        np.array(records[Opcode.DRAIN], trace_dtype(architecture.output_lanes)),
        np.array(records[Opcode.POOL], trace_dtype(architecture.rows)),
    )


@dataclass(frozen=True, eq=False)
class RightRun:
    """A network, its program and what every side makes of some images."""

    model: QuantizedNetwork
    program: Program
    inputs: dict[str, np.ndarray]
    golden: dict[str, np.ndarray]

    @classmethod
    def of(cls, name: str, images: int = 1, int32_output: bool = False) -> "RightRun":
        model, inputs = synthesise(NETWORKS[name], seed=5, images=images, int32_output=int32_output)
        return cls(model, compile_network(model, ARCHITECTURE), inputs, golden.run(model, inputs))

    def expected(self, image: int = 0) -> dict[str, np.ndarray]:
        return {name: tensor[image] for name, tensor in self.golden.items()}

    def emulated(self, image: int = 0) -> dict[str, np.ndarray]:
        machine = Machine(self.program)
        machine.run({name: tensor[image] for name, tensor in self.inputs.items()})
        return {name: tensor.copy() for name, tensor in machine.observed.items()}

    def traces(self, image: int = 0) -> tuple[np.ndarray, np.ndarray]:
        return traces(self.program, self.expected(image))

    def image_run(self, image: int = 0, error: MachineError | None = None) -> ImageRun:
        """What the simulator would return: 10 busy cycles and 2 cycles waiting for weights in every layer."""
        drains, pools = self.traces(image)
        layers = len(self.program.layers)
        idle = {f"STALL_{stall.name}": 0 for stall in Stall}
        layer = {"BUSY": 10, **idle, "STALL_WEIGHTS": 2}
        return ImageRun(
            outputs={port.tensor: self.expected(image)[port.tensor].copy() for port in self.program.outputs},
            cycles=12 * layers + image,
            interrupt_cycles=12 * layers + image + 2,
            counters={"CYCLES": 12 * layers + image, "BUSY": 10 * layers},
            layer_counters=(layer,) * layers,
            error=error,
            drains=drains,
            pools=pools,
        )
