"""Products on the emulator: what a program may not do with them."""

from dataclasses import replace

import pytest

from tcugen.compiler import compile_network
from tcugen.emulator import EmulationError, Machine
from tcugen.isa import Instruction, Opcode
from tcugen.program import Program
from tcugen.synthetic.integers import synthesise
from tests.compiler.product_networks import PRODUCTS
from tests.emulator.handwritten import resealed
from tests.machines import machine


@pytest.fixture(scope="module")
def whole():
    model, inputs = synthesise(PRODUCTS["single_pixels"], seed=1)
    program = compile_network(model, replace(machine("8x6"), multiply=1, per_channel=1))
    return program, {name: tensor[0] for name, tensor in inputs.items()}


def with_drains(program: Program, **fields: int) -> Program:
    """The program with other fields in each DRAIN."""
    changed = [
        Instruction(i.opcode, i.fields | fields) if i.opcode == Opcode.DRAIN else i for i in program.instructions
    ]
    return replace(program, instructions=tuple(changed))


@pytest.mark.parametrize("parameter", ["multiply", "per_channel"])
def test_a_machine_without_the_hardware_takes_none(whole, parameter):
    program, inputs = whole
    plain = replace(program, architecture=replace(program.architecture, **{parameter: 0}))
    plain = resealed(plain, program.weights.tobytes())
    with pytest.raises(EmulationError, match=f"{parameter}: is set, but the architecture has no {parameter}"):
        Machine(plain).run(inputs)


def test_a_product_needs_its_operand(whole):
    program, inputs = whole
    with pytest.raises(EmulationError, match="multiply: is set without residual, but it says how that operand is used"):
        Machine(with_drains(program, multiply=1, residual=0, per_channel=0)).run(inputs)


def test_sums_of_several_products_are_no_factors(whole):
    program, inputs = whole
    with pytest.raises(EmulationError, match="multiply: multiplies a sum of .*, but at most 255 may"):
        Machine(with_drains(program, multiply=1, residual=1)).run(inputs)
