"""Trained models on the command line: import, build, evaluate, simulate, and the independent reader on the result."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tcugen.model.store import load
from tcugen.onnx.importer.onnx_model import import_onnx
from tcugen.program import Program
from tests.commands.conftest import MACHINE
from tests.commands.trained import IMAGES, write_model
from tests.onnx.importer.conftest import integers
from tests.onnx.importer.graphs import Graph, run

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

READER = Path(__file__).parents[1] / "independent_reader.py"
NODES = [
    *("conv1", "maxpool", "layer1.0.conv1", "layer1.0.conv2", "layer1.0.downsample"),
    *("layer1.0.add", "layer1.0.add.requantise", "avgpool", "fc"),
]


@pytest.fixture
def place(tcugen, tmp_path):
    """The current folder, with `small.onnx` and `x.npy` in it."""
    write_model(tmp_path)
    return tmp_path


def test_import_writes_everything_others_need(tcugen, place):
    result = tcugen("import", "small.onnx")
    assert result.exit_code == 0, result.output
    folder = place / "small"
    assert sorted(path.name for path in folder.iterdir()) == [
        "import.json",
        "layer-config.json",
        "model.npz",
        "reference.onnx",
    ]
    config = json.loads((folder / "layer-config.json").read_text())
    assert [node["name"] for node in config["nodes"]] == NODES
    report = json.loads((folder / "import.json").read_text())
    assert report["generator"] == "tcugen"
    assert report["requantised"] == ["layer1.0.add.requantise"]
    assert report["origins"]["layer1.0.conv1"] == "/layer1/layer1.0/conv1/Conv"
    rounded = [error["node"] for error in report["bias_errors"]]
    assert rounded == [name for name in NODES if re.search("conv|down", name)]
    assert all(0 < error["steps"] <= 0.5 for error in report["bias_errors"])
    assert "4 biases rounded to the scale of their sums" in result.stdout
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert tcugen("import", "small.onnx", "-o", "small").exit_code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_build_of_a_model_holds_its_weights(tcugen, place):
    assert tcugen("import", "small.onnx").exit_code == 0
    for model, folder in (("small.onnx", "a"), ("small/model.npz", "b")):
        result = tcugen("build", "--model", model, *MACHINE, "-o", folder)
        assert result.exit_code == 0, result.output
    programs = [Program.read(place / folder / "program") for folder in "ab"]
    assert np.array_equal(programs[0].weights, programs[1].weights)
    placeholder = tcugen("build", "--layer-config", "small/layer-config.json", *MACHINE, "-o", "c")
    assert placeholder.exit_code == 0
    other = Program.read(place / "c" / "program")
    assert other.instructions != () and not np.array_equal(other.weights, programs[0].weights)
    assert len(json.loads((place / "a" / "build.json").read_text())["model_sha256"]) == 64


def test_evaluate_counts_what_is_right(tcugen, place):
    assert tcugen("import", "small.onnx").exit_code == 0
    expected = integers(load("small/model.npz"), np.load("x.npy"))[:, :, 0, 0]
    classes = expected.argmax(axis=1)
    np.save("labels.npy", np.append(classes[:-1], (classes[-1] + 1) % 10))
    arguments = ("evaluate", "--model", "small.onnx", "--images", "x.npy", *MACHINE)
    result = tcugen(*arguments, "--labels", "labels.npy", "--logits", "logits", "--json", "figures.json")
    assert result.exit_code == 0, result.output
    assert re.search(rf"small on 4x4: {IMAGES} images at [0-9.]+ images/s", result.stdout)
    assert f"top-1: {IMAGES - 1} of {IMAGES} right, 66.67 %" in result.stdout
    assert np.array_equal(np.load("logits"), expected)
    figures = json.loads(Path("figures.json").read_text())
    assert (figures["right"], figures["top1"]) == (IMAGES - 1, classes.tolist())
    assert figures["compare"] == [{"name": "the reference model", "right": IMAGES - 1, "same": IMAGES, "equal": IMAGES}]
    assert re.search(rf"ONNX Runtime, the reference model +│ +{IMAGES - 1} │ +{IMAGES} │ +{IMAGES} ", result.stdout)
    bare = tcugen(*arguments)
    assert f"largest outputs: {', '.join(map(str, classes))}" in bare.stdout


def test_evaluate_compares_with_other_files(tcugen, place):
    """The model's own file runs in floating point there; the same file with another bias is another network."""
    onnx = pytest.importorskip("onnx")
    model = import_onnx(Path("small.onnx")).model
    graph_file = onnx.load("small.onnx")
    for values in graph_file.graph.initializer:
        if list(values.dims) == [10]:
            array = onnx.numpy_helper.to_array(values)
            values.CopyFrom(onnx.numpy_helper.from_array(array + np.arange(10, dtype=array.dtype) * 5, values.name))
    onnx.save(graph_file, "changed.onnx")
    arguments = ("evaluate", "--model", "small.onnx", "--images", "x.npy", *MACHINE, "--json", "figures.json")
    result = tcugen(*arguments, "--compare", "small.onnx", "--compare", "changed.onnx")
    assert result.exit_code == 0, result.output
    figures = json.loads(Path("figures.json").read_text())
    reference, own, other = figures["compare"]
    expected, step = integers(model, np.load("x.npy")), model.quantization("fc")
    real = (expected.reshape(IMAGES, -1).astype(np.float32) - step.zero_point) * step.scale
    runtime = run(place / "small.onnx", np.load("x.npy"), optimise=True).reshape(IMAGES, -1)
    assert (reference["name"], reference["equal"], reference["right"]) == ("the reference model", IMAGES, None)
    assert own["equal"] == (real == runtime).all(axis=1).sum() and own["name"] == "small.onnx"
    assert own["same"] == (real.argmax(axis=1) == runtime.argmax(axis=1)).sum()
    assert (other["name"], other["equal"]) == ("changed.onnx", 0)


