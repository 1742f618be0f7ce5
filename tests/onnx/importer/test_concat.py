"""Concat, Split and Slice of channels, as ONNX Runtime computes them, and what is refused."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from tcugen.model.integers import ConcatIntegers
from tcugen.model.problems import UnsupportedModel
from tcugen.network.operators import Concat, Slice
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.conftest import same_as_onnx_runtime
from tests.onnx.importer.graphs import CONTRIB, Graph
from tests.typed import typed

X, A, B, Y = (0.02, 3), (0.041, -128), (0.017, 20), (0.033, -7)


def branches(graph, x):
    """Two rounded convolutions of one tensor, of 6 and 5 channels."""
    a = graph.node("Relu", graph.conv(x, 4, outputs=6, pads=[1, 1, 1, 1]))
    return graph.qdq(a, *A), graph.qdq(graph.conv(x, 4, outputs=5, side=1), *B)


def two_scales(graph):
    return graph.qdq(graph.node("Concat", *branches(graph, graph.qdq("image", *X)), axis=1), *Y)


def with_the_image_and_relu(graph):
    x = graph.qdq("image", *X)
    a, b = branches(graph, x)
    return graph.qdq(graph.node("Relu", graph.node("Concat", b, x, a, b, axis=-3)), 0.05, -128)


def not_rounded_before(graph):
    """Convolutions that only the QuantizeLinear after the Concat rounds, and a pool between."""
    x = graph.qdq("image", *X)
    pooled = graph.node("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    joined = graph.node(
        "Concat", graph.conv(x, 4, side=1), pooled, graph.node("Relu", graph.conv(x, 4, side=1)), axis=1
    )
    return graph.qdq(joined, *Y)


def unsigned(graph):
    x = graph.qdq("image", 0.02, 131, np.uint8)
    a, b = (
        graph.qdq(graph.conv(x, 4, side=1), 0.04, 120, np.uint8),
        graph.qdq(graph.conv(x, 4, side=1), 0.05, 0, np.uint8),
    )
    return graph.qdq(graph.node("Concat", a, b, axis=1), 0.04, 120, np.uint8)


def operator_form(graph):
    image = graph.quantize("image", *X)
    parts = []
    for scale, zero_point in (A, B):
        weight = graph.constant(graph.weights(5, 4, 3, 3))
        inputs = [image, *graph.scale_and_zero(*X), weight, *graph.scale_and_zero(0.002, 0)]
        pair = graph.scale_and_zero(scale, zero_point)
        parts += [graph.node("QLinearConv", *inputs, *pair, pads=[1, 1, 1, 1]), *pair]
    joined = graph.node("QLinearConcat", *graph.scale_and_zero(*Y), *parts, domain=CONTRIB, axis=1)
    return graph.dequantize(joined, *Y)


def integers_of_one_scale(graph):
    image = graph.quantize("image", *X)
    halves = [
        graph.node("Slice", image, *(graph.constant(v, np.int64) for v in ([a], [b], [1])))
        for a, b in ((2, 2**40), (-4, -1))
    ]
    return graph.dequantize(graph.node("Concat", *halves, axis=1), *X)


@pytest.mark.parametrize(
    "build",
    [two_scales, with_the_image_and_relu, not_rounded_before, unsigned, operator_form, integers_of_one_scale],
)
def test_equal_to_onnx_runtime(build, tmp_path):
    graph = Graph(shape=(4, 8, 8))
    result = same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", build(graph)), graph.images())
    assert any(isinstance(node, Concat) for node in result.model.network.nodes)


@pytest.mark.parametrize("opset, how", [(11, "attribute"), (17, "input"), (17, "equal"), (18, "num_outputs")])
def test_split_and_shuffle(opset, how, tmp_path):
    """All outputs of a Split are used, in another order; one goes through a convolution."""
    graph = Graph(shape=(7 if how == "num_outputs" else 6, 8, 8), opset=opset)
    x = graph.qdq("image", *X)
    sizes = {"attribute": [1, 3, 2], "input": [1, 3, 2], "equal": [2, 2, 2], "num_outputs": [3, 3, 1]}[how]
    inputs: list[str] = [x]
    attributes: dict[str, Any] = {"axis": 1}
    if how == "attribute":
        attributes["split"] = sizes
    if how == "input":
        inputs.append(graph.constant(sizes, np.int64))
    if how == "num_outputs":
        attributes["num_outputs"] = 3
    first = graph.node("Split", *inputs, name="parts", **attributes)
    graph.nodes[-1].output.extend(["second", "third"])
    # Before opset 13 weights have one scale.
    middle = "second" if how == "attribute" else graph.qdq(graph.conv("second", sizes[1], side=1), *X)
    output = graph.qdq(graph.node("Concat", "third", middle, first, axis=1), *X)
    result = same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", output), graph.images())
    cuts = [node.channels for node in result.model.network.nodes if isinstance(node, Slice)]
    assert cuts == [(0, sizes[0]), (sizes[0], sizes[0] + sizes[1]), (sizes[0] + sizes[1], sum(sizes))]
    integers = typed(ConcatIntegers, result.model.integers[result.model.network.nodes[-1].name])
    assert integers.multipliers.tolist() == [1, 1, 1]


def slice_by(starts, ends, axes, steps=None):
    def build(graph, x):
        lists = [starts, ends, axes, *([steps] if steps else [])]
        return graph.node("Slice", x, *(graph.constant(values, np.int64) for values in lists), name="node")

    return build


def concat_of_integers(graph, x):
    a, b = graph.quantize(x, 0.02, 3), graph.quantize(x, 0.03, 3)
    return graph.dequantize(graph.node("Concat", a, b, axis=1, name="node"), 0.02, 3)


@pytest.mark.parametrize(
    "operator, attribute, remedy",
    [
        (lambda g, x: g.node("Concat", x, x, axis=2, name="node"), "axis", "joined or cut: use axis 1"),
        (lambda g, x: g.node("Split", x, axis=3, name="node"), "axis", "use axis 1"),
        (slice_by([1], [5], [2]), "axes", "let the host cut rows and columns"),
        (slice_by([0], [4], [1], [2]), "steps", "only neighbouring channels"),
        (slice_by([3], [3], [1]), "ends", "take at least one of 4 channels"),
        (lambda g, x: g.node("Concat", x, g.constant(np.ones((1, 1, 8, 8)), np.float32), axis=1, name="node"),
         "input 'c4'", "only weights and biases may be constant"),
        (concat_of_integers, "scale and zero point of 't3'", "use QLinearConcat or DequantizeLinear"),
        (lambda g, x: g.node("Concat", x, "image", axis=1, name="node"), "input 'image'", "put QuantizeLinear"),
        (lambda g, x: g.node("Concat", x, g.node("MaxPool", x, kernel_shape=[2, 2]), axis=1, name="node"), "shape",
         "change stride or padding before it"),
        (lambda g, x: g.node("Concat", *[g.node("Flatten", x)] * 2, axis=1, name="node"), "input", "front of Flatten"),
    ],
)  # fmt: skip
def test_what_is_refused(operator, attribute, remedy, tmp_path):
    graph = Graph(shape=(4, 8, 8))
    output = graph.qdq(operator(graph, graph.qdq("image", *X)), *Y)
    if graph.nodes[-3].op_type == "Split":
        graph.nodes[-3].output.append("rest")
    with pytest.raises(UnsupportedModel) as caught:
        import_onnx(graph.save(tmp_path / "model.onnx", output, TensorProto.FLOAT))
    found = [(problem.node, problem.attribute) for problem in caught.value.problems]
    assert found == [("node", attribute)]
    assert remedy in caught.value.problems[0].remedy
