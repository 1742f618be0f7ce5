"""PRelu and LeakyRelu with several slopes or of a convolution, as ONNX Runtime computes them."""

import numpy as np
import pytest

from tcugen.model.problems import UnsupportedModel
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.conftest import same_as_onnx_runtime
from tests.onnx.importer.graphs import Graph

X, Y = (0.02, 3), (0.033, -7)
SLOPES = [0.25, 0.0, 0.1, 1.5]


def prelu(graph, x, slopes):
    return graph.node("PRelu", x, graph.constant(np.reshape(slopes, (-1, 1, 1)), np.float32), name="prelu")


CASES = {
    "one slope per channel": (lambda g, x: prelu(g, g.conv(x, 4, outputs=4, side=1), SLOPES), ["conv", "conv", "add"]),
    "one slope": (lambda g, x: prelu(g, g.conv(x, 4, outputs=4, side=1), [0.3]), ["conv", "conv", "add"]),
    "slopes below zero": (
        lambda g, x: prelu(g, g.conv(x, 4, outputs=4, side=1), [0.2, -0.5, -0.1, 0]),
        ["conv", "conv", "add", "conv", "add"],
    ),
    "no slope at all": (lambda g, x: prelu(g, g.conv(x, 4, outputs=4, side=1), [0, 0, 0, 0]), ["conv"]),
    "of a rounded tensor": (lambda g, x: prelu(g, x, SLOPES), ["conv", "conv", "add"]),
    "limited": (
        lambda g, x: g.node("Clip", prelu(g, x, SLOPES), *(g.constant(v, np.float32) for v in (-0.4, 1.1))),
        ["conv", "conv", "add"],
    ),
    "LeakyRelu": (
        lambda g, x: g.node("LeakyRelu", g.conv(x, 4, outputs=4, side=3, pads=[1] * 4), alpha=0.2),
        ["conv", "conv", "add"],
    ),
    "normalised before": (
        lambda g, x: prelu(g, g.node("Add", g.conv(x, 4, outputs=4, side=1), g.constant(0.3, np.float32)), SLOPES),
        ["conv", "conv", "add"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_equal_to_onnx_runtime(case, tmp_path):
    build, operators = CASES[case]
    graph = Graph(shape=(4, 8, 8))
    path = graph.save(tmp_path / "model.onnx", graph.qdq(build(graph, graph.qdq("image", *X)), *Y))
    model = same_as_onnx_runtime(path, graph.images(), count=1).model
    assert [node.op for node in model.network.nodes] == operators


@pytest.mark.parametrize(
    "build, message",
    [
        (
            lambda g, x: g.node("PRelu", x, g.constant(np.full((1, 8, 8), 0.1) + np.arange(8) / 9, np.float32)),
            r"slope = shape \[1, 8, 8\]; give one for each of 4 channels",
        ),
        (
            lambda g, x: prelu(g, g.node("Add", x, g.node("MaxPool", x, kernel_shape=[1, 1])), SLOPES),
            "= not quantized; put QuantizeLinear and DequantizeLinear after",
        ),
    ],
)
def test_what_is_refused(build, message, tmp_path):
    graph = Graph(shape=(4, 8, 8))
    with pytest.raises(UnsupportedModel, match=message):
        import_onnx(graph.save(tmp_path / "model.onnx", graph.qdq(build(graph, graph.qdq("image", *X)), *Y)))
