"""Convolutions with dilations, as ONNX Runtime computes them."""

import pytest

from tcugen.network.operators import Conv
from tests.onnx.importer.conftest import same_as_onnx_runtime
from tests.onnx.importer.graphs import Graph
from tests.typed import typed


@pytest.mark.parametrize(
    "attributes",
    [
        {"dilations": [2, 2], "pads": [2, 2, 2, 2]},
        {"dilations": [3, 1], "strides": [2, 1]},
        {"dilations": [1, 2], "pads": [0, 2, 1, 0], "group": 4},
        {"dilations": [2, 3], "auto_pad": "VALID"},
    ],
)
@pytest.mark.parametrize("operator_form", [False, True])
def test_equal_to_onnx_runtime(tmp_path, attributes, operator_form):
    graph = Graph(shape=(4, 12, 12))
    if operator_form:
        weight = graph.constant(graph.weights(8, 4 // attributes.get("group", 1), 3, 3))
        x = graph.quantize("image", 0.02, 3), *graph.scale_and_zero(0.02, 3)
        inputs = *x, weight, *graph.scale_and_zero(0.002, 0), *graph.scale_and_zero(0.05, -7)
        output = graph.dequantize(graph.node("QLinearConv", *inputs, **attributes), 0.05, -7)
    else:
        output = graph.qdq(graph.conv(graph.qdq("image", 0.02, 3), 4, outputs=8, **attributes), 0.05, -7)
    result = same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", output), graph.images())
    assert typed(Conv, result.model.network.nodes[0]).dilation == tuple(attributes["dilations"])
