"""Add, Sub, Mul, Div with a constant, and Sum and Sub of two tensors."""

import numpy as np
import pytest

from tcugen.model.problems import UnsupportedModel
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.conftest import same_as_onnx_runtime
from tests.onnx.importer.graphs import Graph

X, Y = (0.02, 3), (0.05, -7)


def per_channel(graph, channels=3):
    return graph.constant(graph.rng.uniform(0.3, 2, (1, channels, 1, 1)) * [[[[1]], [[-1]], [[1]]]], np.float32)


OPERATORS = {
    "product": lambda g, x, c: g.node("Mul", x, c),
    "product turned round": lambda g, x, c: g.node("Mul", c, x),
    "quotient": lambda g, x, c: g.node("Div", x, c),
    "difference": lambda g, x, c: g.node("Sub", x, c),
    "difference turned round": lambda g, x, c: g.node("Sub", c, x),
    "sum": lambda g, x, c: g.node("Sum", x, c),
    "chain": lambda g, x, c: g.node("Div", g.node("Add", g.node("Mul", x, c), c), c),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", OPERATORS)
def test_after_rounding_every_operand_is_rounded_as_in_floating_point(tmp_path, case, seed):
    """Of the 256 operands of each channel all are there, and none comes out otherwise."""
    graph = Graph(shape=(3, 16, 16), seed=seed)
    s_x, s_y = graph.rng.uniform(0.01, 0.03), graph.rng.uniform(0.02, 0.06)
    total = OPERATORS[case](graph, graph.qdq("image", s_x, 3), per_channel(graph))
    path = graph.save(tmp_path / "model.onnx", graph.qdq(total, s_y, -7))
    operands = (np.arange(-128, 128, dtype=np.float32) - 3) * np.float32(s_x)
    same_as_onnx_runtime(path, np.broadcast_to(operands.reshape(1, 1, 16, 16), (1, 3, 16, 16)).copy())


@pytest.mark.parametrize("case", ["product", "quotient", "difference", "difference turned round", "chain"])
def test_before_rounding_they_become_part_of_the_convolution(tmp_path, case):
    graph = Graph()
    total = OPERATORS[case](graph, graph.conv(graph.qdq("image", *X), 3, outputs=3), per_channel(graph))
    path = graph.save(tmp_path / "model.onnx", graph.qdq(total, *Y))
    result = same_as_onnx_runtime(path, graph.images(), count=3)
    assert len(result.model.network.nodes) == 1


def test_a_positive_factor_goes_past_a_limit_of_zero(tmp_path):
    graph = Graph()
    limited = graph.node("Relu", graph.conv(graph.qdq("image", *X), 3))
    path = graph.save(
        tmp_path / "model.onnx", graph.qdq(graph.node("Mul", limited, graph.constant(0.7, np.float32)), *Y)
    )
    assert len(same_as_onnx_runtime(path, graph.images(), count=3).model.network.nodes) == 1


def test_no_other_factor_does(tmp_path):
    graph = Graph()
    limited = graph.node("Relu", graph.conv(graph.qdq("image", *X), 3, name="conv"))
    total = graph.node("Mul", limited, graph.constant(-0.7, np.float32), name="node")
    with pytest.raises(UnsupportedModel, match=r"node \(Mul\): input 't\d' = not quantized; put QuantizeLinear"):
        import_onnx(graph.save(tmp_path / "model.onnx", graph.qdq(total, *Y)))


def test_a_sum_of_two(tmp_path):
    graph = Graph()
    x = graph.qdq("image", *X)
    total = graph.node("Relu", graph.node("Sum", x, graph.qdq(x, 0.03, -11)))
    same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", graph.qdq(total, 0.047, -7)), graph.images(), count=2)


@pytest.mark.parametrize("zero_point", [-128, 3, 127])
def test_a_difference_of_two(tmp_path, zero_point):
    graph = Graph()
    x = graph.qdq("image", 0.02, zero_point)
    total = graph.node("Sub", graph.qdq(graph.conv(x, 3, outputs=3, pads=[1] * 4), 0.03, 5), x, name="difference")
    path = graph.save(tmp_path / "model.onnx", graph.qdq(total, 0.047, -7))
    result = same_as_onnx_runtime(path, graph.images(), count=2)
    assert [node.name for node in result.model.network.nodes][1:] == ["difference.negated", "difference"]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda g, x: g.node("Sum", x, x, x), "inputs = 3; add two at a time"),
        (lambda g, x: g.node("Div", x, g.qdq(g.conv(x, 3), *Y)), "inputs = two tensors; the hardware does not"),
        (
            lambda g, x: g.node("Div", g.constant(np.ones((3, 1, 1)), np.float32), x),
            "input 0 = a constant; the hardware does not",
        ),
        (lambda g, x: g.node("Div", x, g.constant(0, np.float32)), "constant = 0.0; nothing can be divided"),
    ],
)
def test_what_is_refused(tmp_path, make, message):
    graph = Graph()
    with pytest.raises(UnsupportedModel, match=message):
        import_onnx(graph.save(tmp_path / "model.onnx", graph.qdq(make(graph, graph.qdq("image", *X)), *Y)))
