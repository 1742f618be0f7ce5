"""Averages over windows, as ONNX Runtime computes them."""

import numpy as np
import pytest

from tcugen.network.operators import AveragePool, Conv, GlobalAveragePool
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.conftest import integers, same_as_onnx_runtime
from tests.onnx.importer.graphs import CONTRIB, Graph, run

WINDOWS = {
    "inside": {"kernel_shape": [3, 2], "strides": [2, 1]},
    "padded": {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]},
    "padding counted": {"kernel_shape": [3, 3], "pads": [2, 0, 1, 2], "strides": [2, 2], "count_include_pad": 1},
    "ceiling": {"kernel_shape": [3, 3], "strides": [2, 3], "ceil_mode": 1, "pads": [1, 0, 0, 1]},
    "same": {"kernel_shape": [2, 4], "auto_pad": "SAME_UPPER", "strides": [2, 2]},
    "same, counted": {"kernel_shape": [2, 4], "auto_pad": "SAME_LOWER", "count_include_pad": 1},
}  # fmt: skip


@pytest.mark.parametrize("name", WINDOWS)
def test_equal_to_onnx_runtime(name, tmp_path):
    graph = Graph()
    mean = graph.node("AveragePool", graph.qdq("image", 0.0173, 7), **WINDOWS[name])
    output = graph.qdq(mean, 0.0131, -5)
    images = np.random.default_rng(3).normal(0, 1, (4, 3, 8, 8)).astype(np.float32)
    result = same_as_onnx_runtime(graph.save(tmp_path / "m.onnx", output), images)
    assert [type(node) for node in result.model.network.nodes if not isinstance(node, Conv)] == [AveragePool]


def test_zeros_around_the_pixels_are_counted(tmp_path):
    graph = Graph()
    padded = graph.node("Pad", graph.qdq("image", 0.0173, 7), graph.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    output = graph.qdq(graph.node("AveragePool", padded, kernel_shape=[3, 3]), 0.0131, -5)
    images = np.random.default_rng(3).normal(0, 1, (4, 3, 8, 8)).astype(np.float32)
    result = same_as_onnx_runtime(graph.save(tmp_path / "m.onnx", output), images)
    (node,) = result.model.network.nodes
    assert isinstance(node, AveragePool) and node.count_include_pad and node.padding == (1, 1, 1, 1)


CEILING = {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1, "pads": [0, 1, 0, 1], "count_include_pad": 1}


def test_ceiling_with_padding_counted(tmp_path):
    """What windows stick out by is not counted; ONNX Runtime's optimiser makes a kernel of it that counts it."""
    graph = Graph()
    output = graph.qdq(graph.node("AveragePool", graph.qdq("image", 0.0173, 7), **CEILING), 0.0131, -5)
    images = np.random.default_rng(3).normal(0, 1, (4, 3, 8, 8)).astype(np.float32)
    path = graph.save(tmp_path / "m.onnx", output)
    expected = run(path, images, optimise=False) / 0.0131 - 5
    assert np.abs(integers(import_onnx(path).model, images) - expected).max() < 0.01


@pytest.mark.parametrize("window", [CEILING, {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}])
def test_operator_form(window, tmp_path):
    """ONNX Runtime adds up real values there, which breaks some ties otherwise."""
    graph = Graph()
    image = graph.quantize("image", 0.0173, 7)
    inputs = [image, *graph.scale_and_zero(0.0173, 7), *graph.scale_and_zero(0.0131, -5)]
    mean = graph.node("QLinearAveragePool", *inputs, domain=CONTRIB, **window)
    images = np.random.default_rng(3).normal(0, 1, (4, 3, 8, 8)).astype(np.float32)
    path = graph.save(tmp_path / "m.onnx", graph.dequantize(mean, 0.0131, -5))
    same_as_onnx_runtime(path, images, count=2)


def test_the_whole_tensor_is_a_global_average(tmp_path):
    graph = Graph()
    mean = graph.node("AveragePool", graph.qdq("image", 0.0173, 7), kernel_shape=[8, 8])
    images = np.random.default_rng(3).normal(0, 1, (12, 3, 8, 8)).astype(np.float32)
    result = same_as_onnx_runtime(graph.save(tmp_path / "m.onnx", graph.qdq(mean, 0.002, -5)), images)
    assert [type(node) for node in result.model.network.nodes] == [GlobalAveragePool]
