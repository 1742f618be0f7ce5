"""Programs that break a rule: the error names the instruction, the field and the numbers."""

import dataclasses

import numpy as np
import pytest

from tcugen.emulator import EmulationError, Machine
from tcugen.isa import Instruction, Opcode, Window
from tcugen.program_format import WEIGHTS_HEADER_BYTES
from tests.emulator.handwritten import COMPUTE, DRAIN, LAYOUT, Handwritten, small

COMPUTE_INDEX, DRAIN_INDEX, STORE_INDEX = 2, 3, 4


def layer(
    compute=None,
    drain=None,
    load=None,
    store=None,
    architecture=None,
    n_tiles=1,
    weights=1,
    bias=0,
    waits=None,
    value=1,
):
    """One pointwise layer with some fields changed; all weights, multipliers and bytes of memory are constants."""
    architecture = architecture or small()
    code = Handwritten(architecture)
    code.add(Opcode.LOAD, **{"window": Window.INPUT, "segment_bytes": code.size, "segments": 1} | (load or {}))
    shape = 2, n_tiles, architecture.rows, architecture.columns
    code.stream(np.full(shape, weights, np.int8), np.full(shape[::3], bias, np.int32), np.full(shape[::3], 0.5, "f4"))
    code.add(Opcode.COMPUTE, **COMPUTE | {"wait_load": 1} | (compute or {}))
    code.add(Opcode.DRAIN, **DRAIN | (drain or {}))
    store = {"window": Window.OUTPUT, "segment_bytes": code.size, "segments": 1, "wait_drain": 6} | (store or {})
    code.add(Opcode.STORE, **store)
    return code, np.full((1, 1, code.size), value, np.int8), waits or {}


def run(case):
    code, memory, waits = case
    return Machine(code.program(**waits)).run({"memory_in": memory})


def test_the_layer_without_changes_runs():
    assert run(layer())["memory_out"][0, 0, 512] == 2


