"""Adds of an operand that is not rounded in programs, and machines without that hardware."""

from dataclasses import replace

import numpy as np
import pytest

from tcugen import golden
from tcugen.arch import FRACTION_BITS, Architecture, ArchitectureError
from tcugen.compiler import compile_network
from tcugen.compiler.numerics import check_unrounded
from tcugen.isa import Instruction, Opcode
from tcugen.mapping.errors import CompileError
from tcugen.mapping.tasks import tasks_of
from tcugen.model import limits
from tcugen.onnx.reference import run_reference, write_reference
from tcugen.program_format import WEIGHTS_HEADER_BYTES
from tcugen.sizing.search import size
from tcugen.synthetic.integers import synthesise
from tests.compiler.networks import NETWORKS, run_against_golden
from tests.compiler.product_networks import PRODUCTS
from tests.compiler.unrounded_networks import EQUIPPED, UNROUNDED
from tests.machines import ODD, machine


def unrounded_drains(program) -> list[Instruction]:
    return [i for i in program.instructions if i.opcode == Opcode.DRAIN and i["unrounded"]]


@pytest.mark.parametrize("array", ODD)
@pytest.mark.parametrize("name", UNROUNDED)
def test_emulator_equals_golden(name, array):
    program = run_against_golden(UNROUNDED[name], replace(machine(array), **EQUIPPED))
    drains = unrounded_drains(program)
    assert drains
    assert all((i["residual"], i["add_multiplier"], i["add_shift"]) == (1, 0, FRACTION_BITS) for i in drains)
    layers = {program.layers[i["layer"]].nodes for i in drains}
    assert layers == {task.nodes for task in tasks_of(UNROUNDED[name]) if task.unrounded}


@pytest.mark.parametrize("kib", [3, 6])
@pytest.mark.parametrize("name", UNROUNDED)
def test_emulator_equals_golden_in_stripes(name, kib):
    run_against_golden(UNROUNDED[name], replace(machine("8x6"), activation_kib=kib, **EQUIPPED))


@pytest.mark.parametrize("name", UNROUNDED)
def test_onnx_runtime_equals_golden_on_the_reference_model(name, tmp_path):
    model, inputs = synthesise(UNROUNDED[name], seed=11, images=3)
    write_reference(model, tmp_path / "reference.onnx", every_tensor=True)
    found, expected = run_reference(tmp_path / "reference.onnx", inputs), golden.run(model, inputs)
    assert found.keys() == expected.keys()
    for tensor, values in expected.items():
        assert found[tensor].dtype == values.dtype and np.array_equal(found[tensor], values), tensor
    assert {expected[tensor].dtype for tensor in model.network.unrounded} == {np.dtype(np.int64)}


def test_the_unrounded_operand_comes_from_the_array_and_takes_a_table_along():
    chains = {name: [task.nodes for task in tasks_of(net)] for name, net in UNROUNDED.items()}
    assert chains["blocks"] == [("a",), ("b", "s"), ("c", "d"), ("e", "f", "t"), ("y",)]
    single = {task.name: task for task in tasks_of(UNROUNDED["single_operand"])}
    # Of two that could be fused, the one that must not be rounded, though the other is further from the input.
    assert (single["s"].nodes, single["s"].residual, single["s"].unrounded) == (("g", "s"), "f", True)
    assert (single["o"].nodes, single["o"].residual, single["o"].per_channel) == (("c", "o"), "s", True)


def test_a_machine_without_the_hardware_refuses_by_name():
    model, _ = synthesise(UNROUNDED["blocks"], seed=1)
    message = "node 's': adds to sums that are not rounded, but the machine cannot; build a machine for this network"
    with pytest.raises(CompileError, match=message):
        compile_network(model, replace(machine("4x4"), **EQUIPPED | {"unrounded_add": 0}))


def test_only_networks_that_need_it_are_given_the_hardware():
    fixed = {"rows": 4, "columns": 4, "activation_kib": 16}
    sized = size(UNROUNDED["blocks"], fixed=fixed)
    assert sized.architecture.unrounded_add == 1
    assert sized.reasons["unrounded_add"] == "unrounded_add: 2 nodes need it, the first is s"
    for net in (NETWORKS["chain"], PRODUCTS["highway"]):
        without = size(net, fixed=fixed)
        assert without.architecture.unrounded_add == 0 and "unrounded_add" not in without.reasons


def test_what_is_absent_is_left_out_of_files():
    plain = machine("4x4")
    assert "unrounded_add" not in plain.to_dict()
    equipped = replace(plain, unrounded_add=1)
    assert Architecture.from_dict(equipped.to_dict()) == equipped
    assert equipped.fingerprint != plain.fingerprint
    with pytest.raises(ArchitectureError, match="unrounded_add is 2, but it must be 0 or 1"):
        replace(plain, unrounded_add=2)


def test_other_programs_are_as_on_machines_without_it():
    model, _ = synthesise(NETWORKS["chain"], seed=1)
    plain, equipped = (
        compile_network(model, replace(machine("8x6"), activation_kib=16, unrounded_add=option)) for option in (0, 1)
    )
    assert plain.instructions == equipped.instructions
    assert np.array_equal(plain.weights[WEIGHTS_HEADER_BYTES:], equipped.weights[WEIGHTS_HEADER_BYTES:])


def test_other_ratios_are_refused():
    assert limits.FRACTION_BITS == FRACTION_BITS
    check_unrounded("sum", 1, FRACTION_BITS)
    for multiplier, shift in ((2, FRACTION_BITS), (1, FRACTION_BITS + 1)):
        with pytest.raises(CompileError, match=f"node 'sum': its unrounded operand counts {multiplier} / 2"):
            check_unrounded("sum", multiplier, shift)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("zero_point", [-128, 127])
def test_where_the_hardware_saturates_the_result_does_too(sign, zero_point):
    """The other operand at its largest against it: from 2**32 on the sum cannot be told from a larger one."""
    other = -sign * 255 * limits.MAX_ADD_MULTIPLIER

    def result(value: int) -> int:
        rounded = (value + other + (1 << FRACTION_BITS - 1)) >> FRACTION_BITS  # no tie is near
        return min(max(rounded + zero_point, -128), 127)

    largest = sign * (1 << 31 + 8 + FRACTION_BITS)
    assert result(sign * (1 << 32)) == result(largest) == (127 if sign > 0 else -128)
    # The smallest power of two of which that holds.
    assert result(sign * (1 << 31)) != result(largest)
