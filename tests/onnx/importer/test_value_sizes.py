"""Shape inference looks into values only where they cannot grow beyond what shapes need."""

import math

import numpy as np
import onnx
import pytest

from tcugen.onnx.importer import inference
from tcugen.onnx.importer.inference import MOST_VALUES, inferred_shapes
from tcugen.onnx.importer.value_sizes import most_values
from tests.onnx.importer.graphs import Graph


def reshaped(graph: Graph, shape: str) -> onnx.ModelProto:
    return graph.model(graph.node("Reshape", "image", shape))


def of_a_shape() -> onnx.ModelProto:
    """A shape put together from pieces, as exporters write it."""
    graph = Graph()
    shape = graph.node("Shape", "image")
    piece = graph.node("Slice", shape, *(graph.constant([value], np.int64) for value in (0, 1)))
    return reshaped(graph, graph.node("Concat", piece, graph.constant([-1], np.int64), axis=0))


def of_a_range() -> onnx.ModelProto:
    graph = Graph()
    return reshaped(graph, graph.node("Range", *(graph.constant(value, np.int64) for value in (0, 1 << 31, 1))))


def doubled() -> onnx.ModelProto:
    graph = Graph()
    values = graph.constant([1, 2], np.int64)
    for _ in range(20):
        values = graph.node("Concat", values, graph.node("Cast", values, to=onnx.TensorProto.INT64), axis=0)
    return reshaped(graph, values)


def of_channels() -> onnx.ModelProto:
    """As DenseNet has it: nothing of it are shapes."""
    graph = Graph()
    tensor = graph.node("Relu", "image")
    for _ in range(60):
        tensor = graph.node("Concat", tensor, graph.node("Relu", tensor), axis=1)
    return graph.model(tensor)


@pytest.mark.parametrize("model, most", [
    (of_a_shape(), 9), (of_a_range(), math.inf), (doubled(), 2 << 20), (of_channels(), 0),
], ids=["shape", "range", "doubled", "channels"])  # fmt: skip
def test_values_are_counted_before_they_are_carried(model, most, monkeypatch):
    assert most_values(model.graph) == most
    asked, infer = [], onnx.shape_inference.infer_shapes

    def watched(model, data_prop):
        asked.append(data_prop)
        return infer(model, data_prop=data_prop)

    monkeypatch.setattr(onnx.shape_inference, "infer_shapes", watched)
    inferred_shapes(model)
    assert asked == [most <= MOST_VALUES]
    assert inference.MOST_VALUES == 4096
