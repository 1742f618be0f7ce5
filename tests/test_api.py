"""`import tcugen` from a program: the same machine, program and figures that the commands write."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tcugen
from tests.commands.conftest import MACHINE, call

CONFIG = str(Path(__file__).parents[1] / "examples" / "reference.json")
FLAGS = tcugen.MachineFlags(array="4x4", activation_kib=16)


def test_every_name_completes_before_it_is_read():
    command = "import tcugen; assert 'tcugen.api' not in __import__('sys').modules; print(*dir(tcugen))"
    told = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout.split()
    assert set(tcugen.__all__) <= set(told) and told == sorted(set(told))


@pytest.fixture(scope="module")
def workload():
    return tcugen.load(CONFIG)


@pytest.fixture(scope="module")
def sizing(workload):
    return tcugen.size(workload, FLAGS)


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api") / "reference"
    assert call("build", "--layer-config", CONFIG, *MACHINE, "-o", folder).exit_code == 0
    return folder


def test_it_finds_the_machine_and_program_of_the_command(workload, sizing, build, tmp_path):
    report = json.loads((build / "report.json").read_text())
    assert sizing.architecture.to_dict() == report["architecture"]
    assert (sizing.cycles, sizing.reasons) == (report["predicted_cycles"], report["reasons"])
    program = tcugen.compile(workload, sizing)
    assert program.code == (build / "program" / "program.bin").read_bytes()
    assert program.weights.tobytes() == (build / "program" / "weights.bin").read_bytes()
    assert (tcugen.emit(sizing, tmp_path / "rtl") / "tcu_top.v").read_bytes() == (build / "tcu_top.v").read_bytes()


def test_layers_are_those_of_the_page(workload, sizing, build):
    shown = json.loads((build / "report" / "page.json").read_text())["layers"]
    layers = tcugen.layers(workload, sizing)
    assert [(layer.nodes, layer.cycles, layer.macs) for layer in layers] == [
        (" + ".join(layer["nodes"]), layer["predicted_cycles"], layer["macs"]) for layer in shown
    ]
    assert all(0 <= layer.utilisation <= 1 for layer in layers)


def test_a_frame_has_a_column_per_field(workload, sizing):
    frame = tcugen.frame(tcugen.layers(workload, sizing))
    assert frame["cycles"].sum() == sizing.cycles
    assert list(frame.columns) == list(tcugen.LayerFigures.__annotations__)
    assert list(tcugen.frame([{"a": 1}, {"a": 2}])["a"]) == [1, 2]
    with pytest.raises(TypeError, match="a row is a int"):
        tcugen.frame([1])


@pytest.mark.slow
def test_a_run_is_equal(workload, sizing, build, pytestconfig, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("tcugen-commands")))
    run = tcugen.simulate(workload, sizing, images=2, rtl=build, seed=3)
    assert run.equal
    assert len(run.figures["cycles_per_image"]) == 2
    assert sum(node["cycles"] for node in run.figures["nodes"]) == run.figures["cycles_per_image"][-1]


def test_images_that_do_not_go_with_the_workload_are_refused(workload, sizing, tmp_path):
    with pytest.raises(ValueError, match="images is an array, but the workload has no model"):
        tcugen.simulate(workload, sizing, np.zeros((1, 3, 8, 8), np.float32), tmp_path)
    with pytest.raises(ValueError, match="memory is 'sram', but it must be one of fixed, ddr"):
        tcugen.simulate(workload, sizing, 1, tmp_path, memory="sram")


def test_parts_of_tcugen_do_not_read_all_of_it():
    read = "'tcugen.api' in sys.modules"
    code = f"import sys, tcugen.arch; assert not {read}; tcugen.load; assert {read}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_is_not_there_is_said():
    with pytest.raises(AttributeError, match="module 'tcugen' has no attribute 'nothing'"):
        assert tcugen.nothing


def test_all_names_are_there():
    assert all(getattr(tcugen, name) is not None for name in tcugen.__all__)
