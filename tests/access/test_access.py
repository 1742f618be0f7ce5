"""What instructions are said to read and write, against the bytes that the emulator touches with loops of its own."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from tcugen.access.box import Box, wrapped
from tcugen.access.drain import drain_padding, drain_reads, drain_writes
from tcugen.access.pool import pool_reads, pool_writes
from tcugen.access.transfer import in_memory, on_chip, units
from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.emulator import Machine
from tcugen.emulator.memory import ActivationMemory, Windows
from tcugen.isa import Instruction, Opcode, Window
from tcugen.program import Program
from tcugen.synthetic.integers import synthesise
from tests.compiler.networks import NETWORKS
from tests.emulator.handwritten import Handwritten, random_memory, small

READ, WRITE, IN_MEMORY = "read", "write", "in memory"
Touched = dict[tuple[int, str], list[np.ndarray]]
"""Byte addresses by instruction and kind of access, in the order of the accesses."""


def bytes_of(boxes: Sequence[Box]) -> np.ndarray:
    """Every byte of every access, in rising order, as often as it is accessed; not wrapped."""
    parts = [(box.addresses[..., None] + np.arange(box.width)).reshape(-1) for box in boxes]
    return np.sort(np.concatenate(parts)) if parts else np.zeros(0, np.int64)


def pixels(segments: Box, instruction: Instruction) -> Box:
    """Segments of STORE less the padding of their rows, which is sent as zeros, so that nobody need read it."""
    row, length = instruction["row_step"], instruction["row_bytes"]
    rows = segments.addresses[:, None] + row * np.arange(segments.width // row)
    return Box(rows, min(length, row))


def said(architecture: Architecture, instruction: Instruction) -> dict[str, np.ndarray]:
    """Bytes that `tcugen.access` says an instruction reads, writes and has in its window."""
    boxes: dict[str, Sequence[Box]] = {READ: [], WRITE: []}
    memory: Sequence[Box] = []
    match instruction.opcode:
        case Opcode.DRAIN:
            written = [*drain_writes(architecture, instruction), *drain_padding(architecture, instruction)]
            boxes = {READ: drain_reads(architecture, instruction), WRITE: written}
        case Opcode.POOL:
            boxes = {READ: [pool_reads(architecture, instruction)], WRITE: pool_writes(architecture, instruction)}
        case Opcode.LOAD:
            boxes[WRITE], memory = [on_chip(instruction)], [in_memory(instruction)]
        case Opcode.STORE:
            boxes[READ], memory = [pixels(on_chip(instruction), instruction)], [in_memory(instruction)]
    on = {kind: np.sort(wrapped(bytes_of(found))) for kind, found in boxes.items()}
    return on | {IN_MEMORY: bytes_of(memory)}


def check(program: Program, touched: Touched) -> None:
    for index, instruction in enumerate(program.instructions):
        for kind, expected in said(program.architecture, instruction).items():
            found = np.sort(np.concatenate([np.zeros(0, np.int64), *touched[index, kind]]))
            if instruction.opcode is Opcode.POOL and kind == READ:
                # Windows overlap: the emulator reads a word once for each that covers it, `pool_reads` says it once.
                found, expected = np.unique(found), np.unique(expected)
            np.testing.assert_array_equal(found, expected, err_msg=f"instruction {index}, {kind}: {instruction}")


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> Touched:
    """What the emulator touches from now on."""
    accesses: Touched = defaultdict(list)
    read, write = ActivationMemory.read, ActivationMemory.write
    fetch, put = Windows.read, Windows.write

    def spied_read(memory, work, field, addresses):
        accesses[work.step.index, READ].append(addresses.reshape(-1))
        return read(memory, work, field, addresses)

    def spied_write(memory, work, field, addresses, values):
        accesses[work.step.index, WRITE].append(addresses.reshape(-1))
        write(memory, work, field, addresses, values)

    def spied_fetch(windows, work, window, offset, length):
        accesses[work.step.index, IN_MEMORY].append(offset + np.arange(length))
        return fetch(windows, work, window, offset, length)

    def spied_put(windows, work, window, offset, values):
        accesses[work.step.index, IN_MEMORY].append(offset + np.arange(len(values)))
        put(windows, work, window, offset, values)

    monkeypatch.setattr(ActivationMemory, "read", spied_read)
    monkeypatch.setattr(ActivationMemory, "write", spied_write)
    monkeypatch.setattr(Windows, "read", spied_fetch)
    monkeypatch.setattr(Windows, "write", spied_put)
    return accesses


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """An activation memory that has every address and holds zeros, so that instructions may be random."""
    monkeypatch.setattr(ActivationMemory, "read", lambda memory, work, field, a: np.zeros(a.shape, np.uint8))
    monkeypatch.setattr(ActivationMemory, "write", lambda memory, work, field, a, values: None)


ARRAYS = {
    "4x4": dict(rows=4, columns=4, output_lanes=1, activation_kib=32),
    "16x16": dict(rows=16, columns=16, output_lanes=4, activation_kib=256),
    "16x8": dict(rows=16, columns=8, output_lanes=2, weight_tiles=16, parameter_groups=2, activation_kib=64),
    "32x4": dict(rows=32, columns=4, output_lanes=4, accumulator_depth=16, bus_bytes=4, activation_kib=128),
    "4x32": dict(rows=4, columns=32, output_lanes=4, activation_kib=32),
}


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("name", NETWORKS)
def test_compiled_programs(name, array, touched):
    model, inputs = synthesise(NETWORKS[name], seed=5, int32_output=name == "average")
    program = compile_network(model, Architecture(**ARRAYS[array]))
    Machine(program).run({tensor: images[0] for tensor, images in inputs.items()})
    check(program, touched)


MACHINES = [
    {},
    dict(rows=16, columns=4, output_lanes=4),
    dict(rows=4, columns=16, output_lanes=2, bus_bytes=16),
    dict(rows=8, columns=8, output_lanes=1, bus_bytes=64),
    dict(rows=32, columns=8, output_lanes=8),
]
SEEDS = range(8)


def random_address(rng: np.random.Generator) -> int:
    """Anywhere, or so near to the ends that accesses go round them."""
    return int(rng.choice([rng.integers(1 << 24), rng.integers(256), (1 << 24) - 1 - rng.integers(256)]))


def random_drain(rng: np.random.Generator, architecture: Architecture) -> dict[str, int]:
    n_y, n_columns, kind = int(rng.integers(1, 6)), int(rng.integers(1, 4)), rng.integers(3)
    rows, lanes = architecture.rows, architecture.output_lanes
    channel0 = lanes * int(rng.integers(rows // lanes))
    last_steps = int(rng.integers(1, architecture.output_steps + 1))
    end = channel0 + (n_columns - 1) * architecture.columns + last_steps * lanes
    names = ("out", "residual")
    fields = {f"{name}_{what}": random_address(rng) for name in names for what in ("base", "plane_step")}
    return fields | {
        "n_columns": n_columns,
        "n_y": n_y,
        "block_rows": int(rng.integers(1, min(n_y, 4) + 1)),
        "n_x": int(rng.integers(1, 5)),
        "channel0": channel0,
        "last_steps": last_steps,
        "pad_steps": int(rng.integers(-end % rows // lanes + 1)),
        "out_y_step": random_address(rng),
        "out_x_step": random_address(rng),
        "byte_step": random_address(rng),
        "int32": int(kind == 1),
        "residual": int(kind == 2),
    }


def random_pool(rng: np.random.Generator) -> dict[str, int]:
    fields = {name: random_address(rng) for name in ("base", "group_step", "row_step")}
    fields |= {name: random_address(rng) for name in ("out_base", "out_group_step", "out_row_step")}
    fields["n_groups"] = int(rng.integers(1, 4))
    for axis, extent in (("y", "height"), ("x", "width")):
        outputs, kernel, stride = (int(number) for number in rng.integers(1, (6, 5, 5)))
        # Every window has a tap inside.
        first = int(rng.integers(1 - kernel, 3))
        sides = {f"n_{axis}": outputs, f"n_k{axis}": kernel, f"stride_{axis}": stride, f"i{axis}0": first}
        fields |= sides | {extent: max(first + (outputs - 1) * stride + int(rng.integers(1, kernel + 2)), 1)}
    return fields


def random_transfer(rng: np.random.Generator, architecture: Architecture, opcode: Opcode) -> dict[str, int]:
    bus, size = architecture.bus_bytes, architecture.activation_bytes
    word = min(bus, architecture.rows)
    segments = int(rng.integers(1, 5))
    step, offset = (bus * int(rng.integers(1, size // bus // 8)) for _ in range(2))
    row = bus * int(rng.integers(1, size // bus // 24))
    return {
        "segments": segments,
        "memory_step": step,
        "segment_bytes": row * int(rng.integers(1, 4)),
        "offset": offset,
        "activation": random_address(rng) // word * word,
        "activation_step": random_address(rng) // word * word,
    } | ({"row_step": row, "row_bytes": int(rng.integers(row + 1))} if opcode is Opcode.STORE else {})


def random_program(rng: np.random.Generator, architecture: Architecture) -> Program:
    """Some of each; the array computes on zeros."""
    code = Handwritten(architecture)
    for _ in range(3):
        fields = random_drain(rng, architecture)
        loop = {name: fields[name] for name in ("n_columns", "n_y", "block_rows", "n_x")}
        code.random_stream(rng, loop["n_columns"], 1)
        code.add(Opcode.COMPUTE, height=1, row_bytes=1, n_groups=1, n_ky=1, n_kx=1, finish=1, **loop)
        code.add(Opcode.DRAIN, **fields)
        code.add(Opcode.POOL, **random_pool(rng))
        for opcode, window in ((Opcode.LOAD, Window.INPUT), (Opcode.STORE, Window.OUTPUT)):
            code.add(opcode, window=window, **random_transfer(rng, architecture, opcode))
    return code.program()


@pytest.fixture(params=[(machine, seed) for machine in range(len(MACHINES)) for seed in SEEDS], ids=str)
def programmed(request: pytest.FixtureRequest) -> Program:
    machine, seed = request.param
    architecture = small(activation_kib=8, **MACHINES[machine])
    return random_program(np.random.default_rng([machine, seed]), architecture)


def test_random_programs(programmed, endless, touched):
    memory = random_memory(programmed.architecture, np.random.default_rng(0))
    Machine(programmed).run({"memory_in": memory})
    check(programmed, touched)


def boxes(program: Program) -> Iterator[Box]:
    for instruction in program.instructions:
        match instruction.opcode:
            case Opcode.DRAIN:
                yield from drain_writes(program.architecture, instruction)
                yield from drain_reads(program.architecture, instruction)
            case Opcode.POOL:
                yield from pool_writes(program.architecture, instruction)
            case Opcode.LOAD | Opcode.STORE:
                yield in_memory(instruction)


def test_joined_accesses_are_the_same_bytes(programmed):
    word = programmed.architecture.rows
    for box in boxes(programmed):
        np.testing.assert_array_equal(bytes_of(box.joined(word)), bytes_of([box]))


@pytest.mark.parametrize("size", [1, 8, 64])
def test_units_are_those_that_hold_an_accessed_byte(size, programmed):
    for instruction in programmed.instructions:
        if instruction.opcode in (Opcode.LOAD, Opcode.STORE):
            box = in_memory(instruction)
            expected = [np.unique((first + np.arange(box.width)) // size) for first in box.addresses]
            np.testing.assert_array_equal(np.sort(units(box, size)), np.sort(np.concatenate(expected)))
