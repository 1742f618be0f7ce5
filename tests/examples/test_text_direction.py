"""Lines of text whose direction is known, and a classifier without its Softmax."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.modules import module_at
from tests.onnx.importer.graphs import Graph, run

EXAMPLE = Path(__file__).parents[2] / "examples" / "text_direction"


@pytest.fixture(scope="module")
def texts():
    return module_at(EXAMPLE / "texts.py")


@pytest.fixture(scope="module")
def cut():
    return module_at(EXAMPLE / "cut.py")


def test_lines_are_the_same_each_time_and_fill_what_they_should(texts):
    first, again = (texts.line(np.random.default_rng(7)) for _ in range(2))
    assert first.tobytes() == again.tobytes() and first.height == 48
    pixels = texts.as_input(first)
    width = min(192, first.width)
    assert pixels.shape == (3, 48, 192) and pixels.dtype == np.float32
    assert np.ptp(pixels[:, :, :width]) > 0.8 and np.abs(pixels).max() <= 1 and not pixels[:, :, width:].any()


def test_a_turned_line_is_the_line_read_from_its_end(texts):
    image = texts.line(np.random.default_rng(3))
    assert np.array_equal(np.asarray(image.rotate(180)), np.asarray(image)[::-1, ::-1])


def test_the_cut_model_makes_what_the_softmax_read(cut, tmp_path):
    graph = Graph(shape=(3, 4, 4))
    weights = graph.constant(graph.rng.normal(0, 1, (3, 2)), np.float32)
    logits = graph.node("MatMul", graph.node("Flatten", graph.node("GlobalAveragePool", "image")), weights)
    path = graph.save(tmp_path / "whole.onnx", graph.node("Identity", graph.node("Softmax", logits)))
    images = graph.images(4)
    probabilities = run(path, images)
    onnx.save(cut.without_softmax(onnx.load(path)), tmp_path / "cut.onnx")
    found = run(tmp_path / "cut.onnx", images).astype(np.float64)
    expected = np.exp(found) / np.exp(found).sum(axis=-1, keepdims=True)
    assert np.abs(expected - probabilities).max() < 1e-6
    with pytest.raises(SystemExit, match="the model has 0 Softmax nodes"):
        cut.without_softmax(onnx.load(tmp_path / "cut.onnx"))