@pytest.mark.slow
def test_simulate_runs_a_model_on_the_rtl(tcugen, place, reference_build):
    arguments = ("simulate", "--model", "small.onnx", "--images", "x.npy", "--rtl", reference_build)
    result = tcugen(*arguments, "--dump", "dump", "--json", "figures.json")
    assert result.exit_code == 0, result.output
    figures = json.loads(Path("figures.json").read_text())
    assert (figures["model"], figures["images"], figures["mismatches"]) == ("small.onnx", "x.npy", 0)
    assert len(figures["cycles_per_image"]) == IMAGES
    assert figures["reference"]["tensors"] == 9 and figures["reference"]["mismatches"] == 0
    assert re.search(r"ONNX Runtime: 9 tensors, [0-9,]+ elements, all equal to golden", result.stdout)
    assert f"largest output of each image: {', '.join(map(str, figures['top1']))}" in result.stdout
    assert run(place / "small.onnx", np.load("x.npy")).argmax(axis=1).tolist() == figures["top1"]
    read = subprocess.run([sys.executable, READER, "dump"], capture_output=True, text=True)
    assert read.returncode == 0, read.stdout + read.stderr
    assert read.stdout.endswith("9 nodes compared with NumPy and ONNX Runtime: 0 elements differ\n")
    output = next(Path("dump").glob("layer1.0.add.output.npy"))
    wrong = np.load(output)
    wrong[0, 0, 0, 0] ^= 1
    np.save(output, wrong)
    read = subprocess.run([sys.executable, READER, "dump"], capture_output=True, text=True)
    assert read.returncode == 1
    assert re.search(r"layer1.0.add: add, .*: 1 differ from NumPy and 1 differ from ONNX Runtime", read.stdout)


@pytest.mark.slow
def test_simulate_runs_some_nodes_of_a_model(tcugen, place, reference_build):
    arguments = ("simulate", "--model", "small.onnx", "--images", "x.npy", "--rtl", reference_build)
    result = tcugen(*arguments, "--only", "layer1.0.conv2,layer1.0.downsample,layer1.0.add", "--dump", "dump")
    assert result.exit_code == 0, result.output
    assert "ONNX Runtime: 3 tensors" in result.stdout
    read = subprocess.run([sys.executable, READER, "dump"], capture_output=True, text=True)
    assert read.returncode == 0, read.stdout + read.stderr


