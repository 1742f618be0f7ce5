"""Chains of operators on one tensor are tables, equal to ONNX Runtime's own result in every element."""

import numpy as np
import pytest

from tcugen.model.problems import UnsupportedModel
from tcugen.network.operators import Table
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.conftest import same_as_onnx_runtime
from tests.onnx.importer.graphs import CONTRIB, Graph

X, Y = (0.04, 3), (0.02, -7)


def number(graph, value):
    return graph.constant(value, np.float32)


def hard_swish(graph, x):
    limited = graph.node("Clip", graph.node("Add", x, number(graph, 3)), number(graph, 0), number(graph, 6))
    return graph.node("Div", graph.node("Mul", x, limited), number(graph, 6))


def gelu(graph, x):
    inner = graph.node("Add", graph.node("Erf", graph.node("Div", x, number(graph, 1.4142135))), number(graph, 1))
    return graph.node("Mul", graph.node("Mul", x, inner), number(graph, 0.5))


def softsign(graph, x):
    return graph.node("Div", x, graph.node("Add", graph.node("Abs", x), number(graph, 1)))


CHAINS = {
    "Sigmoid": (lambda g, x: g.node("Sigmoid", x), "sigmoid"),
    "Tanh": (lambda g, x: g.node("Tanh", x), "tanh"),
    "LeakyRelu": (lambda g, x: g.node("LeakyRelu", x), "leaky_relu"),
    "HardSigmoid": (lambda g, x: g.node("HardSigmoid", x), "hard_sigmoid"),
    "HardSigmoid beside the middle": (lambda g, x: g.node("HardSigmoid", x, beta=0.4), "custom"),
    "HardSwish": (lambda g, x: g.node("HardSwish", x), "hard_swish"),
    "Elu": (lambda g, x: g.node("Elu", x, alpha=0.7), "elu"),
    "Exp": (lambda g, x: g.node("Exp", x), "exp"),
    "Softplus": (lambda g, x: g.node("Softplus", x), "softplus"),
    "PRelu": (lambda g, x: g.node("PRelu", x, number(g, [[[0.3]]])), "leaky_relu"),
    "silu": (lambda g, x: g.node("Mul", x, g.node("Sigmoid", x)), "silu"),
    "hard swish in pieces": (hard_swish, "custom"),
    "gelu in pieces": (gelu, "custom"),
    "softsign": (softsign, "custom"),
    "square": (lambda g, x: g.node("Mul", x, x), "custom"),
    "power": (lambda g, x: g.node("Pow", x, number(g, 2)), "custom"),
    "reciprocal": (lambda g, x: g.node("Div", number(g, 1), x), "custom"),
    "smaller": (lambda g, x: g.node("Min", number(g, 0.7), g.node("Tanh", x)), "custom"),
    "limits after": (lambda g, x: g.node("Clip", g.node("Tanh", x), number(g, -0.5), number(g, 0.8)), "tanh"),
    "difference": (lambda g, x: g.node("Sub", x, g.node("Tanh", x)), "custom"),
    "two functions": (lambda g, x: g.node("Add", g.node("Sigmoid", x), g.node("Tanh", x)), "custom"),
    "Selu": (lambda g, x: g.node("Selu", x), "custom"),
    "Softsign": (lambda g, x: g.node("Softsign", x), "custom"),
    "ThresholdedRelu": (lambda g, x: g.node("ThresholdedRelu", x), "custom"),
    "Celu": (lambda g, x: g.node("Celu", x, alpha=0.8), "custom"),
}


def all_values() -> np.ndarray:
    """An image of the 256 values of an int8 tensor."""
    return ((np.arange(-128, 128) - X[1]).astype(np.float32) * np.float32(X[0])).reshape(1, 1, 16, 16)


@pytest.mark.parametrize("case", CHAINS)
def test_every_value_is_onnx_runtimes(tmp_path, case):
    build, function = CHAINS[case]
    graph = Graph(shape=(1, 16, 16))
    path = graph.save(tmp_path / "model.onnx", graph.qdq(build(graph, graph.qdq("image", *X)), *Y))
    (node,) = same_as_onnx_runtime(path, all_values()).model.network.nodes
    assert isinstance(node, Table) and node.function == function


@pytest.mark.parametrize("operator, attributes", [("QLinearSigmoid", {}), ("QLinearLeakyRelu", {"alpha": 0.3})])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_operator_form(tmp_path, operator, attributes, dtype):
    graph = Graph(shape=(1, 16, 16))
    shift = 128 if dtype is np.uint8 else 0
    x, y = (graph.scale_and_zero(scale, zero + shift, dtype) for scale, zero in (X, (0.01, -100)))
    made = graph.node(operator, graph.node("QuantizeLinear", "image", *x), *x, *y, domain=CONTRIB, **attributes)
    path = graph.save(tmp_path / "model.onnx", graph.node("DequantizeLinear", made, *y))
    (node,) = same_as_onnx_runtime(path, all_values()).model.network.nodes
    assert isinstance(node, Table)


def test_it_is_fused_after_the_convolution_it_follows(tmp_path):
    graph = Graph(seed=3)
    x = graph.qdq(graph.conv(graph.qdq("image", *X), 3, name="conv"), *X)
    x = graph.qdq(graph.node("Mul", x, graph.node("Sigmoid", x), name="silu"), *Y)
    x = graph.qdq(graph.conv(graph.node("MaxPool", x, kernel_shape=[2, 2]), 4, name="last"), *Y)
    model = same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", x), graph.images()).model
    assert [(node.name, node.op) for node in model.network.nodes][:2] == [("conv", "conv"), ("silu", "table")]


@pytest.mark.parametrize("build, message", [
    (lambda g, x: g.node("PRelu", x, number(g, [[[0.1]], [[0.2]]])), "slope = shape [2, 1, 1]; give one for each of 3"),
    (lambda g, x: g.node("Log", x), "result = not a number; the input can be"),
    (lambda g, x: g.node("Sigmoid", g.conv(x, 3, name="conv")),
     "not quantized; put QuantizeLinear and DequantizeLinear after conv"),
    (lambda g, x: g.node("Sigmoid", "image"), "the image, not quantized"),
    (lambda g, x: g.node("Max", x, g.node("MaxPool", x, kernel_shape=[1, 1])), "inputs = 2; only functions of one"),
])  # fmt: skip
def test_what_is_no_table_is_refused(tmp_path, build, message):
    graph = Graph()
    x = graph.qdq("image", *X)
    with pytest.raises(UnsupportedModel) as caught:
        import_onnx(graph.save(tmp_path / "model.onnx", graph.qdq(build(graph, x), *Y)))
    assert message in str(caught.value)
