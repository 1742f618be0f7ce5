"""Depthwise convolutions written by hand: bytes of the RTL beside the emulator's, its cycles beside the replay's."""

from dataclasses import replace

import numpy as np
import pytest

from tcugen.arch import Architecture
from tcugen.isa import Opcode, Window
from tcugen.memory_model import MEMORY_MODELS
from tcugen.program import Layer, Program
from tcugen.registers import ErrorCode
from tcugen.simulator.run import MachineError, simulate
from tcugen.timing.replay import replay
from tests.emulator.handwritten import Handwritten, emulate, random_memory
from tests.emulator.test_emulator_depthwise import convolution

MACHINES = {
    "4x4": Architecture(rows=4, columns=4, output_lanes=1, bus_bytes=4, activation_kib=8, accumulator_depth=16,
                        weight_tiles=4, parameter_groups=2, depthwise=1),
    "8x6": Architecture(rows=8, columns=6, output_lanes=2, bus_bytes=16, activation_kib=8, accumulator_depth=32,
                        weight_tiles=64, parameter_groups=8, depthwise=4, parity=1),
    "16x8": Architecture(rows=16, columns=8, output_lanes=1, bus_bytes=8, activation_kib=8, accumulator_depth=16,
                         weight_tiles=2, parameter_groups=2, depthwise=4),
}  # fmt: skip

SHAPES = (
    {"groups": 2, "h": 6, "w": 7},
    {"groups": 1, "h": 7, "w": 5, "stride": (2, 2), "pads": (0, 0, 1, 2)},
    {"groups": 1, "h": 4, "w": 6, "kernel": (2, 3), "stride": (1, 2), "pads": (1, 2, 0, 0)},
)
OUT, WEIGHTS, POOLED = 3072, 4096, 6144


def block(rng: np.random.Generator, architecture: Architecture, n_ky: int) -> bytes:
    entries = np.empty(architecture.rows, [("bias", "<i4"), ("multiplier", "<f4")])
    entries["bias"] = rng.integers(-20000, 20000, architecture.rows)
    entries["multiplier"] = np.exp2(rng.uniform(-12, -8, architecture.rows))
    return rng.integers(-128, 128, 3 * n_ky * architecture.rows, np.int8).tobytes() + entries.tobytes()


def program_of(architecture: Architecture, stores: bool = True) -> Program:
    """One convolution after the other, each from new weights, the last again from the same ones; and a maximum."""
    rng = np.random.default_rng(3)
    code = Handwritten(architecture)
    code.load_all()
    loads, pools = 1, 0
    last = None
    for shape in SHAPES:
        fields = convolution(word=architecture.rows, **shape) | {"out_base": OUT, "weights": WEIGHTS}
        content = b"".join(block(rng, architecture, fields["n_ky"]) for _ in range(fields["n_groups"]))
        index = code.load_weights(content, WEIGHTS, wait_load=1, wait_pool=pools)
        loads += 1
        last = {**code.instructions[index].fields, "wait_pool": pools + 1}
        code.add(Opcode.POOL, wait_load=loads, wait_pool=pools, **fields)
        pools += 1
    assert last is not None
    code.add(Opcode.LOAD, **last)
    code.add(Opcode.POOL, wait_load=loads + 1, wait_pool=pools, **fields)
    rows = architecture.rows
    window = {"base": OUT, "row_step": 3 * rows, "n_groups": 1, "n_y": 2, "n_x": 2, "n_ky": 2, "n_kx": 2}
    window |= {"stride_y": 1, "stride_x": 1, "height": 3, "width": 3, "out_base": POOLED, "out_row_step": 2 * rows}
    code.add(Opcode.POOL, wait_pool=pools + 1, **window)
    if stores:
        code.store_all(wait_pool=pools + 2)
    return replace(code.program(), layers=(Layer(("by hand",), "memory_out"),))


@pytest.mark.slow
@pytest.mark.parametrize("name", MACHINES)
def test_bytes_and_cycles_are_those_of_the_rtl(name, rtl):
    architecture = MACHINES[name]
    program = program_of(architecture)
    memory = random_memory(architecture, np.random.default_rng(1))
    images = [{"memory_in": memory}, {"memory_in": memory}]
    run = simulate(program, rtl(architecture), images, max_cycles=100_000, trace=False)
    for image in run.images:
        assert image.error is None
        np.testing.assert_array_equal(image.outputs["memory_out"].ravel(), emulate(program, memory))
    assert run.images[0].counters["CYCLES"] == run.images[1].counters["CYCLES"]
    # The replay of a STORE may be a cycle off, so the cycles are those of a program without one.
    program = program_of(architecture, stores=False)
    counters = simulate(program, rtl(architecture), images[:1], max_cycles=100_000, trace=False).images[0].counters
    predicted = replay(program.instructions, architecture, 1, MEMORY_MODELS["fixed"])
    assert predicted.bytes_read == counters["BYTES_READ"]
    assert predicted.cycles == counters["CYCLES"]


@pytest.mark.slow
def test_weights_that_are_not_all_loaded_end_the_run(rtl):
    architecture = MACHINES["4x4"]
    program = program_of(architecture)
    loads = [i for i in program.instructions if i.opcode == Opcode.LOAD and i["window"] == Window.WEIGHTS]
    # What the last new weights were is read from the place of the first ones.
    elsewhere = [
        replace(i, fields={**i.fields, "offset": loads[0]["offset"]}) if i in loads[-2:] else i
        for i in program.instructions
    ]
    wrong = replace(program, instructions=tuple(elsewhere))
    memory = random_memory(architecture, np.random.default_rng(1))
    run = simulate(wrong, rtl(architecture), [{"memory_in": memory}], max_cycles=100_000, trace=False)
    read = program.weights.size - loads[-1]["segment_bytes"]
    assert run.images[0].error == MachineError(ErrorCode.WEIGHTS_CHECKSUM, read)
