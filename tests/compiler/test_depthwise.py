"""Depthwise convolutions in the pool unit: programs, and machines without that hardware."""

from dataclasses import replace

import numpy as np
import pytest

from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.compiler.check import check_program
from tcugen.isa import Instruction, Opcode, Unit, Window
from tcugen.mapping.errors import CompileError
from tcugen.mapping.plan import plan_network
from tcugen.mapping.tasks import tasks_of
from tcugen.network.graph import Network
from tcugen.program import Program
from tcugen.program_format import streamed_bytes
from tcugen.synthetic.integers import synthesise
from tests.compiler.depthwise_networks import DEPTHWISE, PASSED, depthwise, equipped
from tests.compiler.networks import conv, network, run_against_golden
from tests.machines import machine

TAKEN = {
    "inverted": ["d"],
    "separable": ["a", "c"],
    "kernels": list("abcdef"),
    "mixed": ["h"],
    "column": ["a", "b", "d"],
}


def fitted(array: str, **more: int) -> Architecture:
    plain = machine(array)
    return replace(plain, tables=1, **equipped(plain), **more)


def pools(program: Program) -> list[Instruction]:
    return [i for i in program.instructions if i.opcode == Opcode.POOL and i["depthwise"]]


@pytest.mark.parametrize("array", ["4x4", "8x6", "16x8", "32x8"])
@pytest.mark.parametrize("name", DEPTHWISE)
def test_emulator_equals_golden(name, array):
    program = run_against_golden(DEPTHWISE[name], fitted(array))
    made = {program.layers[i["layer"]].tensor for i in pools(program)}
    assert made == set(TAKEN[name])


@pytest.mark.parametrize("kib", [3, 32])
@pytest.mark.parametrize("name", DEPTHWISE)
def test_emulator_equals_golden_in_stripes_and_on_chip(name, kib):
    program = run_against_golden(DEPTHWISE[name], fitted("8x6", activation_kib=kib))
    spills = any(i["window"] == Window.SCRATCH for i in program.instructions if i.opcode == Opcode.STORE)
    assert spills == (kib == 3 and name != "column")


@pytest.mark.parametrize("name", DEPTHWISE)
def test_a_machine_without_the_hardware_leaves_them_to_the_array(name):
    program = run_against_golden(DEPTHWISE[name], replace(machine("8x6"), tables=1))
    assert not pools(program)
    assert streamed_bytes(program.weights.tobytes(), program.architecture) == program.weights.size


@pytest.mark.parametrize("name", DEPTHWISE)
def test_the_pool_unit_takes_what_suits_it(name):
    beside = [task.name for task in tasks_of(DEPTHWISE[name], depthwise=True) if type(task).__name__ == "DepthwiseTask"]
    assert beside == TAKEN[name]
    assert [task.name for task in tasks_of(DEPTHWISE[name], depthwise=True)] == [
        task.name for task in tasks_of(DEPTHWISE[name])
    ]


def test_32_bit_sums_are_stored_by_the_array():
    net = network("sums", (8, 5, 5), depthwise("d", "image", 8))
    assert not pools(run_against_golden(net, fitted("8x6"), int32_output=True))


WIDE = network("wide", (8, 9, 8), conv("e", "image", 48), depthwise("d", "e", 48, padding=(1, 1, 1, 1)),
               conv("p", "d", 8))  # fmt: skip


def compiled(net: Network, architecture: Architecture) -> Program:
    return compile_network(synthesise(net, seed=2)[0], architecture)


def test_each_channel_group_follows_its_tile():
    architecture = Architecture(rows=8, columns=8, activation_kib=32, output_lanes=2, depthwise=2)
    program = compiled(WIDE, architecture)
    (drain,) = [i for i in program.instructions if i.opcode == Opcode.DRAIN and i["layer"] == 0]
    waits = [i["wait_drain"] for i in pools(program)]
    assert drain["n_columns"] == 6
    # Row pieces of the first group and of the last, whose tiles are there before the others of the layer are.
    assert [i["n_groups"] for i in pools(program)] == [1] * 12
    assert [i["n_y"] for i in pools(program)] == [2, 2, 2, 3, 9, 9, 9, 9, 2, 2, 2, 3]
    assert waits == [1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 6, 6]


def test_weights_are_loaded_before_what_makes_the_input():
    program = compiled(WIDE, Architecture(rows=8, columns=8, activation_kib=32, output_lanes=2, depthwise=2))
    loads = [n for n, i in enumerate(program.instructions) if i.opcode == Opcode.LOAD and i["window"] == Window.WEIGHTS]
    first = next(n for n, i in enumerate(program.instructions) if i.opcode == Opcode.COMPUTE)
    assert len(loads) == 1 and loads[0] < first
    load = program.instructions[loads[0]]
    assert load["offset"] == streamed_bytes(program.weights.tobytes(), program.architecture)
    assert load["segment_bytes"] == 6 * (9 + 8) * 8
    assert {i["weights"] - load["activation"] for i in pools(program)} == {k * (9 + 8) * 8 for k in range(6)}


