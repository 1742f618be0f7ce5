"""`tcugen evaluate` on a model whose last layer stores sums, a unit for each channel, and on one without products."""

import json
from pathlib import Path

import numpy as np
import pytest

from tcugen.evaluate.emulate import top1
from tcugen.onnx.importer.onnx_model import import_onnx
from tcugen.onnx.run_file import reals
from tests.commands.conftest import MACHINE
from tests.onnx.importer.conftest import integers
from tests.onnx.importer.graphs import Graph, run

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

IMAGES = 24


@pytest.fixture
def sums(tcugen, tmp_path) -> Path:
    """`sums.onnx`, whose outputs are not rounded and whose weight scales span four orders of magnitude; `x.npy`, and
    `labels.npy` with the classes that ONNX Runtime finds."""
    graph = Graph(shape=(8, 1, 1), seed=3)
    flat = graph.node("Flatten", graph.qdq("image", 0.02, 3))
    weight = graph.quantized_constant(graph.weights(10, 8), np.geomspace(1e-5, 1e-1, 10))
    path = graph.save(tmp_path / "sums.onnx", graph.node("Gemm", flat, weight, transB=1))
    images = graph.images(IMAGES)
    np.save("x.npy", images)
    np.save("labels.npy", run(path, images).reshape(IMAGES, -1).argmax(axis=1))
    return path


def test_sums_are_compared_in_real_values(tcugen, sums):
    images, labels = np.load("x.npy"), np.load("labels.npy")
    model = import_onnx(sums).model
    outputs = integers(model, images)
    assert outputs.dtype == np.int32
    raw = outputs[:, :, 0, 0].argmax(axis=1)
    assert np.count_nonzero(raw != labels) > IMAGES // 2, "the sums themselves must have other largest channels"
    assert top1(model, outputs) == labels.tolist()
    want = run(sums, images).reshape(IMAGES, -1)
    assert np.abs(reals(model, outputs) - want).max() < 1e-5 * np.abs(want).max()
    arguments = ("--model", "sums.onnx", "--images", "x.npy", "--labels", "labels.npy", *MACHINE)
    result = tcugen("evaluate", *arguments, "--compare", "sums.onnx", "--logits", "sums.npy", "--json", "figures.json")
    assert result.exit_code == 0, result.output
    figures = json.loads(Path("figures.json").read_text())
    reference, own = figures["compare"]
    assert (figures["right"], figures["top1"]) == (IMAGES, labels.tolist())
    assert reference == {"name": "the reference model", "right": IMAGES, "same": IMAGES, "equal": IMAGES}
    assert (own["right"], own["same"]) == (IMAGES, IMAGES)
    assert np.array_equal(np.load("sums.npy"), outputs.reshape(IMAGES, -1))


def test_a_model_without_products(tcugen, tmp_path):
    graph = Graph(seed=1)
    x = graph.node("MaxPool", graph.qdq("image", 0.02, 3), kernel_shape=[2, 2], strides=[2, 2])
    graph.save(tmp_path / "pool.onnx", graph.qdq(x, 0.02, 3))
    np.save("x.npy", graph.images(2))
    result = tcugen("evaluate", "--model", "pool.onnx", "--images", "x.npy", "--json", "figures.json")
    assert result.exit_code == 0, result.output
    figures = json.loads(Path("figures.json").read_text())
    assert figures["top1"] is None and figures["compare"][0]["equal"] == 2
    built = tcugen("build", "--model", "pool.onnx", "-o", "built")
    assert built.exit_code == 0 and "0.0 % of the array's peak" in built.stdout
