"""Channels whose multiplier is below 2**-40, and biases that do not fit the scale of the sums."""

import numpy as np
import pytest

from tests.onnx.importer.conftest import integers, reals, same_as_onnx_runtime
from tests.onnx.importer.graphs import Graph, run
from tests.typed import weighted

X, Y = (0.03, 4), (0.02, 5)
DEAD = [1e-38, 2e-20, 1e-14]


def conv(graph, scales, bias=None):
    weight = graph.quantized_constant(graph.weights(len(scales), 3, 3, 3), scales)
    return graph.node("Conv", graph.qdq("image", *X), weight, *([] if bias is None else [bias]), name="conv")


@pytest.mark.parametrize("bias", [None, "real", "integer"])
@pytest.mark.parametrize("limited", [False, True])
def test_a_dead_channel_is_the_zero_point(tmp_path, bias, limited):
    graph, scales = Graph(), np.array([0.002, *DEAD, 0.003], np.float32)
    given = None
    if bias == "real":
        given = graph.constant(graph.rng.normal(0, 0.1, 5), np.float32)
    if bias == "integer":
        given = graph.quantized_constant(graph.rng.integers(-1000, 1000, 5).astype(np.int32), np.float32(X[0]) * scales)
    x = conv(graph, scales, given)
    path = graph.save(tmp_path / "model.onnx", graph.qdq(graph.node("Relu", x) if limited else x, *Y))
    result = same_as_onnx_runtime(path, graph.images(deviation=3))
    (node,) = result.model.network.nodes
    assert (integers(result.model, graph.images())[:, 1:4] == Y[1]).all()
    ours = weighted(result.model, node.name)
    assert not ours.weight[1:4].any() and not ours.bias[1:4].any() and ours.weight[0].any()
    assert result.report.dead_channels == {node.name: 3}


def test_in_operator_form(tmp_path):
    graph = Graph()
    scale = np.array([0.002, *DEAD], np.float32)
    weight = graph.constant(graph.weights(4, 3, 3, 3)), graph.constant(scale), graph.constant(np.zeros(4), np.int8)
    bias = graph.constant(graph.rng.integers(-1000, 1000, 4), np.int32)
    x = graph.quantize("image", *X), *graph.scale_and_zero(*X)
    output = graph.node("QLinearConv", *x, *weight, *graph.scale_and_zero(*Y), bias)
    path = graph.save(tmp_path / "model.onnx", graph.dequantize(output, *Y))
    assert (integers(same_as_onnx_runtime(path, graph.images()).model, graph.images())[:, 1:] == Y[1]).all()


@pytest.mark.parametrize("scale", [1e-30, 1e-14, 1e-10])
def test_a_term_after_a_dead_channel_stays(imported, tmp_path, scale):
    """What a batch normalisation adds to weights that vanish is all there is."""
    graph = Graph()
    values = ([1, 1], [1.2345, -0.5], [0, 0], [1, 1])
    x = graph.node("BatchNormalization", conv(graph, [scale, 0.002]), *(graph.constant(v, np.float32) for v in values))
    result = imported(graph, graph.qdq(x, *Y))
    images = graph.images()
    want, got = run(tmp_path / "model.onnx", images), reals(result.model, images)
    assert np.unique(got[:, 0]) == pytest.approx(1.24)
    assert np.abs(got - want).max() < 1e-5
    assert result.report.dead_channels == {}


def test_a_term_that_vanishes_with_its_channel(imported):
    graph = Graph()
    x = graph.node("Add", conv(graph, [1e-30, 0.002]), graph.constant(np.array([1e-6, 1]).reshape(2, 1, 1), np.float32))
    result = imported(graph, graph.qdq(x, *Y))
    assert result.report.dead_channels == {"conv": 1}
    assert not result.model.integers["conv"].bias[0]


def test_subnormal_scales_of_weights(imported):
    graph = Graph()
    result = imported(graph, graph.qdq(conv(graph, [1e-42, 0.002]), *Y))
    assert (integers(result.model, graph.images())[:, 0] == Y[1]).all()
