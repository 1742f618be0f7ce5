"""Pad: part of the window after it, or a convolution that moves pixels."""

import numpy as np
import pytest

from tcugen.model.problems import UnsupportedModel
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.conftest import same_as_onnx_runtime
from tests.onnx.importer.graphs import Graph

X, Y = (0.02, 3), (0.05, -7)


def pad(graph, x, pads, *value, **attributes):
    return graph.node("Pad", x, graph.constant(pads, np.int64), *value, name="pad", **attributes)


def operators(result):
    return [(node.op, getattr(node, "padding", None)) for node in result.model.network.nodes]


@pytest.mark.parametrize("rounded", [True, False])
def test_into_a_convolution(tmp_path, rounded):
    graph = Graph()
    x = pad(graph, graph.qdq("image", *X), [0, 0, 1, 2, 0, 0, 0, 1])
    x = graph.qdq(x, *X) if rounded else x
    path = graph.save(tmp_path / "model.onnx", graph.qdq(graph.conv(x, 3, pads=[1, 0, 1, 0]), *Y))
    result = same_as_onnx_runtime(path, graph.images())
    assert operators(result) == [("conv", (2, 2, 1, 1))]


def test_on_integers_with_the_zero_point(tmp_path):
    graph = Graph()
    x = graph.quantize("image", *X)
    x = graph.dequantize(pad(graph, x, [0, 0, 1, 1, 0, 0, 1, 1], graph.constant(3, np.int8)), *X)
    path = graph.save(tmp_path / "model.onnx", graph.qdq(graph.conv(x, 3), *Y))
    assert operators(same_as_onnx_runtime(path, graph.images())) == [("conv", (1, 1, 1, 1))]


def test_before_rounding(tmp_path):
    graph = Graph()
    x = graph.node("Relu", pad(graph, graph.conv(graph.qdq("image", *X), 3, name="first"), [0, 0, 1, 1, 0, 0, 1, 1]))
    path = graph.save(tmp_path / "model.onnx", graph.qdq(graph.conv(graph.qdq(x, *Y), 4), *Y))
    result = same_as_onnx_runtime(path, graph.images(), count=5)
    assert operators(result)[-1] == ("conv", (1, 1, 1, 1))


@pytest.mark.parametrize("zero_point, own", [(-128, False), (3, True)])
def test_into_a_maximum_where_nothing_is_below_zero(tmp_path, zero_point, own):
    """Padding of a maximum never wins; zeros do where all else is below."""
    graph = Graph()
    x = graph.qdq("image", 0.02, zero_point)
    x = pad(graph, x, [0, 0, 1, 1, 0, 0, 0, 0])
    path = graph.save(
        tmp_path / "model.onnx",
        graph.qdq(graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2]), 0.02, zero_point),
    )
    result = same_as_onnx_runtime(path, graph.images())
    assert len(operators(result)) == (2 if own else 1)


def test_more_than_a_maximum_can_take_over(tmp_path):
    graph = Graph()
    x = pad(graph, graph.qdq("image", 0.02, -128), [0, 0, 3, 3, 0, 0, 0, 0])
    path = graph.save(
        tmp_path / "model.onnx", graph.qdq(graph.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), 0.02, -128)
    )
    assert len(operators(same_as_onnx_runtime(path, graph.images()))) == 2


@pytest.mark.parametrize("reader", ["output", "Add"])
def test_a_reader_without_a_window(tmp_path, reader):
    graph = Graph()
    x = graph.qdq(pad(graph, graph.qdq("image", *X), [0, 0, 1, 2, 0, 0, 0, 1]), *X)
    if reader == "Add":
        x = graph.qdq(graph.node("Add", x, x), 0.0625, 5)
    path = graph.save(tmp_path / "model.onnx", x)
    assert operators(same_as_onnx_runtime(path, graph.images(), count=2))[0] == ("conv", (1, 2, 0, 1))


@pytest.mark.parametrize(
    "arguments, attributes, message",
    [
        (([0, 0, 1, 1, 0, 0, 1, 1],), {"mode": "reflect"}, "mode = reflect; only zeros"),
        (([0, 1, 0, 0, 0, 0, 0, 0],), {}, r"pads = \[0, 1, .*only rows and columns"),
        (([0, 0, -1, 0, 0, 0, 0, 0],), {}, r"pads = \[0, 0, -1, .*none taken away"),
    ],
)
def test_other_borders_are_refused(tmp_path, arguments, attributes, message):
    graph = Graph()
    x = pad(graph, graph.qdq("image", *X), *arguments, **attributes)
    with pytest.raises(UnsupportedModel, match=message):
        import_onnx(graph.save(tmp_path / "model.onnx", graph.qdq(graph.conv(x, 4 if "1" in message else 3), *Y)))


def test_other_values_are_refused(tmp_path):
    graph = Graph()
    x = pad(graph, graph.qdq("image", *X), [0, 0, 1, 1, 0, 0, 1, 1], graph.constant(0.5, np.float32))
    with pytest.raises(UnsupportedModel, match="value = 0.5; only zeros"):
        import_onnx(graph.save(tmp_path / "model.onnx", graph.qdq(graph.conv(x, 3), *Y)))


def test_limits_that_change_the_zeros_are_refused(tmp_path):
    graph = Graph()
    x = pad(graph, graph.qdq("image", *X), [0, 0, 1, 1, 0, 0, 1, 1])
    x = graph.node("Clip", x, graph.constant(0.5, np.float32), graph.constant(1, np.float32), name="clip")
    with pytest.raises(UnsupportedModel, match=r"clip \(Clip\): limits = \[0.5, 1.0\]; they change the padding"):
        import_onnx(graph.save(tmp_path / "model.onnx", graph.qdq(x, *X)))
