"""The verbs on .tflite files: import, build, compile, simulate and evaluate take them, in place of ONNX files."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tflite")
pytest.importorskip("ai_edge_litert")

from tests.commands.conftest import MACHINE
from tests.tflite.files import File

IMAGES = 5


@pytest.fixture
def small(tcugen, tmp_path) -> Path:
    """`small.tflite`, which ends in a softmax, and `x.npy`."""
    file = File()
    x = file.conv(file.image, (6, 3, 3, 4), activation=1, zero_point=-128)
    x = file.conv(x, (1, 3, 3, 6), depthwise=True, strides=(2, 2))
    mean = file.op("MEAN", [x, file.numbers([1, 2])], file.tensor((1, 6), 0.02, 1), table="ReducerOptions")
    y = file.tensor((1, 6), 1 / 256, -128, name="probabilities")
    file.op("SOFTMAX", [mean], y, table="SoftmaxOptions", beta=1.0)
    np.save("x.npy", file.images(IMAGES))
    return file.save(tmp_path / "small.tflite", y)


def test_import(tcugen, small):
    result = tcugen("import", "small.tflite", "-o", "imported")
    assert result.exit_code == 0, result.output
    assert "probabilities (SOFTMAX) is left to the host: what goes into it is the output" in result.output
    report = json.loads(Path("imported/import.json").read_text())
    assert report["source"] == "small.tflite" and list(report["origins"].values()) == ["t3", "t6", "t8"]
    assert tcugen("simulate", "--model", "imported/model.npz", "--images", "x.npy", *MACHINE).exit_code == 0


def test_build_compile_and_simulate(tcugen, small):
    assert tcugen("build", "--model", "small.tflite", *MACHINE, "-o", "built").exit_code == 0
    assert tcugen("compile", "small.tflite", "--rtl", "built", "-o", "program").exit_code == 0
    result = tcugen("simulate", "--model", "small.tflite", "--images", "x.npy", "--rtl", "built")
    assert result.exit_code == 0, result.output
    assert "mismatches = 0: golden, emulator and RTL agree in every element" in result.output


def test_evaluate_beside_litert(tcugen, small):
    arguments = ("--model", "small.tflite", "--images", "x.npy", "--compare", "small.tflite", *MACHINE)
    result = tcugen("evaluate", *arguments, "--json", "figures.json")
    assert result.exit_code == 0, result.output
    figures = json.loads(Path("figures.json").read_text())
    assert [other.get("by", "ONNX Runtime") for other in figures["compare"]] == [
        "ONNX Runtime",
        "LiteRT",
        "LiteRT, built-in kernels",
        "LiteRT, reference kernels",
    ]
    assert [other["name"] for other in figures["compare"][1:]] == ["small.tflite"] * 3
    (table,) = figures["operators"]
    rows = {row["operator"]: row for row in table["rows"]}
    assert list(rows) == ["CONV_2D", "DEPTHWISE_CONV_2D", "MEAN"]
    assert rows["CONV_2D"]["elements"] == IMAGES * 6 * 6 * 6 and rows["MEAN"]["count"] == 1
    assert (
        rows["CONV_2D"]["by"]["LiteRT"] == rows["DEPTHWISE_CONV_2D"]["by"]["LiteRT"] == {"differing": 0, "largest": 0}
    )
    assert "operator by operator" in result.output


def test_a_tflite_file_beside_a_saved_model(tcugen, small):
    """Outputs can be compared, operators cannot: the saved model does not say which they are."""
    assert tcugen("import", "small.tflite", "-o", "imported").exit_code == 0
    arguments = ("--model", "imported/model.npz", "--images", "x.npy", "--compare", "small.tflite", *MACHINE)
    result = tcugen("evaluate", *arguments, "--json", "figures.json")
    assert result.exit_code == 0, result.output
    figures = json.loads(Path("figures.json").read_text())
    assert len(figures["compare"]) == 4 and "operators" not in figures


def test_parts_are_for_onnx_files(tcugen, small):
    result = tcugen("import", "small.tflite", "--partition")
    assert result.exit_code == 2
    assert "small.tflite is a .tflite file, but ONNX Runtime" in " ".join(result.output.split())


@pytest.mark.parametrize("verb", ["import", "evaluate"])
def test_without_the_package(tcugen, small, monkeypatch, verb):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    if verb == "import":
        result = tcugen("import", "small.tflite")
        text = "reading small.tflite needs the package tflite, which is not installed; pip install 'tcugen[tflite]'"
    else:
        result = tcugen("evaluate", "--model", "small.tflite", "--images", "x.npy", "--compare", "small.tflite")
        text = "needs the package ai-edge-litert, but it is not installed; run `pip install 'tcugen[tflite]'`"
    assert result.exit_code == 2 and text in " ".join(result.output.split())