def changed(program: Program, which: int, **fields: int) -> Program:
    """The program with fields of its depthwise POOL number `which` changed."""
    numbers = [n for n, i in enumerate(program.instructions) if i.opcode == Opcode.POOL and i["depthwise"]]
    instructions = list(program.instructions)
    one = instructions[numbers[which]]
    instructions[numbers[which]] = replace(one, fields=one.fields | fields)
    return replace(program, instructions=tuple(instructions))


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"wait_load": 0}, "reads what work 1 of LOAD writes, but waits for 0 only"),
        ({"wait_drain": 0}, "reads what work 1 of DRAIN writes, but waits for 0 only"),
        ({"weights": 8 * 4096 - 8}, "touches byte 32888 of an activation memory of 32768"),
        ({"weights": 4}, "weights 4 is not a multiple of 8"),
        ({"n_kx": 2}, "walks over other columns"),
        ({"n_ky": 8}, "n_ky 8 exceeds 7"),
        ({"n_x": 2}, "n_x 2 is not 3 and a multiple of step_x"),
        ({"step_x": 0}, "step_x is 0"),
        ({"step_x": 2, "n_x": 10}, "n_x 10 is not 3 and a multiple of step_x"),
    ],
)
def test_wrong_fields_are_found(fields, message):
    architecture = Architecture(rows=8, columns=8, activation_kib=32, output_lanes=2, depthwise=2)
    program = compiled(WIDE, architecture)
    check_program(program)
    with pytest.raises(CompileError, match=message):
        check_program(changed(program, 0, **fields))


def test_results_over_weights_of_its_own_are_found():
    architecture = Architecture(rows=8, columns=8, activation_kib=32, output_lanes=2, depthwise=2)
    program = compiled(WIDE, architecture)
    with pytest.raises(CompileError, match="writes over weights, which it may read after that"):
        check_program(changed(program, 0, out_base=pools(program)[0]["weights"]))


def test_weights_that_are_not_loaded_whole_are_found():
    architecture = Architecture(rows=8, columns=8, activation_kib=32, output_lanes=2, depthwise=2)
    program = compiled(WIDE, architecture)
    late = next(
        n for n, i in enumerate(program.instructions) if i.opcode == Opcode.LOAD and i["window"] == Window.WEIGHTS
    )
    load = program.instructions[late]
    shorter = replace(load, fields=load.fields | {"segment_bytes": load["segment_bytes"] - 8})
    instructions = (*program.instructions[:late], shorter, *program.instructions[late + 1 :])
    with pytest.raises(CompileError, match="8 bytes of weights are not read"):
        check_program(replace(program, instructions=instructions))


def test_programs_of_one_shape_have_one_size_whatever_their_integers():
    net = network("same", (8, 6, 6), depthwise("a", "image", 8, padding=(1, 1, 1, 1)),
                  depthwise("b", "a", 8, padding=(1, 1, 1, 1)))  # fmt: skip
    architecture = Architecture(rows=8, columns=8, activation_kib=32, output_lanes=2, depthwise=2)
    sizes = {len(compile_network(synthesise(net, seed=seed)[0], architecture).code) for seed in range(4)}
    assert len(sizes) == 1


def test_waits_name_the_load():
    program = compiled(WIDE, Architecture(rows=8, columns=8, activation_kib=32, output_lanes=2, depthwise=2))
    assert all(i[f"wait_{Unit.LOAD.name.lower()}"] >= 1 for i in pools(program))
    assert np.all([i["pad"] == pools(program)[0]["pad"] for i in pools(program)])


def test_a_tensor_that_does_not_fit_is_passed_channel_tile_by_channel_tile():
    architecture = replace(machine("4x4"), activation_kib=6, depthwise=1)
    plan = plan_network(PASSED, architecture)
    assert plan.allocation.passed == {"e"} and not plan.spilled and not plan.allocation.is_resident("e")
    program = run_against_golden(PASSED, architecture)
    assert not any(i.opcode == Opcode.STORE and i["layer"] < 2 for i in program.instructions)
    drains = [i for i in program.instructions if i.opcode == Opcode.DRAIN and i["layer"] == 0]
    # Two buffers of one plane each, in turns; a plane is drained when the one before the last has been read.
    assert len(drains) == 16 and len({i["out_base"] for i in drains}) == 2
    assert [i["wait_pool"] for i in drains] == [0, 0, *range(4, 4 * 15, 4)]


@pytest.mark.parametrize("kib", [4, 24])
def test_it_is_not_where_buffers_take_too_much_or_it_fits(kib):
    plan = plan_network(PASSED, replace(machine("4x4"), activation_kib=kib, depthwise=1))
    assert not plan.allocation.passed
    assert ("e" in plan.spilled) == (kib == 4)


def test_an_output_of_the_network_is_not_passed():
    net = replace(PASSED, named_outputs=("e", "p"))
    architecture = replace(machine("4x4"), activation_kib=6, depthwise=1)
    assert not plan_network(net, architecture).allocation.passed
    run_against_golden(net, architecture)
