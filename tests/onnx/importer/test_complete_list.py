"""The list of nodes that cannot run goes on after each of them: through both forms, and where a shape is unknown."""

import numpy as np
import pytest

from tcugen.model.problems import UnsupportedModel
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.graphs import CONTRIB, Graph

X, Y = (0.02, 3), (0.05, -7)


@pytest.fixture
def listed(tmp_path):
    """(node, attribute) of everything in the way of a graph."""

    def find(graph, output):
        with pytest.raises(UnsupportedModel) as caught:
            import_onnx(graph.save(tmp_path / "model.onnx", output))
        return [(problem.node, problem.attribute) for problem in caught.value.problems]

    return find


def average(graph, x, name="average"):
    return graph.node("AveragePool", x, kernel_shape=[2, 2], pads=[0, -1, 0, 0], name=name)


def unsigned(graph, x, name="unsigned"):
    """A convolution that is refused: its weights less their zero point reach beyond int8."""
    weight = np.full((4, 3, 5, 5), 255, np.uint8)
    return graph.node("Conv", x, graph.quantized_constant(weight, np.full(4, 0.002)), name=name)


def normalise(graph, x, channels=4, name="norm", **attributes):
    inputs = [graph.constant(np.ones(channels), np.float32) for _ in range(4)]
    return graph.node("BatchNormalization", x, *inputs, name=name, **attributes)


@pytest.mark.parametrize("axis", [{"axis": 1}, {}])
def test_the_operator_form_behind_an_unknown_operator(listed, axis):
    graph = Graph()
    pair = graph.scale_and_zero(*X)
    x = (graph.quantize("image", *X), *pair)
    joined = graph.node("QLinearConcat", *pair, *x, *x, domain=CONTRIB, name="joined", **axis)
    pooled = graph.node(
        "QLinearAveragePool",
        joined,
        *pair,
        *pair,
        domain=CONTRIB,
        kernel_shape=[2, 2],
        pads=[0, -1, 0, 0],
        name="average",
    )
    soft = graph.node("QLinearSoftmax", pooled, *pair, *pair, domain=CONTRIB, opset=13, name="soft")
    largest = graph.node("MaxPool", soft, kernel_shape=[2, 2], dilations=[2, 0], name="largest")
    assert listed(graph, graph.node("Flatten", largest, axis=2, name="flat")) == [
        *([] if axis else [("joined", "axis")]),
        ("average", "pads"),
        ("soft", "operator"),
        ("largest", "dilations"),
        ("flat", "axis"),
    ]


def test_its_layers_are_checked_against_inferred_shapes(listed):
    graph = Graph()
    pair = graph.scale_and_zero(*X)
    x = (graph.quantize("image", *X), *pair)
    soft = graph.node("QLinearSoftmax", *x, *pair, domain=CONTRIB, opset=13, name="soft")
    joined = graph.node("QLinearConcat", *pair, soft, *pair, *x, domain=CONTRIB, name="joined", axis=1)

    def conv(x, inputs, name, **attributes):
        weight = (graph.constant(graph.weights(4, inputs, 3, 3)), *graph.scale_and_zero(0.01, 0))
        return graph.node("QLinearConv", x, *pair, *weight, *pair, name=name, **attributes)

    fits = conv(joined, 6, "fits")
    broken = conv(fits, 3, "three_channels", pads=[1, 1, 1, 1])
    total = graph.node("QLinearAdd", fits, *pair, broken, *pair, *pair, domain=CONTRIB, name="sum")
    assert listed(graph, conv(total, 4, "group", group=2, pads=[0, 0, -1, 0])) == [
        ("soft", "operator"),
        ("three_channels", "weights"),
        ("group", "pads"),
    ]


def test_quantization_of_the_other_domain(listed):
    graph = Graph()

    def rounded(x):
        pair = graph.scale_and_zero(*X)
        integers = graph.node("QuantizeLinear", x, *pair, domain=CONTRIB)
        return graph.node("DequantizeLinear", integers, *pair, domain=CONTRIB)

    x = rounded(graph.node("LpNormalization", rounded("image"), name="norm"))
    x = rounded(average(graph, x))
    assert listed(graph, rounded(graph.node("Flatten", x, axis=2, name="flat"))) == [
        ("norm", "operator"),
        ("average", "pads"),
        ("flat", "axis"),
    ]


def test_real_tensors_behind_a_refused_convolution(listed):
    """The normalisation has nothing in the way: it would join what the Add becomes."""
    graph = Graph()
    x = average(graph, unsigned(graph, graph.qdq("image", *X)))
    x = graph.node("Add", x, graph.constant(1, np.float32), name="term")
    x = graph.node("ReduceMean", normalise(graph, x), axes=[1], name="mean")
    assert listed(graph, graph.qdq(x, *Y)) == [
        ("unsigned", "weight zero point"),
        ("average", "pads"),
        ("term", "input 't4'"),
        ("mean", "axes"),
    ]


