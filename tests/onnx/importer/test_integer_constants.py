"""Weights that come as integers: clipped, moved about and turned into reals by nodes of the file."""

import numpy as np
import pytest

from tests.onnx.importer.conftest import same_as_onnx_runtime
from tests.onnx.importer.graphs import Graph


def weight(graph, *shape):
    return graph.constant(graph.rng.integers(-128, 128, shape).astype(np.int8))


def limits(graph):
    return graph.constant(-127, np.int8), graph.constant(127, np.int8)


def clipped(graph):
    return graph.node("Clip", weight(graph, 4, 3, 3, 3), *limits(graph))


def limited_by_min_and_max(graph):
    low, high = limits(graph)
    return graph.node("Min", graph.node("Max", weight(graph, 4, 3, 3, 3), low), high)


def of_a_real_constant(graph):
    real = graph.constant(graph.rng.normal(0, 0.1, (4, 3, 3, 3)), np.float32)
    return graph.node("Clip", graph.quantize(real, 0.002), *limits(graph))


@pytest.mark.parametrize("make", [clipped, limited_by_min_and_max, of_a_real_constant])
@pytest.mark.parametrize("activation", [np.int8, np.uint8])
def test_weights_and_activations_clipped_as_integers(tmp_path, make, activation):
    """As QONNX writes a narrow range: Clip between QuantizeLinear and DequantizeLinear."""
    graph = Graph()
    shift = 128 if activation == np.uint8 else 0
    x = graph.quantize("image", 0.02, 3 + shift, activation)
    ends = graph.constant(shift - 100, activation), graph.constant(shift + 90, activation)
    x = graph.dequantize(graph.node("Clip", x, *ends), 0.02, 3 + shift, activation)
    kernel = graph.dequantize(make(graph), 0.002)
    output = graph.qdq(graph.node("Relu", graph.node("Conv", x, kernel)), 0.02, -128)
    same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", output), graph.images(deviation=2))


def test_integers_reshaped_after_their_scale_is_known(tmp_path):
    graph = Graph()
    flat = graph.dequantize(weight(graph, 4, 27), 0.002)
    kernel = graph.node("Reshape", flat, graph.constant([4, 3, 3, 3], np.int64))
    output = graph.qdq(graph.node("Conv", graph.qdq("image", 0.02, 3), kernel), 0.05, -7)
    same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", output), graph.images())
