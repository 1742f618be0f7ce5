"""What the user gets wrong: one line that says what and how to mend it, exit status 2, and nothing left behind."""

import json
import os
import re
import subprocess
import sys

import pytest

CONFIG = "net.json"
BUILD = ("build", "--layer-config", CONFIG)
SIMULATE = ("simulate", "--layer-config", CONFIG)

BAD = {
    "missing file": (("build", "--layer-config", "nowhere.json"), "nowhere.json: no such file, .*bundled networks"),
    "missing folder of a bundled name": (("build", "--layer-config", "resnet50.txt"), "resnet50.txt: no such file"),
    "misspelt bundled name": (("layers", "resnet51"), "did you mean 'resnet50'"),
    "not JSON": (("build", "--layer-config", "broken.json"), "broken.json: line 2 column 1: not JSON"),
    "not text": (("build", "--layer-config", "binary.json"), "binary.json: byte 0 is 0xff"),
    "wrong shape": (("build", "--layer-config", "wrong.json"), "wrong.json: node 'conv1': kernel"),
    "a folder as layer config": (("build", "--layer-config", "foreign"), "foreign: cannot be read"),
    "array of no form": ((*BUILD, "--array", "16"), "--array is '16', .*ROWSxCOLUMNS"),
    "array of no size": ((*BUILD, "--array", "5x5"), "--array 5x5: rows is 5, .*one of 4, 8, 16, 32"),
    "odd columns": ((*BUILD, "--array", "8x5"), "--array 8x5: columns is 5, .*an even number between 2 and 32"),
    "array of no columns": ((*BUILD, "--array", "8x64"), "--array 8x64: columns is 64"),
    "array over its budget": ((*BUILD, "--array", "8x8", "--multipliers", "16"), "--multipliers 16"),
    "too few multipliers": ((*BUILD, "--multipliers", "3"), "--multipliers 3: .*at least 8"),
    "no activation memory": ((*BUILD, "--activation-kib", "0"), "--activation-kib 0: .*between 1 and 8192"),
    "activation memory below zero": ((*BUILD, "--activation-kib", "-3"), "--activation-kib -3"),
    "bus of 7 bytes": ((*BUILD, "--bus-bytes", "7"), "--bus-bytes 7: .*one of 4, 8, 16, 32, 64"),
    "wide accumulators": ((*BUILD, "--accumulator-bits", "99"), "--accumulator-bits 99"),
    "deep accumulators": ((*BUILD, "--accumulator-depth", "100"), "--accumulator-depth 100: .*power of two"),
    "no weight ring": ((*BUILD, "--weight-tiles", "0"), "--weight-tiles 0"),
    "no parameter ring": ((*BUILD, "--parameter-groups", "3"), "--parameter-groups 3: .*power of two"),
    "three lanes": ((*BUILD, "--output-lanes", "3"), "--output-lanes 3: .*power of two"),
    "narrow addresses": ((*BUILD, "--bus-address-bits", "16"), "--bus-address-bits 16"),
    "small memory": (
        ("build", "--layer-config", "resnet18", "--activation-kib", "4"),
        "the smallest .* 11 KiB: --activation-kib 11",
    ),
    "output over foreign files": ((*BUILD, "-o", "foreign"), "foreign holds files that tcugen did not write"),
    "output over a file": ((*BUILD, "-o", "file"), "file is a file, but a folder is needed"),
    "output below a file": ((*BUILD, "-o", "file/sub/folder"), "file is a file, but a folder is needed"),
    "output where nobody can write": ((*BUILD, "-o", "/proc/tcugen/out"), "cannot write to /proc"),
    "name that is no folder": (("build", "--layer-config", "escape.json"), r"'\.\./escape' is no folder name.* -o"),
    "unknown memory model": ((*SIMULATE, "--memory", "foo"), "--memory is 'foo', .*fixed, ddr"),
    "no images": ((*SIMULATE, "--images", "0"), "--images is 0, .*at least 1"),
    "images below zero": ((*SIMULATE, "--images", "-2"), "--images is -2"),
    "seed below zero": ((*SIMULATE, "--seed", "-1"), "--seed is -1, .*not be negative"),
    "unknown node": ((*SIMULATE, "--only", "conv9"), "'conv9' is no node, .*did you mean 'conv1'"),
    "input as node": ((*SIMULATE, "--only", "image"), "'image' is the network's input"),
    "empty node name": ((*SIMULATE, "--only", "conv1,,fc"), "has an empty name"),
    "int32 of a pool": ((*SIMULATE, "--only", "avgpool", "--int32-output"), "'avgpool': .*global_average_pool"),
    "no build": ((*SIMULATE, "--rtl", "nowhere"), "--rtl nowhere is no build"),
    "foreign build": ((*SIMULATE, "--rtl", "foreign"), "--rtl foreign is no build"),
    "dump over a file": ((*SIMULATE, "--dump", "file"), "file is a file, .*--dump"),
    "dump where nobody can write": ((*SIMULATE, "--dump", "/proc/tcugen"), "cannot write to /proc.*--dump"),
    "figures over a folder": ((*SIMULATE, "--json", "foreign"), "foreign is a folder, .*--json"),
    "figures in no folder": ((*SIMULATE, "--json", "nowhere/x.json"), "nowhere is no folder.*--json"),
    "layers over a folder": (("layers", CONFIG, "-o", "foreign"), "cannot write foreign"),
    "layers where nobody can write": (("layers", CONFIG, "-o", "/proc/tcugen/x"), "cannot write /proc/tcugen/x"),
}


