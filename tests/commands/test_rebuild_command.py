"""A build is written again from its own record to the last byte, whatever was asked for; or it is said why not."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tcugen.fpga.parts import find_part
from tcugen.model.store import save
from tcugen.network.layer_config import write_layer_config
from tcugen.synthetic.integers import synthesise
from tests.commands.conftest import MACHINE
from tests.commands.test_compile_command import SECOND, files

CLASSES = [f"class {number}" for number in range(7)]

ASKED = {
    "an array": ("--layer-config", "second.json", "--array", "4x4"),
    "every flag": (
        *("--layer-config", "second.json", "--array", "8x4", "--activation-kib", "24", "--bus-bytes", "4"),
        *("--accumulator-bits", "26", "--accumulator-depth", "128", "--weight-tiles", "64"),
        *("--parameter-groups", "32", "--output-lanes", "2", "--bus-address-bits", "32"),
    ),
    "a budget": ("--layer-config", "second.json", "--multipliers", "16", "--max-activation-kib", "32"),
    "several networks": ("--layer-config", "second.json", "--layer-config", "reference.json", *MACHINE),
    "a model": ("--model", "kept/second.npz", "--classes", "names.txt", "--array", "4x4"),
    "a part": ("--layer-config", "second.json", "--part", "ecp5-25", "--clock-mhz", "62.5", "--array", "4x4"),
    "a part of one's own": ("--layer-config", "second.json", "--part", "mine.json", "--array", "4x4"),
}


@pytest.fixture
def place(tcugen, tmp_path, reference_config):
    """The current folder, with everything that a build may be asked for with."""
    (tmp_path / "second.json").write_text(write_layer_config(SECOND))
    shutil.copy(reference_config, tmp_path / "reference.json")
    (tmp_path / "kept").mkdir()
    save(synthesise(SECOND, seed=4)[0], tmp_path / "kept" / "second.npz")
    (tmp_path / "kept" / "quantize.json").write_text(
        json.dumps({"generator": "tcugen", "tensors": [{"name": "a", "decibels": 31.5}]})
    )
    (tmp_path / "names.txt").write_text("\n".join(CLASSES) + "\n\n")
    own = find_part("ecp5-25").model_dump(mode="json") | {"name": "my-ecp5"}
    (tmp_path / "mine.json").write_text(json.dumps(own))
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    """A build whose Verilog is two lines: what is tested is what goes into it."""

    def emit(architecture, folder) -> None:
        (folder / "architecture.json").write_text(architecture.to_json())
        (folder / "tcu_top.v").write_text(f"// {architecture.to_json()}")

    monkeypatch.setattr("tcugen.rtl.emit.emit", emit)


@pytest.mark.parametrize("arguments", ASKED.values(), ids=ASKED)
def test_every_byte_is_the_same(tcugen, place, quick, arguments):
    built = tcugen("build", *arguments, "-o", "built")
    assert built.exit_code == 0, built.output
    # Nothing but the build and the model is needed, wherever they are.
    (place / "elsewhere").mkdir()
    for name in ("built", "kept"):
        shutil.move(place / name, place / "elsewhere" / name)
    for name in ("second.json", "reference.json", "names.txt", "mine.json"):
        (place / name).unlink()
    model = ("--model", "elsewhere/kept/second.npz") if "--model" in arguments else ()
    result = tcugen("rebuild", "elsewhere/built", *model, "-o", "again")
    assert result.exit_code == 0, result.output
    total = sum(path.stat().st_size for path in (place / "elsewhere" / "built").rglob("*") if path.is_file())
    assert f"{total:,} bytes, every byte identical" in result.stdout.splitlines()[-1]
    assert files(place / "again") == files(place / "elsewhere" / "built")


def test_the_verilog_too_and_nothing_is_left(tcugen, tmp_path, reference_build):
    result = tcugen("rebuild", reference_build)
    assert result.exit_code == 0, result.output
    assert files(tmp_path) == {}
    assert "every byte identical" in result.stdout


def test_a_page_that_is_left_out_is_named_and_its_data_compared(tcugen, place, quick):
    assert tcugen("build", "--layer-config", "second.json", *MACHINE, "-o", "built").exit_code == 0
    (place / "built" / "report.html").unlink()
    result = tcugen("rebuild", "built")
    assert result.exit_code == 0, result.output
    *_, left_out, last = result.stdout.splitlines()
    assert left_out == "left out: report.html, which is made of report/page.json alone"
    assert f"{len(files(place / 'built'))} files" in last and last.endswith("every byte identical")
    (place / "built" / "report" / "page.json").unlink()
    result = tcugen("rebuild", "built")
    assert result.exit_code == 1
    assert "missing: report.html" in result.stdout and "missing: report/page.json" in result.stdout


def test_what_differs_is_named(tcugen, place, quick):
    assert tcugen("build", "--layer-config", "second.json", *MACHINE, "-o", "built").exit_code == 0
    weights = place / "built" / "program" / "weights.bin"
    data = np.fromfile(weights, np.uint8)
    data[700] ^= 1
    data.tofile(weights)
    (place / "built" / "report.md").unlink()
    (place / "built" / "notes.txt").write_text("mine\n")
    result = tcugen("rebuild", "built")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[-4:-1] == [
        "not of the build: notes.txt",
        f"differs: program/weights.bin, first at byte 700 of {len(data):,}",
        "missing: report.md",
    ]
    assert re.fullmatch(r"built is not what its record gives: 2 of \d+ files differ", lines[-1])


def test_a_file_that_the_build_did_not_write_is_no_difference(tcugen, place, quick):
    assert tcugen("build", "--layer-config", "second.json", *MACHINE, "-o", "built").exit_code == 0
    (place / "built" / "notes.txt").write_text("mine\n")
    result = tcugen("rebuild", "built")
    assert result.exit_code == 0
    assert "not of the build: notes.txt" in result.stdout.splitlines()


def changed_marker(folder: Path, **changes: object) -> None:
    marker = json.loads((folder / "build.json").read_text()) | changes
    marker = {key: value for key, value in marker.items() if value is not None}
    (folder / "build.json").write_text(json.dumps(marker))


BROKEN = {
    "no build": (lambda place: shutil.rmtree(place / "built"), (), "built is no build: build.json cannot be read"),
    "another version": (
        lambda place: changed_marker(place / "built", version="0.0.9"),
        (),
        r"written by version 0\.0\.9, .*; install that one: pip install tcugen==0\.0\.9",
    ),
    "no record": (lambda place: changed_marker(place / "built", flags=None), (), "'flags'.*; build it again"),
    "an unknown flag": (
        lambda place: changed_marker(place / "built", flags={"speed": 3}),
        (),
        "unexpected keyword argument 'speed'.*; build it again",
    ),
    "another network": (
        lambda place: (place / "built" / "layer-config.json").write_text(write_layer_config(SECOND) + "\n"),
        (),
        "layer-config.json is not what the build read",
    ),
    "over the build": (lambda place: None, ("-o", "built"), "hold each other; choose another folder"),
    "over foreign files": (lambda place: None, ("-o", "kept/mine"), "did not write"),
    "a model that was not asked for": (
        lambda place: None,
        ("--model", "kept/second.npz"),
        "was built from layer configs, which it holds; leave it out",
    ),
}


@pytest.mark.parametrize("breaks, arguments, message", BROKEN.values(), ids=BROKEN)
def test_bad_input_is_one_clear_line(tcugen, place, quick, breaks, arguments, message):
    assert tcugen("build", "--layer-config", "second.json", *MACHINE, "-o", "built").exit_code == 0
    (place / "kept" / "mine").mkdir()
    (place / "kept" / "mine" / "thesis.txt").write_text("mine\n")
    breaks(place)
    before = files(place)
    result = tcugen("rebuild", "built", *arguments)
    assert result.exit_code == 2
    assert re.fullmatch(f"error: .*{message}.*\n", result.stderr), result.stderr
    assert files(place) == before


MODELS = {
    "none": ((), r"was built from second\.npz, which is not in it \(SHA-256 [0-9a-f]{64}\); name it with --model"),
    "none there": (("--model", "gone.npz"), r"--model gone\.npz: cannot be read"),
    "another": (("--model", "other/second.npz"), r"its SHA-256 is [0-9a-f]{64}, but the build read"),
    "without its figures": (("--model", "alone.npz"), r"beside --model: quantize\.json: cannot be read"),
}


@pytest.mark.parametrize("arguments, message", MODELS.values(), ids=MODELS)
def test_a_model_must_be_the_one_of_then(tcugen, place, quick, arguments, message):
    assert tcugen("build", "--model", "kept/second.npz", "--array", "4x4", "-o", "built").exit_code == 0
    (place / "other").mkdir()
    save(synthesise(SECOND, seed=5)[0], place / "other" / "second.npz")
    shutil.copy(place / "kept" / "second.npz", place / "alone.npz")
    result = tcugen("rebuild", "built", *arguments)
    assert result.exit_code == 2
    assert re.fullmatch(f"error: .*{message}.*\n", result.stderr), result.stderr


def test_a_program_alone_is_no_build(tcugen, place, reference_build):
    shutil.copytree(reference_build, place / "machine")
    assert tcugen("compile", "second.json", "--rtl", "machine", "-o", "program").exit_code == 0
    result = tcugen("rebuild", "program")
    assert result.exit_code == 2
    assert "`tcugen compile` writes it again" in result.stderr
