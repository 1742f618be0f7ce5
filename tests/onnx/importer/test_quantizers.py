"""A small residual network through ONNX Runtime's own quantizer, in every form that it writes."""

import warnings
from typing import Any

import numpy as np
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from tcugen.model.problems import UnsupportedModel
from tcugen.network.operators import Conv
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.conftest import reals
from tests.onnx.importer.graphs import Graph, run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def float_network():
    """Stem, pool, a block with a shortcut, average and classes, as exporters write it."""
    graph = Graph(shape=(3, 32, 32), seed=3)

    def conv(x, inputs, outputs, side, **attributes):
        deviation = (2 / (inputs * side * side)) ** 0.5
        weight = graph.constant(graph.rng.normal(0, deviation, (outputs, inputs, side, side)), np.float32)
        bias = graph.constant(graph.rng.normal(0, 0.2, outputs), np.float32)
        return graph.node("Conv", x, weight, bias, kernel_shape=[side, side], **attributes)

    same: dict[str, Any] = {"pads": [1, 1, 1, 1]}
    x = graph.node("Relu", conv("image", 3, 8, 3, strides=[2, 2], **same))
    x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], **same)
    inner = graph.node("Relu", conv(x, 8, 8, 3, strides=[2, 2], **same))
    inner = conv(inner, 8, 16, 3, **same)
    x = graph.node("Relu", graph.node("Add", inner, conv(x, 8, 16, 1, strides=[2, 2])))
    flat = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    weight = graph.constant(graph.rng.normal(0, 0.3, (10, 16)), np.float32)
    return graph, graph.node("Gemm", flat, weight, graph.constant(np.zeros(10), np.float32), transB=1)


class Reader(CalibrationDataReader):
    def __init__(self, images):
        self.left = iter(images)

    def get_next(self):
        image = next(self.left, None)
        return None if image is None else {"image": image[None]}


@pytest.mark.parametrize("activations", [QuantType.QInt8, QuantType.QUInt8], ids=["int8", "uint8"])
@pytest.mark.parametrize("per_channel", [False, True], ids=["per_tensor", "per_channel"])
@pytest.mark.parametrize("quant_format", [QuantFormat.QDQ, QuantFormat.QOperator], ids=["qdq", "operators"])
def test_what_onnx_runtime_quantizes(quant_format, per_channel, activations, tmp_path):
    graph, output = float_network()
    images = graph.images(16)
    source, path = graph.save(tmp_path / "float.onnx", output), tmp_path / "quantized.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_static(
            source,
            path,
            Reader(images),
            quant_format=quant_format,
            per_channel=per_channel,
            # Seven bits: on some processors its uint8 kernels saturate inside on eight.
            reduce_range=activations == QuantType.QUInt8,
            activation_type=activations,
            weight_type=QuantType.QInt8,
        )
    model = import_onnx(path).model
    assert sum(isinstance(node, Conv) for node in model.network.nodes) == 4
    assert [node.op for node in model.network.nodes[-2:]] == ["global_average_pool", "linear"]
    got, want = reals(model, images)[:, :, 0, 0], run(path, images)
    step = model.scale(model.network.nodes[-1].name)
    if quant_format is QuantFormat.QOperator:
        assert np.array_equal(got, want)
    else:
        assert np.abs(got - want).max() < 3.01 * step
    error = np.abs(got - run(source, images))
    assert error.mean() < 4 * step


def unprepared_network():
    """As exporters write it in training form: normalisations on their own, and a linear layer as MatMul and Add."""
    graph = Graph(shape=(3, 16, 16), seed=4)
    x = "image"
    for inputs, outputs in ((3, 8), (8, 12)):
        weight = graph.constant(graph.rng.normal(0, 0.3, (outputs, inputs, 3, 3)), np.float32)
        x = graph.node("Conv", x, weight, kernel_shape=[3, 3], strides=[2, 2])
        ranges = ((-1.5, 1.5), (-0.5, 0.5), (-0.5, 0.5), (0.5, 2))
        parameters = [graph.constant(graph.rng.uniform(*limits, outputs), np.float32) for limits in ranges]
        x = graph.node("Relu", graph.node("BatchNormalization", x, *parameters))
    flat = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    product = graph.node("MatMul", flat, graph.constant(graph.rng.normal(0, 0.5, (12, 10)), np.float32))
    return graph, graph.node("Add", product, graph.constant(graph.rng.normal(0, 1, 10), np.float32))


@pytest.mark.parametrize("activations", [QuantType.QInt8, QuantType.QUInt8], ids=["int8", "uint8"])
@pytest.mark.parametrize("quant_format", [QuantFormat.QDQ, QuantFormat.QOperator], ids=["qdq", "operators"])
def test_what_it_quantizes_without_preparation(quant_format, activations, tmp_path):
    graph, output = unprepared_network()
    images = graph.images(16)
    source, path = graph.save(tmp_path / "float.onnx", output), tmp_path / "quantized.onnx"
    quantize_static(
        source,
        path,
        Reader(images),
        quant_format=quant_format,
        reduce_range=activations == QuantType.QUInt8,
        activation_type=activations,
        weight_type=QuantType.QInt8,
    )
    if quant_format is QuantFormat.QOperator:
        # It leaves the average after a normalisation in floating point.
        with pytest.raises(UnsupportedModel, match="1 node .*\n.*GlobalAveragePool_6.* = not quantized; put"):
            import_onnx(path)
        return
    model = import_onnx(path).model
    kinds = [(node.op, getattr(node, "groups", 1)) for node in model.network.nodes]
    layers = [("conv", 1), ("conv", 8), ("conv", 1), ("conv", 12), ("global_average_pool", 1), ("linear", 1)]
    assert kinds == [*layers, ("conv", 10)]
    got, want = reals(model, images)[:, :, 0, 0], run(path, images)
    step = model.scale(model.network.nodes[-1].name)
    assert np.abs(got - want).max() < 3.01 * step
    assert np.abs(got - run(source, images)).mean() < 4 * step
