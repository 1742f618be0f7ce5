"""Wrong programs with right checksums on the emitted Verilog: wrong results at most, and nothing else."""

from dataclasses import replace

import pytest

from sim.faults import BUILD, FLIPPED_NETWORK, network
from sim.wrong_fields import WrongRow, case_of, fate, main, measured, row, table, what_is_wrong
from sim.wrong_programs import Mutant
from tcugen.isa import Instruction, Opcode
from tcugen.program_format import open_program
from tcugen.registers import ErrorCode
from tcugen.simulator.faults import simulate_faults, window_areas
from tcugen.simulator.headers import STATUS_DONE
from tests.sim.test_fault_kinds import RIGHT, STOPPED


@pytest.mark.slow
def test_nothing_wrong_reaches_beyond_its_windows_or_its_run():
    rows = measured(BUILD, FLIPPED_NETWORK, 120, 2, 7)
    assert sum(one.programs for one in rows) == 120 and all(one.good for one in rows)
    assert {code for one in rows for code in one.codes} >= {"WINDOW", "CORE_HUNG"}
    assert sum(one.done for one in rows) > 5, "some do compute something else: it is what is looked at"


def changed(program, opcode: Opcode, **fields: int):
    at, one = next((at, one) for at, one in enumerate(program.instructions) if one.opcode == opcode)
    other = Instruction(opcode, one.fields | fields)
    return replace(program, instructions=(*program.instructions[:at], other, *program.instructions[at + 1 :]))


def test_a_program_takes_the_place_of_another():
    """Bits that differ are flipped: what then stands in memory is the other program, sealed."""
    program, image = network(FLIPPED_NETWORK, 1)
    for other, right, code in (
        (changed(program, Opcode.DRAIN, zero_point=5), False, ErrorCode.NONE),
        (changed(program, Opcode.STORE, offset=1 << 20), False, ErrorCode.WINDOW),
        (replace(program, instructions=(program.instructions[0], *program.instructions)), True, ErrorCode.NONE),
    ):
        case, area = case_of(program, other), window_areas(program)
        base = 8 * min(place.base for place in area.values())
        memory = bytearray(program.code.ljust(len(other.code), b"\0"))
        for bit in case.flips:
            memory[(bit - base) // 8] ^= 1 << bit % 8
        assert bytes(memory) == other.code and open_program(bytes(memory), other.weights.tobytes(), other.architecture)
        (outcome,) = simulate_faults(program, BUILD, image, [case], 100_000, 5_000).cases
        assert (outcome.right, outcome.code, outcome.right_afterwards) == (right, code, True)


def test_runs_are_told_apart():
    wrong = replace(RIGHT, right=False)
    outcomes = [
        RIGHT,
        wrong,
        STOPPED,
        replace(wrong, hung=True),
        replace(wrong, hung=True, stuck=True),
        replace(STOPPED, stray="outside"),
        replace(RIGHT, untouched=False),
        replace(STOPPED, right_afterwards=False),
    ]
    fates = ["right", "done", "stopped", "working", "stuck", "stray", "stray", "stopped"]
    assert list(map(fate, outcomes)) == fates
    found = row("a wait", outcomes)
    assert found == WrongRow("a wait", 8, 2, 1, 1, 1, 2, 1, 1, {"READ_RESPONSE": 2}) and not found.good
    assert table([found])[2] == "| a wait | 8 | 2 | 1 | 1 | 1 | 2 | 1 | 1 | READ_RESPONSE 2 |"
    assert row("a wait", [RIGHT, wrong, replace(wrong, hung=True)]).good
    assert RIGHT.status == STATUS_DONE


def test_a_row_is_named_by_the_instruction():
    program, _ = network(FLIPPED_NETWORK, 1)
    mutant = changed(program, Opcode.POOL, n_y=1)
    assert what_is_wrong(program, Mutant("a field", "", mutant)) == "a field of POOL"
    assert what_is_wrong(program, Mutant("a wait lowered", "", mutant)) == "a wait lowered"


def test_bad_arguments_are_one_message(capsys, tmp_path):
    assert main(["--runs", "0"]) == 2
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("error: ") == 2
