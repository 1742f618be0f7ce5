"""`tcugen check`: the build's own program is safe; one with a flaw is refused with the rule it breaks."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tcugen.isa import Instruction, Opcode
from tcugen.program import Program

REFERENCE = Path(__file__).parents[2] / "rtl_out" / "reference"


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(REFERENCE / "program", tmp_path / "program"))


def refused(tcugen, folder: Path) -> str:
    result = tcugen("check", str(folder), "--rtl", str(REFERENCE))
    assert result.exit_code == 2 and not result.stdout, result.output
    return " ".join(result.stderr.split())


def test_the_program_of_a_build_is_safe(tcugen, folder):
    result = tcugen("check", str(folder), "--rtl", str(REFERENCE))
    assert result.exit_code == 0, result.output
    assert "safe on the machine in" in result.stdout and "37 instructions" in result.stdout


@pytest.mark.parametrize(
    "name, at, message",
    [
        ("program.bin", 0, "program.bin: not a file of this format (FORMAT)"),
        ("program.bin", 100, "a checksum of the program does not hold (PROGRAM_CHECKSUM): in the block at byte 0"),
        ("weights.bin", 8, "weights.bin: it is of another instruction set (INSTRUCTION_SET)"),
        ("weights.bin", 100, "weights.bin: the checksum of the weights does not hold (WEIGHTS_CHECKSUM)"),
    ],
)
def test_a_changed_byte_is_refused(tcugen, folder, name, at, message):
    content = bytearray((folder / name).read_bytes())
    content[at] ^= 1
    (folder / name).write_bytes(content)
    assert message in refused(tcugen, folder)


@pytest.mark.parametrize(
    "opcode, field, value, rule",
    [
        (Opcode.LOAD, "window", 1, "uses window 1"),
        (Opcode.STORE, "offset", 1 << 20, "of a window of"),
        (Opcode.COMPUTE, "wait_store", 9999, "waits for work 9999 of STORE, which comes later"),
        (Opcode.COMPUTE, "n_ky", 0, "n_ky is 0, but loops run at least once"),
    ],
)
def test_a_program_that_breaks_a_rule_is_refused_though_its_checksums_hold(tcugen, folder, opcode, field, value, rule):
    program = Program.read(folder)
    index = next(at for at, i in enumerate(program.instructions) if i.opcode == opcode)
    instructions = list(program.instructions)
    instructions[index] = Instruction(opcode, instructions[index].fields | {field: value})
    replace(program, instructions=tuple(instructions)).write(folder)
    message = refused(tcugen, folder)
    assert rule in message and "it is not safe on this machine" in message and "fault of the compiler" not in message


def test_what_is_no_program_is_refused(tcugen, folder, tmp_path):
    assert "has no program.bin" in refused(tcugen, tmp_path)
    manifest = json.loads((folder / "program.json").read_text())
    (folder / "program.json").write_text(
        json.dumps(manifest | {"architecture": manifest["architecture"] | {"rows": 8}})
    )
    assert "it is for another architecture (ARCHITECTURE)" in refused(tcugen, folder)
    (folder / "program.json").write_text("{}")
    assert "holds no program" in refused(tcugen, folder)
    (folder / "program.json").write_text("{")
    assert "is no JSON" in refused(tcugen, folder)