@pytest.mark.parametrize(
    "case,index,field,message",
    [
        (layer(compute={"base": 1024}), COMPUTE_INDEX, "base", "byte address 0x00040f is outside"),
        (layer(compute={"base": 980}), COMPUTE_INDEX, "base", "activation memory of 1024 bytes"),
        (layer(compute={"base": (1 << 24) - 1}), COMPUTE_INDEX, "base", "byte address 0x"),
        (layer(drain={"out_base": 1000}), DRAIN_INDEX, "out_base", "byte address 0x000407 is outside"),
        (layer(drain={"residual": 1, "residual_base": 1 << 20}), DRAIN_INDEX, "residual_base", "is outside"),
        (layer(compute={"n_x": 0}), COMPUTE_INDEX, "n_x", "is 0, but a loop runs at least once"),
        (layer(compute={"block_rows": 3, "n_x": 6}), COMPUTE_INDEX, "block_rows", "18 pixels exceed .* depth 16"),
        (
            layer(compute={"n_groups": 32}, n_tiles=32),
            COMPUTE_INDEX,
            "block_rows",
            "32 weight tiles are read again, but the weight ring holds 16",
        ),
        (
            layer(compute={"n_groups": 9, "keep": 1, "n_y": 1}, n_tiles=9),
            COMPUTE_INDEX,
            "keep",
            "18 weight tiles are read again",
        ),
        (layer(compute={"finish": 0}), COMPUTE_INDEX, "finish", "holds one tile .* makes 6"),
        (
            layer(compute={"accumulate": 1, "n_columns": 1, "n_y": 1}),
            COMPUTE_INDEX,
            "accumulate",
            "no tile is left with the array",
        ),
        (layer(drain={"last_steps": 0}), DRAIN_INDEX, "last_steps", "is 0, but it must be 1 .. 2"),
        (layer(drain={"last_steps": 3}), DRAIN_INDEX, "last_steps", "is 3, but it must be 1 .. 2"),
        (layer(drain={"channel0": 1}), DRAIN_INDEX, "channel0", "is 1, but it must be a multiple of 2 lanes"),
        (layer(drain={"channel0": 4}), DRAIN_INDEX, "channel0", "below 4 rows"),
        (layer(drain={"residual": 1, "int32": 1}), DRAIN_INDEX, "residual", "together with int32"),
        (layer(drain={"residual": 1, "add_shift": 63}), DRAIN_INDEX, "add_shift", "is 63"),
        (layer(drain={"keep": 1, "n_columns": 5}), DRAIN_INDEX, "keep", "5 parameter groups .* holds 4"),
        (layer(drain={"n_x": 3}), DRAIN_INDEX, "block_rows", r"expects 3 pixels, but instruction 2 .* tile of 4"),
        (layer(bias=2**31 - 1), DRAIN_INDEX, "bias", "is 2147483651, beyond 32 bits"),
        (layer(bias=-(2**31), weights=-1), DRAIN_INDEX, "bias", "is -2147483652, beyond 32 bits"),
        (layer(load={"segment_bytes": 1028}), 0, "offset", r"bytes 0 \.\. 1027 leave window INPUT of 1024 bytes"),
        (layer(load={"segment_bytes": 0}), 0, "segment_bytes", "is 0"),
        (layer(load={"offset": 2}), 0, "offset", "is 2, but it must be a multiple of 4 bytes"),
        (layer(load={"activation": 2}), 0, "activation", "is 2, but it must be a multiple of 4 bytes"),
        (layer(load={"segment_bytes": 512, "activation": 516}), 0, "activation", "byte address 0x000403 is outside"),
        (layer(load={"window": 6}), 0, "window", r"is 6, but windows are 0 \.\. 4"),
        (layer(store={"window": Window.INPUT}), STORE_INDEX, "window", "writes OUTPUT and SCRATCH only, not INPUT"),
        (layer(store={"wait_pool": 1}), STORE_INDEX, "wait_pool", "deadlock: .* waits for 1, but POOL has completed 0"),
        (layer(drain={"n_columns": 3}), DRAIN_INDEX, "n_columns", "column group 2 has no parameters"),
        (layer(compute={"n_groups": 2}), COMPUTE_INDEX, "n_columns", "pass 0 of 2 has no weight tile"),
        (layer(waits={"wait_store": 2}), 5, "wait_store", "waits for 2, but STORE has completed 1 when every queue"),
        (layer(n_tiles=2), 5, "opcode", "2 weight tiles are left unread"),
        (layer(compute={"keep": 1}), 5, "opcode", "2 weight tiles are left unread or kept"),
        (layer(drain={"keep": 1}), 5, "opcode", "2 parameter groups are left unread or kept"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_error(case, index, field, message):
    with pytest.raises(EmulationError, match=message) as caught:
        run(case)
    assert (caught.value.instruction, caught.value.field) == (index, field)


@pytest.mark.parametrize("value,fits", [(-128, False), (-127, True)])
def test_accumulator_overflow(value, fits):
    # 8 passes of 4 products: 32 * 128 * 128 = 2**19 needs 21 bits, one product less does not.
    architecture = small(accumulator_bits=20)
    case = layer(
        compute={"n_groups": 8, "group_step": 0},
        drain={"out_plane_step": 48},
        architecture=architecture,
        n_tiles=8,
        weights=-128,
        value=value,
    )
    if fits:
        assert run(case)["memory_out"][0, 0, 512] == 127
        return
    with pytest.raises(EmulationError, match="a sum of 524288 does not fit the accumulators of 20 bits") as caught:
        run(case)
    assert caught.value.instruction == COMPUTE_INDEX


@pytest.mark.parametrize("multiplier", [-0.5, 256.0, 2.0**-41, float("nan")])
def test_multiplier_outside_the_range_of_the_hardware(multiplier):
    code, memory, _ = layer()
    at = WEIGHTS_HEADER_BYTES + 4
    code.weights = code.weights[:at] + np.float32(multiplier).tobytes() + code.weights[at + 4 :]
    with pytest.raises(EmulationError, match="column 0 is .*, but it must be 0 or in") as caught:
        Machine(code.program()).run({"memory_in": memory})
    assert (caught.value.instruction, caught.value.field) == (DRAIN_INDEX, "multiplier")


def test_weights_beyond_their_window():
    code, memory, _ = layer()
    code.weights = code.weights[:-4]
    with pytest.raises(EmulationError, match=r"bytes 64 \.\. 159 leave window WEIGHTS of 156 bytes"):
        Machine(code.program()).run({"memory_in": memory})


def test_tile_that_no_drain_takes():
    with pytest.raises(EmulationError, match="instruction 2 .* finished a tile that no DRAIN takes") as caught:
        run(layer(compute={"n_y": 2}, drain={"n_y": 1}, store={"wait_drain": 2}))
    assert caught.value.instruction == 5


def test_drain_without_tiles():
    code, memory, _ = layer(compute={"n_columns": 1}, drain={"n_columns": 2})
    code.instructions[STORE_INDEX] = Instruction(Opcode.COMPUTE, COMPUTE | {"n_columns": 1, "wait_drain": 6})
    with pytest.raises(EmulationError, match="deadlock: instruction 3 .* no finished tile to take"):
        Machine(code.program()).run({"memory_in": memory})


@pytest.mark.parametrize(
    "second,message",
    [
        ({}, "would drop the sums that instruction 2 .* left with the array"),
        ({"n_x": 2, "accumulate": 1}, "adds 2 pixels to a tile of 4 pixels"),
    ],
)
def test_tile_left_with_the_array(second, message):
    one = {"n_columns": 1, "n_y": 1}
    code, memory, _ = layer(compute=one | {"finish": 0})
    code.instructions[DRAIN_INDEX] = Instruction(Opcode.COMPUTE, COMPUTE | one | second)
    with pytest.raises(EmulationError, match=message) as caught:
        Machine(code.program()).run({"memory_in": memory})
    assert (caught.value.instruction, caught.value.field) == (DRAIN_INDEX, "accumulate")


def test_tile_left_with_the_array_at_the_end():
    code, memory, _ = layer(compute={"n_y": 1, "keep": 1}, drain={"n_y": 1})
    leftover = {"n_columns": 1, "n_y": 1, "n_groups": 2, "finish": 0}
    code.instructions[STORE_INDEX] = Instruction(Opcode.COMPUTE, COMPUTE | leftover)
    with pytest.raises(EmulationError, match="instruction 4 .* left a tile with the array that nothing finishes"):
        Machine(code.program()).run({"memory_in": memory})


def test_end_is_the_last_instruction():
    code, _, _ = layer()
    program = code.program()
    with pytest.raises(EmulationError, match="END is followed by 1 instructions"):
        Machine(dataclasses.replace(program, instructions=(*program.instructions, Instruction(Opcode.END, {}))))
    with pytest.raises(EmulationError, match="the program has no END"):
        Machine(dataclasses.replace(program, instructions=program.instructions[:-1]))


def test_observations_are_checked():
    code, memory, _ = layer()
    code.observe(DRAIN_INDEX, "y", dataclasses.replace(LAYOUT, channels=9))
    with pytest.raises(EmulationError, match=r"12 elements of 'y' are never written, the first is \[8, 0, 0\]"):
        Machine(code.program()).run({"memory_in": memory})
    code.tensors["y"] = dataclasses.replace(LAYOUT, height=2)
    with pytest.raises(EmulationError, match="writes up to row 2, column 3 of 'y', of shape"):
        Machine(code.program()).run({"memory_in": memory})
    code.tensors.clear()
    with pytest.raises(EmulationError, match="program.tensors does not hold 'y'"):
        Machine(code.program()).run({"memory_in": memory})


def test_weights_that_the_machine_would_refuse():
    code, _, _ = layer()
    program = code.program()
    changed = program.weights.copy()
    changed[-1] ^= 1
    with pytest.raises(EmulationError, match=r"weights.bin: the checksum of the weights does not hold") as caught:
        Machine(dataclasses.replace(program, weights=changed))
    assert caught.value.field == "weights"
    other = dataclasses.replace(program.architecture, bus_address_bits=41)
    with pytest.raises(EmulationError, match="it is for another architecture"):
        Machine(dataclasses.replace(program, architecture=other))
