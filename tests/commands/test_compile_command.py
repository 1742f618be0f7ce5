"""Programs for a machine that exists: what they compute on it, what it lacks for others, and nothing half-written."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tcugen import golden
from tcugen.emulator import Machine
from tcugen.model.store import save
from tcugen.network.layer_config import write_layer_config
from tcugen.network.operators import Concat, GlobalAveragePool, Linear, MaxPool, Table
from tcugen.program import Program
from tcugen.synthetic.integers import synthesise
from tests.compiler.networks import AROUND, conv, network
from tests.typed import present

MACHINE = Path(__file__).parents[2] / "rtl_out" / "reference"
"""The build in the repository: 4x4, 16 KiB, 22-bit accumulators, no tables."""

SECOND = network(
    "second", (3, 21, 18), conv("a", "image", 12, 3, stride=(2, 2), activation="relu"), conv("b", "a", 20, 3),
    MaxPool("p", ("b",), kernel=(3, 3), stride=(2, 2), padding=AROUND), conv("c", "p", 20),
    Concat("d", ("p", "c")), GlobalAveragePool("v", ("d",)), Linear("fc", ("v",), 7),
)  # fmt: skip
"""Another network than that of the machine, other operators included."""

DEEP = network("deep", (256, 4, 4), conv("wide", "image", 8, 3), conv("fine", "wide", 8))
LARGE = network("large", (64, 8, 300), conv("a", "image", 64), conv("b", "a", 64))
CURVED = network("curved", (8, 4, 4), conv("a", "image", 8), Table("bend", ("a",), "sigmoid"))


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def place(tcugen, tmp_path):
    """The current folder: layer configs of the networks above, a machine in `machine`."""
    for net in (SECOND, DEEP, LARGE, CURVED):
        (tmp_path / f"{net.name}.json").write_text(write_layer_config(net))
    shutil.copytree(MACHINE, tmp_path / "machine")
    return tmp_path


def test_classes_are_named_for_the_driver_as_build_does_it(tcugen, place):
    (place / "names.txt").write_text("\n".join(f"class {number}" for number in range(7)) + "\n")
    result = tcugen("compile", "second.json", "--rtl", "machine", "--classes", "names.txt", "--no-certify", "-o", "out")
    assert result.exit_code == 0, result.output
    names = json.loads((place / "out" / "program" / "quantization.json").read_text())["classes"]
    assert names == [f"class {number}" for number in range(7)]
    assert '"class 6"' in (place / "out" / "driver" / "tcu.h").read_text()


def test_classes_that_cannot_be_read_are_refused(tcugen, place):
    result = tcugen("compile", "second.json", "--rtl", "machine", "--classes", "none.txt", "-o", "out")
    assert result.exit_code == 2
    assert "--classes none.txt: cannot be read (No such file or directory)" in result.stderr
    assert not (place / "out").exists()


def test_the_network_of_the_machine_gets_the_program_of_the_build(tcugen, place):
    result = tcugen("compile", "machine/layer-config.json", "--rtl", "machine", "-o", "out")
    assert result.exit_code == 0, result.output
    built, compiled = files(place / "machine"), files(place / "out")
    assert set(built) - set(compiled) == {
        *("build.json", "tcu_lint.vlt", "tcu_sram_1r1w.v", "tcu_top.v", "tcu.f"),
    }
    # The repository keeps no report.html, which is a megabyte.
    assert set(compiled) - set(built) - {"report.html"} == {"compile.json"}
    page = json.loads(compiled["report/page.json"])
    assert page["predicted_cycles"] == json.loads(built["report/page.json"])["predicted_cycles"]
    assert page["timeline"] == json.loads(built["report/page.json"])["timeline"]
    assert b"weights are placeholders" in compiled["report.html"]
    same = [
        name for name in compiled if name.startswith("program") or name in ("architecture.json", "layer-config.json")
    ]
    assert len(same) == 8
    assert all(compiled[name] == built[name] for name in same)
    ours, its = (json.loads(written["report.json"]) for written in (compiled, built))
    assert ours["nodes"] == its["nodes"]
    assert f"predicted: {its['predicted_cycles']:,} cycles per image" in result.stdout
    marker = json.loads(compiled["compile.json"])
    assert (marker["generator"], marker["machine"]) == ("tcugen", "../machine")


def test_a_second_model_computes_on_the_machine_of_the_first(tcugen, place):
    model, inputs = synthesise(SECOND, seed=4)
    save(model, "second.npz")
    assert tcugen("compile", "second.npz", "--rtl", "machine", "-o", "out").exit_code == 0
    program = Program.read(place / "out" / "program")
    assert program.architecture.to_json() == (place / "machine" / "architecture.json").read_text()
    machine = Machine(program)
    machine.run({name: images[0] for name, images in inputs.items()}, fill=0xA5)
    expected = golden.run(model, inputs)
    assert set(machine.observed) == set(program.tensors) == {node.name for node in SECOND.nodes}
    for name, tensor in machine.observed.items():
        np.testing.assert_array_equal(tensor, expected[name][0], err_msg=name)
    assert len(json.loads((place / "out" / "compile.json").read_text())["model_sha256"]) == 64


@pytest.mark.slow
@pytest.mark.parametrize("rtl", ["machine", "out"])
def test_a_second_network_runs_on_the_rtl_of_the_first(tcugen, place, rtl, monkeypatch, pytestconfig):
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("tcugen-commands")))
    compiled = tcugen("compile", "second.json", "--rtl", "machine", "-o", "out")
    result = tcugen("simulate", "--layer-config", "second.json", "--rtl", rtl, "--json", "figures.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((place / "figures.json").read_text())
    assert figures["mismatches"] == 0
    assert len(figures["nodes"]) == len(SECOND.nodes)
    assert f"predicted: {figures['predicted_cycles']:,} cycles per image" in compiled.stdout


LACKS = {
    "accumulators": ("deep", "node 'wide': output channel [0-9]+ .* needs 2[56] accumulator bits, .* is 22"),
    "memory": ("large", "activation_kib is 16, but the smallest with a plan is [0-9]+"),
    "tables": ("curved", "node 'bend': is a table, but the machine has none"),
}


@pytest.mark.parametrize("name, lack", LACKS.values(), ids=LACKS)
def test_what_the_machine_lacks_is_named(tcugen, place, name, lack):
    before = files(place)
    result = tcugen("compile", f"{name}.json", "--rtl", "machine", "-o", "out")
    assert result.exit_code == 2
    assert re.search(f"^error: the machine in machine cannot run {name}: .*{lack}.*; build a machine", result.stderr)
    assert len(result.stderr.splitlines()) == 1
    assert files(place) == before and not (place / "out").exists()


def test_the_memory_that_is_named_is_the_smallest(tcugen, place):
    stderr = tcugen("compile", "large.json", "--rtl", "machine", "-o", "out").stderr
    least = int(present(re.search("smallest with a plan is ([0-9]+)", stderr))[1])
    statuses = []
    for kib in (least - 1, least):
        architecture = json.loads((place / "machine" / "architecture.json").read_text()) | {"activation_kib": kib}
        (place / "machine" / "architecture.json").write_text(json.dumps(architecture))
        statuses.append(tcugen("compile", "large.json", "--rtl", "machine", "-o", "out").exit_code)
    assert statuses == [2, 0]


REFUSED = {
    "no build": (("second.json", "--rtl", "nowhere", "-o", "out"), "--rtl nowhere is no build"),
    "a program for a machine": (("second.json", "--rtl", "program", "-o", "out"), "--rtl program is no build"),
    "another version": (("second.json", "--rtl", "older", "-o", "out"), "--rtl older was written by version 0.0.9"),
    "over its machine": (("second.json", "--rtl", "machine", "-o", "machine"), "machine holds a build, .* -o"),
    "around its machine": (("second.json", "--rtl", "around/machine", "-o", "around"), "delete the machine"),
    "over foreign files": (("second.json", "--rtl", "machine", "-o", "."), "did not write"),
    "no such network": (("resnet51", "--rtl", "machine", "-o", "out"), "did you mean 'resnet50'"),
    "no such model": (("none.onnx", "--rtl", "machine", "-o", "out"), "none.onnx: .*"),
}


@pytest.mark.parametrize("arguments, message", REFUSED.values(), ids=REFUSED)
def test_a_refusal_is_one_line_and_leaves_everything(tcugen, place, arguments, message):
    for folder in ("program", "around"):
        assert tcugen("compile", "second.json", "--rtl", "machine", "-o", folder).exit_code == 0
    (place / "program" / "architecture.json").unlink()
    shutil.copytree(place / "machine", place / "around" / "machine")
    shutil.copytree(place / "machine", place / "older")
    marker = json.loads((place / "older" / "build.json").read_text())
    (place / "older" / "build.json").write_text(json.dumps(marker | {"version": "0.0.9"}))
    before = files(place)
    result = tcugen("compile", *arguments)
    assert result.exit_code == 2
    assert re.fullmatch(f"error: .*{message}.*\n", result.stderr), result.stderr
    assert files(place) == before and not (place / "out").exists()


def test_an_earlier_program_is_replaced(tcugen, place):
    for name in ("second.json", "machine/layer-config.json"):
        assert tcugen("compile", name, "--rtl", "machine", "-o", "out").exit_code == 0
    assert json.loads((place / "out" / "compile.json").read_text())["network"] == "reference"


@pytest.mark.parametrize("change", ["gone", "other"])
def test_a_program_whose_machine_is_not_there_any_more_is_not_simulated(tcugen, place, change):
    assert tcugen("compile", "second.json", "--rtl", "machine", "-o", "out").exit_code == 0
    if change == "gone":
        shutil.rmtree(place / "machine")
    else:
        (place / "machine" / "architecture.json").write_text("{}\n")
    result = tcugen("simulate", "--layer-config", "second.json", "--rtl", "out")
    assert result.exit_code == 2
    words = {"gone": "which cannot be read .*; give the folder", "other": "that is another one now; compile again"}
    assert re.fullmatch(
        f"error: --rtl out is a program for the machine in out/../machine, .*{words[change]}.*\n", result.stderr
    )
