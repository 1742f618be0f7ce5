"""Products of two tensors and operands of one value per channel, as ONNX Runtime computes them."""

import numpy as np
import pytest

from tcugen.model.problems import UnsupportedModel
from tcugen.network.operators import Add, Multiply
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.conftest import same_as_onnx_runtime
from tests.onnx.importer.graphs import CONTRIB, Graph

X, A, B, Y = (0.02, 3), (0.041, -20), (0.017, 20), (0.033, -7)


def gate(graph, x):
    """One value per channel: a mean, a convolution, a Sigmoid."""
    mean = graph.qdq(graph.node("GlobalAveragePool", x), 0.011, -5)
    return graph.qdq(graph.node("Sigmoid", graph.qdq(graph.conv(mean, 4, outputs=4, side=1), 0.01, 2)), 1 / 256, -128)


def highway(graph):
    x = graph.qdq("image", *X)
    branch = graph.qdq(graph.node("Relu", graph.conv(x, 4, outputs=4, pads=[1] * 4)), *A)
    return graph.qdq(graph.node("Mul", branch, graph.qdq(graph.conv(x, 4, outputs=4, side=1), *B)), *Y)


def squeeze_excite(graph):
    x = graph.qdq("image", *X)
    return graph.qdq(graph.node("Relu", graph.node("Mul", gate(graph, x), x)), 0.012, -128)


def unsigned(graph):
    x = graph.qdq("image", 0.02, 131, np.uint8)
    other = graph.qdq(graph.conv(x, 4, outputs=4, side=1), 0.03, 120, np.uint8)
    return graph.qdq(graph.node("Mul", x, other), 0.05, 99, np.uint8)


def operator_form(graph):
    image = graph.quantize("image", *X)
    product = graph.node("QLinearMul", image, *graph.scale_and_zero(*X), *with_gate(graph, image), domain=CONTRIB)
    return graph.dequantize(product, *Y)


def with_gate(graph, image):
    """The second operand and the result of an operator on integers."""
    real = graph.dequantize(image, *X)
    small = graph.quantize(graph.node("GlobalAveragePool", real), *B)
    return small, *graph.scale_and_zero(*B), *graph.scale_and_zero(*Y)


def by_a_constant(graph):
    image = graph.quantize("image", *X)
    constant = graph.constant(np.array([3, -70, 110, 25], np.int8).reshape(4, 1, 1))
    pairs = (*graph.scale_and_zero(0.02, 1), *graph.scale_and_zero(*Y))
    return graph.dequantize(
        graph.node("QLinearMul", image, *graph.scale_and_zero(*X), constant, *pairs, domain=CONTRIB), *Y
    )


@pytest.mark.parametrize("build", [highway, squeeze_excite, unsigned, operator_form])
def test_products_equal_onnx_runtime(build, tmp_path):
    graph = Graph(shape=(4, 8, 8))
    result = same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", build(graph)), graph.images(), count=2)
    assert any(isinstance(node, Multiply) for node in result.model.network.nodes)


def test_a_product_with_a_constant_is_a_convolution(tmp_path):
    graph = Graph(shape=(4, 8, 8))
    result = same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", by_a_constant(graph)), graph.images(), count=2)
    assert [node.op for node in result.model.network.nodes] == ["conv"]


def added(graph, operator_form):
    image = graph.quantize("image", *X)
    if operator_form:
        total = graph.node("QLinearAdd", image, *graph.scale_and_zero(*X), *with_gate(graph, image), domain=CONTRIB)
        return graph.dequantize(total, *Y)
    x = graph.dequantize(image, *X)
    return graph.qdq(graph.node("Add", gate(graph, x), x), *Y)


@pytest.mark.parametrize("operator_form", [False, True])
def test_sums_with_one_value_per_channel_equal_onnx_runtime(operator_form, tmp_path):
    graph = Graph(shape=(4, 8, 8))
    path = graph.save(tmp_path / "model.onnx", added(graph, operator_form))
    result = same_as_onnx_runtime(path, graph.images(), count=2)
    assert isinstance(result.model.network.nodes[-1], Add)


def test_a_difference_with_one_value_per_channel_equals_onnx_runtime(tmp_path):
    graph = Graph(shape=(4, 8, 8))
    x = graph.qdq("image", *X)
    output = graph.qdq(graph.node("Sub", x, gate(graph, x), name="difference"), *Y)
    result = same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", output), graph.images(), count=2)
    assert [node.op for node in result.model.network.nodes][-2:] == ["conv", "add"]


@pytest.mark.parametrize(
    "other, message",
    [
        (
            lambda g, x: g.conv(x, 4, outputs=4, side=1),
            r"node \(Mul\): input 't\d+' = not quantized; put QuantizeLinear",
        ),
        (
            lambda g, x: g.qdq(g.conv(x, 4, outputs=1, side=1), *A),
            "multiplies 't.*' of shape 4x8x8 and 't.*' of shape 1x",
        ),
    ],
)
def test_refusals_name_the_operand(other, message, tmp_path):
    graph = Graph(shape=(4, 8, 8))
    x = graph.qdq("image", *X)
    output = graph.qdq(graph.node("Mul", x, other(graph, x), name="node"), *Y)
    with pytest.raises(UnsupportedModel, match=message):
        import_onnx(graph.save(tmp_path / "model.onnx", output))