def test_a_bias_and_a_normalisation_may_follow_it(listed):
    graph = Graph()
    x = unsigned(graph, graph.qdq("image", *X))
    x = graph.node("Add", x, graph.constant(np.ones((4, 1, 1)), np.float32), name="term")
    x = graph.node("Relu", normalise(graph, x))
    assert listed(graph, graph.qdq(x, *Y)) == [("unsigned", "weight zero point")]


@pytest.mark.parametrize(
    "follow, attribute",
    [
        (lambda g, x: normalise(g, x, channels=3, name="node"), "scale"),
        (lambda g, x: normalise(g, x, name="node", training_mode=1), "training_mode"),
        (lambda g, x: normalise(g, g.node("Relu", x), name="node"), "input 't4'"),
        (lambda g, x: g.node("Add", x, g.constant(np.ones(4), np.float32), name="node"), "constant"),
        (lambda g, x: g.node("Add", x, x, name="node"), "input 't3'"),
        (lambda g, x: g.conv(x, 4, name="node"), "input 't3'"),
        (lambda g, x: g.conv(g.qdq(x, *X), 6, name="node"), "weights"),
        (lambda g, x: g.conv(g.qdq(x, *X), 4, side=5, name="node"), "shape"),
        (lambda g, x: g.node("Add", g.qdq(x, *X), g.qdq(g.node("Flatten", x), *X), name="node"), "input 't8'"),
        (lambda g, x: g.node("MaxPool", x, kernel_shape=[5, 5], name="node"), "shape"),
        (
            lambda g, x: g.node("MatMul", g.qdq(x, *X), g.quantized_constant(g.weights(4, 4), 0.1), name="node"),
            "input 't5'",
        ),
        (
            lambda g, x: g.node(
                "MatMul", g.qdq(g.node("Flatten", x), *X), g.quantized_constant(g.weights(4, 4), 0.1), name="node"
            ),
            "weights",
        ),
        (lambda g, x: g.node("Reshape", x, g.constant([1, 2, -1], np.int64), name="node"), "shape"),
        (lambda g, x: g.node("GlobalAveragePool", x, name="node"), "input 't3'"),
    ],
)
def test_what_follows_is_checked_with_the_inferred_shape(listed, follow, attribute):
    graph = Graph()
    x = unsigned(graph, graph.qdq("image", *X))
    assert listed(graph, graph.qdq(follow(graph, x), *Y)) == [("unsigned", "weight zero point"), ("node", attribute)]


@pytest.mark.parametrize(
    "follow, attribute",
    [
        (lambda g, x: g.node("Flatten", x, axis=2, name="node"), "axis"),
        (lambda g, x: g.node("MaxPool", x, kernel_shape=[2, 2], dilations=[2, 0], name="node"), "dilations"),
        (lambda g, x: g.node("AveragePool", x, kernel_shape=[2, 2], pads=[1, -1, 1, 1], name="node"), "pads"),
        (lambda g, x: g.node("ReduceMean", x, axes=[1], name="node"), "axes"),
        (lambda g, x: g.conv(x, 3, strides=[0, 1], name="node"), "strides"),
        (
            lambda g, x: g.node(
                "Conv", x, g.quantized_constant(g.weights(4, 3, 1, 1), 0.1), g.constant([1, 2], np.float32), name="node"
            ),
            "bias",
        ),
        (lambda g, x: g.node("Gemm", x, g.quantized_constant(g.weights(4, 3), 0.1), alpha=2.0, name="node"), "alpha"),
        (lambda g, x: g.node("Clip", x, g.constant(np.nan, np.float32), name="node"), "min"),
        (lambda g, x: normalise(g, x, name="node", training_mode=1), "training_mode"),
    ],
)
def test_attributes_are_checked_where_no_shape_is_known(listed, follow, attribute):
    graph = Graph()
    x = graph.node("Mystery", graph.qdq("image", *X), domain=CONTRIB, name="mystery")
    assert listed(graph, graph.qdq(follow(graph, graph.qdq(x, *X)), *Y)) == [
        ("mystery", "operator"),
        ("node", attribute),
    ]


def test_refused_weights_do_not_bring_the_nodes_that_turn_them_round(listed):
    graph = Graph()
    weight, scale = graph.constant(graph.weights(5, 192)), graph.constant(0, np.float32)
    wide = graph.node("DequantizeLinear", weight, scale, name="w")
    flat = graph.node("Flatten", graph.qdq("image", *X))
    gemm = graph.node("Gemm", flat, graph.node("Transpose", wide), alpha=2.0, name="gemm")
    assert listed(graph, graph.qdq(gemm, *Y)) == [("w", "scale"), ("gemm", "alpha")]


def test_a_bias_computed_at_run_time(listed):
    graph = Graph()
    x = graph.qdq("image", *X)
    conv = graph.node("Conv", x, graph.quantized_constant(graph.weights(4, 3, 1, 1), 0.1), x, name="conv")
    assert listed(graph, graph.qdq(conv, *Y)) == [("conv", "bias")]
