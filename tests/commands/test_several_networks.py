"""`tcugen build` with several layer configs: one machine, a program for each network, every one of them right."""

import json
import re

import pytest

from tcugen.arch import Architecture
from tcugen.network.layer_config import parse_layer_config, write_layer_config
from tcugen.program import Program
from tests.commands.test_compile_command import CURVED, SECOND, files

FLAGS = ("--array", "4x4", "--activation-kib", "16")
TWO = ("build", "--layer-config", "reference.json", "--layer-config", "second.json", *FLAGS)


@pytest.fixture
def place(tcugen, tmp_path, reference_config):
    (tmp_path / "reference.json").write_text(reference_config.read_text())
    for net in (SECOND, CURVED):
        (tmp_path / f"{net.name}.json").write_text(write_layer_config(net))
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    """A build whose Verilog is two lines: what is tested is what stands beside it."""

    def emit(architecture: Architecture, folder) -> None:
        (folder / "architecture.json").write_text(architecture.to_json())
        (folder / "tcu_top.v").write_text("// a machine\n")

    monkeypatch.setattr("tcugen.rtl.emit.emit", emit)


def test_the_folder_holds_one_machine_and_a_program_for_each(tcugen, place, quick):
    result = tcugen(*TWO)
    assert result.exit_code == 0, result.output
    folder = place / "rtl_out" / "reference+second"
    report = json.loads((folder / "report.json").read_text())
    assert [row["network"] for row in report["networks"]] == ["reference", "second"]
    assert report["predicted_cycles"] == sum(row["predicted_cycles"] for row in report["networks"])
    architecture = Architecture.from_dict(report["architecture"])
    assert (folder / "architecture.json").read_text() == architecture.to_json()
    for row in report["networks"]:
        place_of = folder / "networks" / row["network"]
        assert Program.read(place_of / "program").architecture == architecture
        assert json.loads((place_of / "report.json").read_text())["predicted_cycles"] == row["predicted_cycles"]
        network = parse_layer_config((place_of / "layer-config.json").read_text())
        assert network.mac_count == row["mac_count"]
        assert f"predicted for {row['network']}: {row['predicted_cycles']:,} cycles per image" in result.stdout
        assert f"| {row['network']} | {row['mac_count']:,} |" in (folder / "report.md").read_text()
    marker = json.loads((folder / "build.json").read_text())
    assert [entry["network"] for entry in marker["networks"]] == ["reference", "second"]
    before = files(place)
    assert tcugen(*TWO).exit_code == 0
    assert files(place) == before


def test_compile_writes_the_same_program_for_that_machine(tcugen, place, quick):
    assert tcugen(*TWO, "-o", "both").exit_code == 0
    assert tcugen("compile", "second.json", "--rtl", "both", "-o", "out").exit_code == 0
    built, compiled = files(place / "both" / "networks" / "second"), files(place / "out")
    assert set(built) == set(compiled)
    same = [name for name in built if not name.startswith("report") and name != "compile.json"]
    assert len(same) == 12 and all(built[name] == compiled[name] for name in same)


def test_hardware_that_one_of_them_needs_is_there(tcugen, place, quick):
    arguments = ("build", "--layer-config", "second.json", "--layer-config", "curved.json", *FLAGS, "-o", "both")
    assert tcugen(*arguments).exit_code == 0
    assert json.loads((place / "both" / "architecture.json").read_text())["tables"] == 1


REFUSED = {
    "one network twice": (("--layer-config", "second.json"), "two networks are called 'second'"),
    "a model too": (("--layer-config", "reference.json", "--model", "m.npz"), "--model m.npz: goes with one network"),
    "a part too": (("--layer-config", "reference.json", "--part", "ecp5-45"), "--part ecp5-45: goes with one network"),
    "a missing file": (("--layer-config", "nowhere.json"), "nowhere.json: no such file"),
    "a small memory": (
        ("--layer-config", "resnet18", "--array", "16x16", "--activation-kib", "4"),
        "--activation-kib 4: holds no plan of second and resnet18; the smallest .* --activation-kib [0-9]+",
    ),
}


@pytest.mark.parametrize("arguments, message", REFUSED.values(), ids=REFUSED)
def test_bad_input_is_one_clear_line(tcugen, place, quick, arguments, message):
    before = files(place)
    result = tcugen("build", "--layer-config", "second.json", *arguments)
    assert result.exit_code == 2
    assert re.fullmatch(f"error: .*{message}.*\n", result.stderr), result.stderr
    assert files(place) == before


@pytest.mark.slow
def test_both_run_on_the_rtl(tcugen, place, monkeypatch, pytestconfig):
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("tcugen-commands")))
    assert tcugen(*TWO, "-o", "both").exit_code == 0
    report = json.loads((place / "both" / "report.json").read_text())
    for row in report["networks"]:
        arguments = ("simulate", "--layer-config", f"{row['network']}.json", "--rtl", "both", "--json", "f.json")
        result = tcugen(*arguments)
        assert result.exit_code == 0, result.output
        figures = json.loads((place / "f.json").read_text())
        assert figures["mismatches"] == 0
        assert figures["predicted_cycles"] == row["predicted_cycles"]