SIMULATE = ("simulate", "--model", "small.onnx")
EVALUATE = ("evaluate", "--model", "small.onnx", "--images", "x.npy")
BAD = {
    "both networks": ((*SIMULATE, "--layer-config", "resnet18"), "both are given; give one of them"),
    "no network": (("simulate",), "neither is given; give one of them"),
    "no network to build": (("build",), "neither is given"),
    "no images": (SIMULATE, "--images is missing; give a .npy file"),
    "a number of images": ((*SIMULATE, "--images", "2"), "2: cannot be read .*give a .npy file"),
    "images without a model": (("simulate", "--layer-config", "resnet18", "--images", "x.npy"), "--images is 'x.npy'"),
    "int32 output": ((*SIMULATE, "--images", "x.npy", "--int32-output"), "--int32-output is for synthetic integers"),
    "images of another shape": ((*SIMULATE, "--images", "small.npy"), r"holds float32 \(1, 3, 8, 8\)"),
    "images of another type": ((*SIMULATE, "--images", "bytes.npy"), r"holds uint8 \(1, 3, 16, 16\)"),
    "images that are no numbers": ((*EVALUATE[:3], "--images", "nan.npy", *MACHINE), "not finite"),
    "no model": (("import", "nowhere.onnx"), "nowhere.onnx: cannot be read"),
    "no ONNX": (("import", "x.npy"), "x.npy: .*no ONNX"),
    "truncated": (("build", "--model", "truncated.onnx"), "truncated.onnx: .*export or copy it again"),
    "float": (("import", "float.onnx"), "float.onnx: is a float model, .*quantize it first"),
    "batch": (("import", "batch.onnx"), "batch of 4"),
    "damaged saved model": (("build", "--model", "saved.npz"), "saved.npz: "),
    "folder of someone else": (("import", "small.onnx", "-o", "foreign"), "foreign holds files that tcugen did not"),
    "labels of others": ((*EVALUATE, "--labels", "x.npy"), "must hold 3 integers, one per image"),
    "labels that are no class": ((*EVALUATE, "--labels", "labels.npy"), "holds label 10, but .*classes 0 to 9"),
    "no labels": ((*EVALUATE, "--labels", "nowhere.npy"), "nowhere.npy: cannot be read"),
    "compare with nothing": ((*EVALUATE, "--compare", "nowhere.onnx"), "--compare nowhere.onnx is no file"),
    "compare with no ONNX": ((*EVALUATE, *MACHINE, "--compare", "x.npy"), "x.npy: ONNX Runtime cannot open it"),
    "figures in no folder": ((*EVALUATE, "--json", "nowhere/x.json"), "nowhere is no folder.*--json"),
    "unknown node": ((*SIMULATE, "--images", "x.npy", "--only", "conv9"), "'conv9' is no node"),
}


@pytest.mark.parametrize("arguments, message", BAD.values(), ids=BAD)
def test_bad_input_is_one_clear_message(tcugen, place, arguments, message):
    image = np.zeros((1, 3, 16, 16), np.float32)
    np.save("small.npy", image[:, :, :8, :8])
    np.save("bytes.npy", image.astype(np.uint8))
    np.save("nan.npy", image * np.float32(np.nan))
    np.save("labels.npy", np.array([0, 10, 0]))
    whole = Path("small.onnx").read_bytes()
    Path("truncated.onnx").write_bytes(whole[: len(whole) // 2])
    graph = Graph()
    graph.save(place / "float.onnx", graph.node("Relu", "image"))
    graph = Graph(batch=4)
    graph.save(place / "batch.onnx", graph.qdq("image", 0.1))
    Path("foreign").mkdir()
    Path("foreign/mine").write_text("mine\n")
    Path("saved.npz").write_bytes(b"PK\x03\x04")
    before = {path: path.read_bytes() if path.is_file() else None for path in place.rglob("*")}
    result = tcugen(*arguments)
    assert result.exit_code == 2, result.output
    assert re.fullmatch(f"error: .*{message}.*\n", result.stderr), result.stderr
    assert {path: path.read_bytes() if path.is_file() else None for path in place.rglob("*")} == before


def test_all_that_cannot_run_is_listed(tcugen, tmp_path):
    graph = Graph()
    x = graph.qdq(graph.node("LRN", graph.qdq("image", 0.1), size=3, name="first"), 0.1)
    graph.save(tmp_path / "model.onnx", graph.node("Softmax", x, name="second"))
    result = tcugen("import", "model.onnx")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "error: model.onnx: 2 nodes cannot run on the hardware:",
        "  first (LRN): operator = LRN; replace it by supported operators, or let the host compute it",
        "  second (Softmax): operator = Softmax; end the model in front of it: the host does what comes after",
    ]
    assert not Path("model").exists()


@pytest.mark.parametrize("missing", ["onnx"])
def test_a_missing_package_is_named(tcugen, place, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    result = tcugen("import", "small.onnx")
    assert result.exit_code == 2
    assert "needs the package onnx, which is not installed; pip install 'tcugen[verify]'" in result.stderr
