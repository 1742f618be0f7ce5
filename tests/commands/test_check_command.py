"""`tcugen check`: the build's own program is safe; one with a flaw is refused with the rule it breaks."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tcugen.isa import Instruction, Opcode
from tcugen.model.store import save
from tcugen.network.layer_config import read_layer_config
from tcugen.program import Program
from tcugen.synthetic.placeholder import placeholder

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


@pytest.mark.parametrize("field, size", [("output_bytes", 1 << 47), ("scratch_bytes", 1 << 30)])
def test_a_window_that_nobody_has_memory_for_is_refused(tcugen, folder, field, size):
    (folder / "program.json").write_text(nonsense(**{field: size}))
    assert f"{size:,}" in (message := refused(tcugen, folder)) and "at most 536,870,912" in message


@pytest.mark.parametrize("opcode, fields, reached", [
    (Opcode.POOL, {"n_groups": 4095, "n_y": 4095, "n_x": 4095}, 4095**3 * 4),
    (Opcode.POOL, {"n_groups": 4095, "n_ky": 255, "n_kx": 255, "height": 65535, "width": 65535}, 4095 * 261**2 * 4),
    (Opcode.DRAIN, {"n_columns": 4095, "n_y": 4095, "block_rows": 1}, 0),
    (Opcode.LOAD, {"segments": 4095, "segment_bytes": 1 << 20}, 4095 << 20),
    (Opcode.COMPUTE, {"n_groups": 4095, "n_ky": 255, "height": 65535, "row_bytes": 1 << 20}, 0),
])  # fmt: skip
def test_loops_larger_than_memory_are_refused_before_they_are_walked(tcugen, folder, opcode, fields, reached):
    program = Program.read(folder)
    at, one = next((at, one) for at, one in enumerate(program.instructions) if one.opcode == opcode)
    changed = Instruction(opcode, one.fields | fields)
    replace(program, instructions=(*program.instructions[:at], changed, *program.instructions[at + 1 :])).write(folder)
    message = refused(tcugen, folder)
    assert f"instruction {at} ({opcode.name}" in message and "of a memory that has 16,384" in message
    assert not reached or f"reaches {reached:,} bytes" in message


def nonsense(**changes: object) -> str:
    """The manifest with other values."""
    return json.dumps(json.loads((REFERENCE / "program" / "program.json").read_text()) | changes)


def ports(**changes: Any) -> str:
    """The manifest with other values of its output; those of its layout by name."""
    manifest = json.loads((REFERENCE / "program" / "program.json").read_text())
    (output,) = manifest["outputs"]
    return nonsense(outputs=[output | changes | {"layout": output["layout"] | changes.get("layout", {})}])


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("program.json", "[" * 200_000, "program.json is nested too deeply"),
        ("program.json", nonsense(tensors={}), "program.json has no tensor"),
        ("program.json", nonsense(scratch_bytes=float("inf")), "scratch_bytes is inf, but must be a whole number"),
        ("program.json", nonsense(output_bytes=-1), "output_bytes is -1, but must be a whole number"),
        (
            "program.json",
            nonsense(observations=[{"instruction": 3, "tensor": "avgpool", "channel0": "x"}]),
            "an observation's channel0 is 'x', but must be a whole number",
        ),
        ("program.json", ports(offset=float("nan")), "a port's offset is nan, but must be a whole number"),
        ("program.json", ports(layout={"word": {}}), "a layout's word is {}, but must be a whole number from 1"),
        ("program.json", ports(layout={"word": 0}), "a layout's word is 0, but must be a whole number from 1"),
        ("program.json", ports(layout={"int32": 2}), "a layout's int32 is 2, but must be true or false"),
        ("program.json", nonsense(mac_count="9" * 100_000), "mac_count is '9999999999"),
        ("certificate.json", "[" * 200_000, "certificate.json is no certificate"),
        (
            "certificate.json",
            (REFERENCE / "program" / "certificate.json").read_text().replace('"counts": {', '"counts": [1], "more": {'),
            "certificate.json is no certificate",
        ),
    ],
    ids=range(12),
)
def test_what_is_no_manifest_is_refused(tcugen, folder, name, text, message):
    (folder / name).write_text(text)
    said = refused(tcugen, folder)
    assert message in said and len(said) < 1000


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


@pytest.fixture
def beside(tmp_path):
    """The build's program with what says which network it is."""
    for name in ("build.json", "layer-config.json"):
        shutil.copy(REFERENCE / name, tmp_path / name)
    return Path(shutil.copytree(REFERENCE / "program", tmp_path / "program"))


def changed_multiplier(folder: Path) -> None:
    """A safe program that computes something else: no access depends on a clamp."""
    program = Program.read(folder)
    index = next(at for at, i in enumerate(program.instructions) if i.opcode == Opcode.DRAIN)
    one = program.instructions[index]
    other = Instruction(one.opcode, one.fields | {"clamp_high": 99})
    instructions = (*program.instructions[:index], other, *program.instructions[index + 1 :])
    replace(program, instructions=instructions).write(folder)


def test_what_a_program_computes_is_proved_where_its_network_is_known(tcugen, beside):
    result = tcugen("check", str(beside), "--rtl", str(REFERENCE))
    assert result.exit_code == 0, result.output
    assert "computes reference for every image, as proved just now; certificate.json agrees" in result.stdout
    (beside / "certificate.json").unlink()
    result = tcugen("check", str(beside), "--rtl", str(REFERENCE))
    assert "as proved just now; there is no certificate.json" in result.stdout


def test_a_safe_program_that_computes_something_else_is_refused(tcugen, beside):
    changed_multiplier(beside)
    assert "not certified: instruction" in (message := refused(tcugen, beside))
    assert "clamp_high is 99, and must be 127" in message


def test_without_the_network_the_certificate_is_held_against_the_files(tcugen, folder):
    result = tcugen("check", str(folder), "--rtl", str(REFERENCE))
    assert "certificate.json is of these files" in result.stdout
    changed_multiplier(folder)
    assert "certificate.json is of other files than these (program)" in refused(tcugen, folder)
    (folder / "certificate.json").unlink()
    result = tcugen("check", str(folder), "--rtl", str(REFERENCE))
    assert result.exit_code == 0 and "what it computes is not known" in result.stdout


@pytest.mark.parametrize("text, message", [
    ("{", "is no certificate"), ("[]", "is no certificate"), ('{"format": 1}', "is no certificate"),
])  # fmt: skip
def test_a_damaged_certificate_is_refused(tcugen, folder, text, message):
    (folder / "certificate.json").write_text(text)
    assert message in refused(tcugen, folder)


def test_a_model_is_named_where_it_is_not_beside_the_program(tcugen, folder, tmp_path):
    model = placeholder(read_layer_config(REFERENCE / "layer-config.json"))
    save(model, tmp_path / "model.npz")
    result = tcugen("check", str(folder), "--rtl", str(REFERENCE), "--model", str(tmp_path / "model.npz"))
    assert result.exit_code == 0 and "as proved just now" in result.stdout, result.output
    save(placeholder(model.network, seed=1), tmp_path / "other.npz")
    result = tcugen("check", str(folder), "--rtl", str(REFERENCE), "--model", str(tmp_path / "other.npz"))
    assert result.exit_code == 2 and "not certified" in result.stderr
