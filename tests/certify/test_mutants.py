"""Programs that are wrong in one place are not certified; those that are certified are the same program."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.equivalence import meaning, why_equal
from sim.faults import FLIPPED_NETWORK
from sim.mutants import case_of, judged, main, mutated
from sim.mutants import files_of as files_of_program
from sim.tiles import used_rows
from sim.wrong_programs import KINDS, WAITS, Mutant, mutants
from tcugen.arch import Architecture
from tcugen.certify.checker import certify
from tcugen.certify.errors import NotCertified
from tcugen.isa import Instruction, Opcode
from tcugen.network.layer_config import read_layer_config
from tcugen.program_format import WEIGHTS_HEADER_BYTES, seal_weights

MACHINE = Architecture(4, 4, 16, output_lanes=2)
EVERYTHING = Path(__file__).parents[2] / "examples" / "everything.json"
EQUIPPED = Architecture(16, 8, 16, output_lanes=2, tables=1, multiply=1, per_channel=1, unrounded_add=1, depthwise=4)
CASES = {
    "reference": (FLIPPED_NETWORK, MACHINE, 240),
    "everything": (EVERYTHING, EQUIPPED, 240),
}
"""Network, machine and how many mutants."""


@pytest.fixture(scope="module")
def small():
    return case_of(read_layer_config(FLIPPED_NETWORK), MACHINE, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_no_mutant_is_missed(name):
    network, architecture, runs = CASES[name]
    model, program, images = case_of(read_layer_config(network), architecture, 2)
    rows, missed = judged(model, program, images, mutants(program, runs, 3))
    assert [(mutant.kind, mutant.what) for mutant in missed] == []
    assert sum(row.mutants for row in rows) == runs == sum(row.refused + row.same for row in rows)
    assert len(rows) == len(set(KINDS))
    by_kind = {row.kind: row for row in rows}
    for kind in ("a byte of weights", "weights swapped", "an instruction left out"):
        assert by_kind[kind].refused == by_kind[kind].mutants, kind


def test_every_wait_is_needed_or_shown_to_be_needless(small):
    model, program, images = small
    plan = [
        Mutant("a wait removed", f"{index} {name}", replace(program, instructions=_removed(program, index, name)))
        for index, one in enumerate(program.instructions)
        for name in WAITS
        if one[name]
    ]
    (row,), missed = judged(model, program, images, plan)
    assert missed == []
    assert row.mutants == len(plan) > 20 and row.refused > 5


def _removed(program, index: int, name: str) -> tuple[Instruction, ...]:
    one = program.instructions[index]
    without = Instruction(one.opcode, one.fields | {name: 0})
    return (*program.instructions[:index], without, *program.instructions[index + 1 :])


def test_any_byte_of_the_weights_matters(small):
    model, program, _ = small
    files = files_of_program(program)
    for at in range(WEIGHTS_HEADER_BYTES, len(program.weights), 7):
        image = program.weights.copy()
        image[at] ^= np.uint8(1 << at % 8)
        weights = np.frombuffer(seal_weights(image.tobytes(), MACHINE), np.uint8)
        with pytest.raises(NotCertified):
            certify(model, MACHINE, replace(files, weights=weights))


@pytest.mark.parametrize("opcode, field, value, message", [
    (Opcode.LOAD, "activation", 1, "must be a multiple of 4"),
    (Opcode.STORE, "row_bytes", 1, "bytes are not its elements"),
    (Opcode.COMPUTE, "pad", 5, "padding is not the zero point"),
    (Opcode.COMPUTE, "keep", 1, "the weights of tap 0 are not those of the layer"),
    (Opcode.DRAIN, "clamp_high", 99, "clamp_high is 99, and must be 127"),
    (Opcode.DRAIN, "wait_pool", 9, "wait for each other for ever"),
    (Opcode.POOL, "n_ky", 2, "takes other than the taps of 'maxpool' that the picture has"),
    (Opcode.POOL, "n_ky", 4, r"n_ky \* n_kx is 12, and a window has 9 taps"),
    (Opcode.POOL, "wait_drain", 0, "reads what work . of DRAIN writes, and no wait orders"),
    (Opcode.WEIGHT, "offset", 128, "when those up to 64 have been read"),
])  # fmt: skip
def test_the_message_says_where_and_why(small, opcode, field, value, message):
    model, program, _ = small
    index = max if opcode == Opcode.STORE else min
    at = index(number for number, one in enumerate(program.instructions) if one.opcode == opcode)
    one = program.instructions[at]
    changed = Instruction(opcode, one.fields | {field: value})
    other = replace(program, instructions=(*program.instructions[:at], changed, *program.instructions[at + 1 :]))
    with pytest.raises(NotCertified, match=message) as raised:
        certify(model, MACHINE, mutated(files_of_program(program), other))
    # What a COMPUTE does wrong shows where its sums are drained, what a STORE leaves out at the end.
    if opcode not in (Opcode.COMPUTE, Opcode.STORE) and "for ever" not in message:
        assert str(raised.value).startswith(f"instruction {at} ({opcode.name}, layer {one['layer']}): ")


def test_what_a_field_decides_is_read_from_the_instruction_set(small):
    _, program, images = small
    once = next(one for one in program.instructions if one.opcode == Opcode.COMPUTE and one["n_groups"] == 1)
    same = Instruction(once.opcode, once.fields | {"group_step": once["group_step"] + 4, "layer": once["layer"] + 1})
    assert meaning(once, MACHINE) == meaning(same, MACHINE)
    for name in ("base", "y_step", "n_x", "finish", "iy0"):
        other = Instruction(once.opcode, once.fields | {name: once[name] ^ 1})
        assert meaning(once, MACHINE) != meaning(other, MACHINE), name
    assert why_equal(program, program, images) == "a field that decides nothing"


def test_depthwise_convolutions_have_a_meaning_of_their_own():
    _, program, images = case_of(read_layer_config(EVERYTHING), EQUIPPED, 1)
    at, one = next((at, one) for at, one in enumerate(program.instructions) if one.fields.get("depthwise"))
    idle = Instruction(one.opcode, one.fields | {"layer": one["layer"] + 1})
    assert meaning(one, EQUIPPED) == meaning(idle, EQUIPPED)
    for name, value in (("weights", 16), ("pad", 1), ("zero_point", 1), ("step_x", 1), ("depthwise", 1), ("iy0", 2)):
        other = Instruction(one.opcode, one.fields | {name: one[name] ^ value})
        assert meaning(one, EQUIPPED) != meaning(other, EQUIPPED), name
        changed = (*program.instructions[:at], other, *program.instructions[at + 1 :])
        assert why_equal(program, replace(program, instructions=changed), images) is None, name


def test_what_meets_no_weight_may_be_anything():
    """A concat takes some channels of a word: a row may as well end before the last ones, which have no weight."""
    _, program, images = case_of(read_layer_config(EVERYTHING), EQUIPPED, 1)
    computes = [one for one in program.instructions if one.opcode == Opcode.COMPUTE]
    one, in_use = next(
        (one, (used.sum(axis=(0, 1)) > 0))
        for one, used in zip(computes, used_rows(program), strict=True)
        if one["n_y"] > 1 and one["x_step"] % EQUIPPED.rows == 0 and not used[..., -1].any()
    )
    at = program.instructions.index(one)
    unused = int(np.argmax(np.flip(in_use)))
    for shorter, reason in ((unused, "more than is needed"), (unused + 1, None)):
        other = Instruction(one.opcode, one.fields | {"row_bytes": one["row_bytes"] - shorter})
        changed = (*program.instructions[:at], other, *program.instructions[at + 1 :])
        assert why_equal(program, replace(program, instructions=changed), images) == reason, shorter


def test_the_command_refuses_a_folder_without_a_build(capsys, tmp_path):
    assert main([str(tmp_path), "--runs", "12"]) == 2
    assert main(["--runs", "0"]) == 2
    assert "must be at least 1" in capsys.readouterr().err


def test_the_command_prints_a_table_and_writes_it(capsys, tmp_path):
    assert main(["--runs", "12", "--json", str(tmp_path / "table.json")]) == 0
    assert "| changed | mutants | refused | the same program | missed |" in capsys.readouterr().out
    assert '"missed": 0' in (tmp_path / "table.json").read_text()
