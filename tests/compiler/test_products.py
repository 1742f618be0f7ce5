"""Products and operands of one value per channel in programs, and machines without that hardware."""

from dataclasses import replace

import pytest

from tcugen.arch import Architecture, ArchitectureError
from tcugen.compiler import compile_network
from tcugen.isa import Opcode
from tcugen.mapping.errors import CompileError
from tcugen.mapping.tasks import tasks_of
from tcugen.sizing.search import size
from tcugen.synthetic.integers import synthesise
from tests.compiler.networks import NETWORKS, run_against_golden
from tests.compiler.product_networks import PRODUCTS
from tests.machines import ODD, machine

EQUIPPED = {"tables": 1, "multiply": 1, "per_channel": 1}


@pytest.mark.parametrize("array", ODD)
@pytest.mark.parametrize("name", PRODUCTS)
def test_emulator_equals_golden(name, array):
    program = run_against_golden(PRODUCTS[name], replace(machine(array), **EQUIPPED))
    drains = [i for i in program.instructions if i.opcode == Opcode.DRAIN]
    assert any(i["multiply"] for i in drains)
    assert all(i["residual"] for i in drains if i["multiply"] or i["per_channel"])


@pytest.mark.parametrize("kib", [2, 3])
@pytest.mark.parametrize("name", PRODUCTS)
def test_emulator_equals_golden_in_stripes(name, kib):
    run_against_golden(PRODUCTS[name], replace(machine("8x6"), activation_kib=kib, **EQUIPPED))


def test_a_product_is_a_task_of_its_own_and_takes_its_table_along():
    chains = {name: [task.nodes for task in tasks_of(net)] for name, net in PRODUCTS.items()}
    assert chains["highway"] == [("h",), ("g", "t"), ("a",), ("s",), ("d",), ("e", "y")]
    assert chains["squeeze_excite"][-3:] == [("b",), ("c", "o"), ("w", "x")]


def test_what_has_all_pixels_comes_from_the_array():
    tasks = {task.name: task for task in tasks_of(PRODUCTS["squeeze_excite"])}
    assert (tasks["m"].input, tasks["m"].residual, tasks["m"].per_channel) == ("a", "s", True)
    # The add is not fused into what makes its operand of one value per channel.
    single = {task.name: task for task in tasks_of(PRODUCTS["single_pixels"])}
    assert (single["s"].nodes, single["s"].input, single["s"].residual) == (("c", "s"), "m", "a")
    assert (single["o"].input, single["o"].residual) == ("p", "m")


@pytest.mark.parametrize(
    "absent, message",
    [
        ("multiply", "node 'm': is a product of two tensors, but the machine cannot multiply them; build a machine"),
        ("per_channel", "node 'm': reads 's' as one value per channel, but the machine cannot; build a machine"),
    ],
)
def test_a_machine_without_the_hardware_refuses_by_name(absent, message):
    model, _ = synthesise(PRODUCTS["squeeze_excite"], seed=1)
    with pytest.raises(CompileError, match=message):
        compile_network(model, replace(machine("4x4"), **EQUIPPED | {absent: 0}))


def test_only_networks_that_need_it_are_given_the_hardware():
    fixed = {"rows": 4, "columns": 4, "activation_kib": 16}
    sized = size(PRODUCTS["squeeze_excite"], fixed=fixed)
    assert (sized.architecture.multiply, sized.architecture.per_channel) == (1, 1)
    assert sized.reasons["multiply"] == "multiply: 2 nodes need it, the first is m"
    assert sized.reasons["per_channel"] == "per_channel: 3 nodes need it, the first is m"
    highway = size(PRODUCTS["highway"], fixed=fixed).architecture
    assert (highway.multiply, highway.per_channel) == (1, 0)
    without = size(NETWORKS["chain"], fixed=fixed)
    assert not {"multiply", "per_channel"} & without.reasons.keys()


@pytest.mark.parametrize("parameter", ["multiply", "per_channel"])
def test_what_is_absent_is_left_out_of_files(parameter):
    plain = machine("4x4")
    assert parameter not in plain.to_dict()
    equipped = replace(plain, **{parameter: 1})
    assert Architecture.from_dict(equipped.to_dict()) == equipped
    assert equipped.fingerprint != plain.fingerprint
    with pytest.raises(ArchitectureError, match=f"{parameter} is 2, but it must be 0 or 1"):
        replace(plain, **{parameter: 2})