@pytest.fixture
def place(tcugen, tmp_path, reference_config):
    """The files that the table speaks of."""
    config = json.loads(reference_config.read_text())
    (tmp_path / CONFIG).write_text(json.dumps(config))
    (tmp_path / "escape.json").write_text(json.dumps(config | {"name": "../escape"}))
    config["nodes"][0]["kernel"] = [0, 3]
    (tmp_path / "wrong.json").write_text(json.dumps(config))
    (tmp_path / "broken.json").write_text("{\n")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe{")
    (tmp_path / "file").write_text("mine\n")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "mine").write_text("mine\n")
    return tmp_path


def tree(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("arguments, message", BAD.values(), ids=BAD)
def test_bad_input_is_one_clear_line(tcugen, place, arguments, message):
    before = tree(place)
    result = tcugen(*arguments)
    assert result.exit_code == 2
    assert re.fullmatch(f"error: .*{message}.*\n", result.stderr), result.stderr
    assert "Traceback" not in result.output
    assert tree(place) == before, "something was left behind"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("build",), "--layer-config"),
        ((*BUILD, "--frobnicate"), "--frobnicate"),
        ((*BUILD, "--multipliers", "many"), "--multipliers"),
        ((*SIMULATE, "--images", "1.5"), "--images"),
        (("frobnicate",), "frobnicate"),
        (("layers",), "NETWORK|FILE"),
    ],
)
def test_what_cannot_be_parsed_is_named(tcugen, place, arguments, message):
    before = tree(place)
    result = tcugen(*arguments)
    assert result.exit_code == 2
    assert re.search(message, result.stderr)
    assert "Traceback" not in result.output
    assert tree(place) == before


def test_a_flag_that_contradicts_the_build_is_named(tcugen, reference_config, reference_build):
    arguments = ("simulate", "--layer-config", reference_config, "--rtl", reference_build)
    result = tcugen(*arguments, "--array", "8x4", "--bus-bytes", "16", "--multipliers", "8")
    assert result.exit_code == 2
    for part in ("--rows 8 (there: 4)", "--bus-bytes 16 (there: 8)", "--multipliers 8 (there: 16)"):
        assert part in result.stderr


def test_a_missing_tool_is_named(tcugen, reference_config, reference_build, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    only = ("--only", "fc")
    result = tcugen("simulate", "--layer-config", reference_config, "--rtl", reference_build, *only)
    assert result.exit_code == 2
    assert re.search(r"error: no g\+\+ found: install .*\n$", result.stderr)


def test_the_program_itself_ends_with_the_same_status(place):
    command = [sys.executable, "-m", "tcugen", *BUILD, "--array", "5x5"]
    path = os.pathsep.join(sys.path)
    done = subprocess.run(command, cwd=place, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: --array 5x5: rows is 5")
    assert len(done.stderr.splitlines()) == 1
