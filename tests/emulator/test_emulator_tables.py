"""Tables on the emulator: what a program may not do with them."""

from dataclasses import replace

import pytest

from tcugen.compiler import compile_network
from tcugen.emulator import EmulationError, Machine
from tcugen.isa import Instruction, Opcode
from tcugen.program import Program
from tcugen.program_format import WEIGHTS_HEADER_BYTES
from tcugen.synthetic.integers import synthesise
from tests.compiler.table_networks import TABLES
from tests.emulator.handwritten import resealed
from tests.machines import machine


@pytest.fixture(scope="module")
def whole():
    model, inputs = synthesise(TABLES["behind_convolutions"], seed=1)
    program = compile_network(model, replace(machine("8x6"), tables=1))
    return program, {name: tensor[0] for name, tensor in inputs.items()}


def with_drains(program: Program, **fields: int) -> Program:
    """The program with other fields in each DRAIN."""
    changed = [
        Instruction(i.opcode, i.fields | fields) if i.opcode == Opcode.DRAIN else i for i in program.instructions
    ]
    return replace(program, instructions=tuple(changed))


def test_a_table_must_be_loaded_before_it_is_used(whole):
    program, inputs = whole
    weights = bytearray(program.weights.tobytes())
    size = program.architecture.table_groups * program.architecture.parameter_group_bytes
    weights[WEIGHTS_HEADER_BYTES : WEIGHTS_HEADER_BYTES + size] = bytes(size)
    program = resealed(program, bytes(weights))  # groups of a table that pass for parameters
    with pytest.raises(EmulationError, match="table: is set, but no instruction has loaded one"):
        Machine(with_drains(program, load_table=0)).run(inputs)


def test_a_machine_without_tables_takes_none(whole):
    program, inputs = whole
    plain = resealed(replace(program, architecture=machine("8x6")), program.weights.tobytes())
    with pytest.raises(EmulationError, match="n_tiles: is 0"):
        Machine(plain).run(inputs)


def test_sums_are_not_looked_up(whole):
    program, inputs = whole
    with pytest.raises(EmulationError, match="table: is set together with int32"):
        Machine(with_drains(program, table=1, int32=1)).run(inputs)
