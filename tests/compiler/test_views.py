"""Concats and slices that need no copy: every tensor equal to golden, and the program proved."""

from dataclasses import replace

import pytest

from tcugen.arch import Architecture
from tcugen.certify.checker import certify
from tcugen.certify.errors import NotCertified
from tcugen.isa import WRITABLE_WINDOWS, Instruction, Opcode
from tcugen.program import Program, Shared
from tcugen.synthetic.integers import synthesise
from tests.certify.programs import files_of
from tests.compiler.networks import run_against_golden
from tests.compiler.view_networks import VIEWS
from tests.machines import machine

ROOMY = 64


def run(name: str, machine_name: str, kib: int) -> tuple[Program, Architecture]:
    """Against golden, and certified."""
    architecture = replace(machine(machine_name), activation_kib=kib)
    program = run_against_golden(VIEWS[name], architecture)
    certify(synthesise(VIEWS[name], seed=3)[0], architecture, files_of(program, architecture))
    return program, architecture


def computes(program: Program, layer: str) -> int:
    """Instructions of the array of the layer that makes a tensor."""
    number = next(number for number, one in enumerate(program.layers) if one.tensor == layer)
    return sum(one.opcode == Opcode.COMPUTE and one["layer"] == number for one in program.instructions)


@pytest.mark.parametrize("machine_name", ["4x4", "16x8", "4x16", "32x8", "8x6", "16x24"])
@pytest.mark.parametrize("name", VIEWS)
def test_every_tensor_is_goldens(name, machine_name):
    run(name, machine_name, ROOMY)


@pytest.mark.parametrize("kib", [4, 3])
@pytest.mark.parametrize("name", ["dense", "all_before", "partial_block", "odd", "outputs_shared", "two_places"])
def test_storage_that_does_not_fit_goes_to_memory_or_is_not_shared(name, kib):
    program, _ = run(name, "4x4", kib)
    windows = {one["window"] for one in program.instructions if one.opcode == Opcode.LOAD}
    assert windows & set(WRITABLE_WINDOWS)


@pytest.mark.parametrize("name, free, copied", [
    ("producers", "c", ""), ("dense", "c1 c2 c3", ""), ("all_before", "c1 c2 c3", ""), ("partial_block", "s d f h", ""),
    ("copied_in_part", "", "c d"), ("odd", "c t", "d e s"), ("twice", "s", "c d e"), ("outputs_shared", "c s", ""),
    ("two_places", "c d", "e"), ("averages", "c", ""),
])  # fmt: skip
def test_no_pass_where_values_stand_already(name, free, copied):
    program, _ = run(name, "4x4", ROOMY)
    assert [computes(program, tensor) for tensor in free.split()] == [0] * len(free.split())
    assert all(computes(program, tensor) for tensor in copied.split())


def test_operands_of_another_scale_are_copied_beside_those_that_stand():
    program, _ = run("copied_in_part", "4x4", ROOMY)
    assert program.shared == (Shared("c", 0, 96, "a", 0), Shared("c", 128, 96, "b", 0), Shared("d", 0, 96, "b", 0))


def test_a_spilled_storage_is_one_in_memory():
    program, _ = run("dense", "4x4", 6)
    sizes = {name: layout.bytes for name, layout in program.tensors.items()}
    assert {one.tensor for one in program.shared} == {"c1", "c2", "c3"}
    assert program.scratch_bytes == sizes["c3"] == sizes["c2"] + sizes["x3"]


def test_the_file_says_what_is_shared(tmp_path):
    program, _ = run("partial_block", "4x4", ROOMY)
    program.write(tmp_path)
    assert Program.read(tmp_path).shared == program.shared
    assert Shared("f", 128, 128, "e", 0) in program.shared and Shared("s", 0, 64, "a", 64) in program.shared


@pytest.mark.parametrize("change, message", [
    ({"channels": 999}, "cannot share 999 channels"), ({"source": "nobody"}, "no tensor 'nobody'"),
    ({"first": -1}, "must be a whole number"), ({"source": "g"}, "cannot share"),
])  # fmt: skip
def test_a_file_that_shares_what_is_not_there_is_refused(tmp_path, change, message):
    program, _ = run("partial_block", "4x4", ROOMY)
    replace(program, shared=(replace(program.shared[0], **change),)).write(tmp_path)
    with pytest.raises(ValueError, match=message):
        Program.read(tmp_path)


@pytest.mark.parametrize("field, step", [("out_base", 1), ("out_plane_step", 1), ("out_base", -1)])
@pytest.mark.parametrize("tensor", ["x1", "x3"])
def test_an_operand_beside_its_place_is_not_certified(tensor, field, step):
    program, architecture = run("dense", "4x4", ROOMY)
    plane = program.tensors[tensor].plane_bytes
    instructions = list(program.instructions)
    layer = next(number for number, one in enumerate(program.layers) if one.tensor == tensor)
    for index, one in enumerate(instructions):
        if one.opcode == Opcode.DRAIN and one["layer"] == layer:
            instructions[index] = Instruction(one.opcode, one.fields | {field: one[field] + step * plane})
    wrong = files_of(replace(program, instructions=tuple(instructions)), architecture)
    with pytest.raises(NotCertified):
        certify(synthesise(VIEWS["dense"], seed=3)[0], architecture, wrong)
