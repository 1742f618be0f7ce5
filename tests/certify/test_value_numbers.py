"""Numbers that stand for values: the same for the same values, and for no others."""

from dataclasses import replace

import numpy as np
import pytest

from sim.equivalence import why_equal
from sim.faults import FLIPPED_NETWORK
from sim.mutants import case_of
from sim.value_numbers import Unknown, mixed, output_numbers
from tcugen.arch import Architecture
from tcugen.isa import Instruction, Opcode, Window
from tcugen.network.layer_config import read_layer_config

MACHINE = Architecture(4, 4, 16, output_lanes=2)


@pytest.fixture(scope="module")
def small():
    _, program, images = case_of(read_layer_config(FLIPPED_NETWORK), MACHINE, 1)
    return program, images


def changed(program, index: int, **fields):
    """The program with other fields in one instruction."""
    one = program.instructions[index]
    other = Instruction(one.opcode, one.fields | fields)
    return replace(program, instructions=(*program.instructions[:index], other, *program.instructions[index + 1 :]))


def places(program, opcode: Opcode) -> list[int]:
    return [number for number, one in enumerate(program.instructions) if one.opcode == opcode]


def same(a, b) -> bool:
    first, second = output_numbers(a), output_numbers(b)
    return all(np.array_equal(first[name], second[name]) for name in first)


def test_numbers_differ_where_anything_does():
    values = np.arange(1000, dtype=np.uint64)
    numbers = np.concatenate([mixed(1, values), mixed(2, values), mixed(1, values, 0), mixed(1, values, 1)])
    assert len(np.unique(numbers)) == 4000
    assert np.array_equal(mixed(1, values), mixed(1, values))


def test_a_program_has_the_numbers_of_itself(small):
    program, _ = small
    assert same(program, program)
    assert all(len(np.unique(numbers)) == numbers.size for numbers in output_numbers(program).values())


@pytest.mark.parametrize("opcode, field, by", [
    (Opcode.LOAD, "offset", 8), (Opcode.LOAD, "activation", 4), (Opcode.POOL, "base", 4), (Opcode.POOL, "row_step", 4),
    (Opcode.DRAIN, "out_base", 4), (Opcode.COMPUTE, "base", 4), (Opcode.COMPUTE, "pad", 1),
])  # fmt: skip
def test_a_change_of_what_is_read_or_written_shows(small, opcode, field, by):
    program, _ = small
    at = places(program, opcode)[0]
    other = changed(program, at, **{field: program.instructions[at][field] + by})
    try:
        assert not same(program, other)
    except Unknown as reason:
        assert "wait" not in str(reason)


def test_bytes_that_nobody_needs_may_be_loaded(small):
    """The last LOAD brings the first bytes of the picture again, to where nothing is."""
    program, images = small
    at = places(program, Opcode.LOAD)[-1]
    one = program.instructions[at]
    end = MACHINE.activation_bytes - 64
    more = Instruction(Opcode.LOAD, one.fields | {"activation": end, "segment_bytes": 16, "segments": 1, "offset": 0})
    instructions = (*program.instructions[:-1], more, program.instructions[-1])
    assert same(program, replace(program, instructions=instructions))
    needed = changed(program, at, segment_bytes=one["segment_bytes"] - 16)
    assert not same(program, needed)
    assert why_equal(program, needed, images) is None


@pytest.mark.parametrize("opcode, field, old, value", [
    (Opcode.LOAD, "segment_bytes", 144, 208),  # more of the picture, which the next LOAD brings again
    (Opcode.POOL, "n_y", 1, 2),  # a row that a later POOL makes again
    (Opcode.STORE, "row_bytes", 4, 6),  # bytes beside the elements, which are written in this run
])  # fmt: skip
def test_more_than_is_needed_is_the_same_program(small, opcode, field, old, value):
    program, images = small
    at = next(number for number in places(program, opcode) if program.instructions[number][field] == old)
    assert why_equal(program, changed(program, at, **{field: value}), images) == "more than is needed"


def test_bytes_that_nothing_has_written_may_not_be_stored(small):
    program, _ = small
    at = places(program, Opcode.STORE)[-1]
    with pytest.raises(Unknown, match="nothing has written"):
        output_numbers(changed(program, at, activation=MACHINE.activation_bytes - 64))


def test_the_program_is_not_to_be_loaded(small):
    program, _ = small
    with pytest.raises(Unknown, match="LOAD of the program"):
        output_numbers(changed(program, places(program, Opcode.LOAD)[0], window=int(Window.PROGRAM)))


def test_what_waits_for_ever_has_no_numbers(small):
    program, _ = small
    with pytest.raises(Unknown, match="for ever"):
        output_numbers(changed(program, places(program, Opcode.DRAIN)[0], wait_pool=1000))
