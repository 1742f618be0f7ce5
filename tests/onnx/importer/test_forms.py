"""Images and outputs in other forms than float32 [n, C, H, W]: integers, channels last, two dimensions, sums."""

import numpy as np
import pytest
from onnx import TensorProto

from tcugen.model.errors import ModelError
from tcugen.model.file_form import FileForm
from tcugen.model.images import read_images
from tcugen.model.problems import UnsupportedModel
from tcugen.model.store import load, save
from tcugen.onnx.importer.onnx_model import import_onnx
from tcugen.onnx.run_file import reals
from tests.onnx.importer.conftest import integers, same_as_onnx_runtime
from tests.onnx.importer.graphs import Graph, run

TYPES = {"int8": (np.int8, TensorProto.INT8, 0), "uint8": (np.uint8, TensorProto.UINT8, 128)}


def whole_numbers(graph, dtype, count=3):
    limits = np.iinfo(dtype)
    return graph.rng.integers(limits.min, limits.max + 1, (count, *graph.shape)).astype(dtype)


@pytest.mark.parametrize("name", TYPES)
class TestIntegers:
    def test_output(self, tmp_path, name):
        dtype, kind, shift = TYPES[name]
        graph = Graph()
        output = graph.quantize(graph.conv(graph.qdq("image", 0.02, 3), 3), 0.05, shift - 7, dtype)
        path = graph.save(tmp_path / "model.onnx", graph.node("Identity", output), kind)
        model = same_as_onnx_runtime(path, graph.images()).model
        assert model.form(model.network.nodes[-1].name) == FileForm(name)

    def test_input(self, tmp_path, name):
        dtype, kind, shift = TYPES[name]
        graph = Graph(kind=kind)
        x = graph.dequantize("image", 0.02, shift + 3, dtype)
        output = graph.qdq(graph.conv(x, 3), 0.05, -7)
        path, images = graph.save(tmp_path / "model.onnx", output), whole_numbers(graph, dtype)
        model = same_as_onnx_runtime(path, images).model
        save(model, tmp_path / "model.npz")
        stored = load(tmp_path / "model.npz")
        assert stored.forms == model.forms == {"image": FileForm(name)}
        np.save(tmp_path / "x.npy", images)
        shape = model.network.inputs[0][1]
        assert np.array_equal(read_images(tmp_path / "x.npy", shape, stored.form("image")), images)
        np.save(tmp_path / "x.npy", images.astype(np.float32))
        with pytest.raises(ModelError, match=f"holds float32 .* images must be {name} "):
            read_images(tmp_path / "x.npy", shape, stored.form("image"))

    def test_input_and_output_in_operator_form(self, tmp_path, name):
        dtype, kind, shift = TYPES[name]
        graph = Graph(kind=kind)
        x = ("image", *graph.scale_and_zero(0.02, shift + 3, dtype))
        weight = (graph.constant(graph.weights(4, 3, 3, 3)), *graph.scale_and_zero(0.002, 0))
        output = graph.node("QLinearConv", *x, *weight, *graph.scale_and_zero(0.05, shift - 7, dtype))
        same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", output, kind), whole_numbers(graph, dtype))


def test_integers_that_two_nodes_read_differently(tmp_path):
    graph = Graph(kind=TensorProto.INT8)
    total = graph.node("Add", graph.dequantize("image", 0.02, 3), graph.dequantize("image", 0.03, 3))
    with pytest.raises(UnsupportedModel, match="the image is quantized with 0.02, 3 elsewhere"):
        import_onnx(graph.save(tmp_path / "model.onnx", graph.qdq(total, 0.05)))


def test_integers_under_the_zero_point_of_the_other_type(tmp_path):
    graph = Graph(kind=TensorProto.UINT8)
    x = ("image", *graph.scale_and_zero(0.02, 3, np.int8))
    weight = (graph.constant(graph.weights(4, 3, 3, 3)), *graph.scale_and_zero(0.002, 0))
    output = graph.node("QLinearConv", *x, *weight, *graph.scale_and_zero(0.05, -7))
    with pytest.raises(ModelError):
        import_onnx(graph.save(tmp_path / "model.onnx", output, TensorProto.INT8))


class TestChannelsLast:
    @pytest.mark.parametrize("quantized_first", [True, False])
    def test_image(self, tmp_path, quantized_first):
        graph = Graph(shape=(8, 6, 3))
        if quantized_first:
            x = graph.node("Transpose", graph.qdq("image", 0.02, 3), perm=[0, 3, 1, 2])
        else:
            x = graph.qdq(graph.node("Transpose", "image", perm=[0, 3, 1, 2]), 0.02, 3)
        path = graph.save(tmp_path / "model.onnx", graph.qdq(graph.conv(x, 3), 0.05, -7))
        model = same_as_onnx_runtime(path, graph.images()).model
        assert str(model.network.inputs[0][1]) == "3x8x6"
        assert model.forms == {"image": FileForm(layout="nhwc")}

    @pytest.mark.parametrize("shape", [(3, 8, 6), (1, 8, 6), (6, 1, 1)])
    def test_before_flatten(self, tmp_path, shape):
        graph = Graph(shape=shape)
        total = int(np.prod(shape))
        x = graph.qdq(graph.node("Transpose", graph.qdq("image", 0.02, 3), perm=[0, 2, 3, 1]), 0.02, 3)
        flat = graph.node("Reshape", x, graph.constant([1, total], np.int64))
        product = graph.node("MatMul", flat, graph.quantized_constant(graph.weights(total, 5), 0.001, axis=1))
        path = graph.save(tmp_path / "model.onnx", graph.qdq(product, 0.02, -7))
        same_as_onnx_runtime(path, graph.images(8))

    def test_output(self, tmp_path):
        graph = Graph()
        x = graph.qdq(graph.conv(graph.qdq("image", 0.02, 3), 3), 0.05, -7)
        path = graph.save(tmp_path / "model.onnx", graph.node("Transpose", x, perm=[0, 2, 3, 1]))
        same_as_onnx_runtime(path, graph.images())

    def test_sum_and_mean(self, tmp_path):
        graph = Graph()
        x = graph.node("Transpose", graph.qdq("image", 0.02, 3), perm=[0, 2, 3, 1])
        total = graph.qdq(graph.node("Add", x, graph.qdq(x, 0.03, -11)), 0.05, 3)
        path = graph.save(tmp_path / "model.onnx", graph.qdq(graph.node("ReduceMean", total, axes=[1, 2]), 0.002))
        same_as_onnx_runtime(path, graph.images(8), count=1)


class TestTwoDimensions:
    def test_perceptron(self, tmp_path):
        graph = Graph(shape=(16,))
        x = graph.qdq("image", 0.02, 3)
        hidden = graph.node("Gemm", x, graph.quantized_constant(graph.weights(8, 16), 0.01), transB=1)
        hidden = graph.qdq(graph.node("Relu", hidden), 0.05, -128)
        output = graph.node("MatMul", hidden, graph.quantized_constant(graph.weights(8, 5), 0.01, axis=1))
        path = graph.save(tmp_path / "model.onnx", graph.qdq(output, 0.2, 9))
        model = same_as_onnx_runtime(path, graph.images(8)).model
        assert model.forms == {"image": FileForm(layout="flat")}

    def test_rows_that_become_a_picture(self, tmp_path):
        graph = Graph(shape=(3 * 8 * 8,))
        x = graph.node("Reshape", graph.qdq("image", 0.02, 3), graph.constant([1, 3, 8, 8], np.int64))
        path = graph.save(tmp_path / "model.onnx", graph.qdq(graph.conv(x, 3), 0.05, -7))
        model = same_as_onnx_runtime(path, graph.images()).model
        assert str(model.network.inputs[0][1]) == "3x8x8"


class TestSums:
    @pytest.mark.parametrize("operator, high", [("Relu", np.inf), ("Clip", 6.0)])
    def test_limits_after_sums_are_the_readers(self, tmp_path, operator, high):
        graph = Graph()
        sums = graph.conv(graph.qdq("image", 0.02, 3), 3)
        bounds = () if operator == "Relu" else (graph.constant(0, np.float32), graph.constant(high, np.float32))
        path = graph.save(tmp_path / "model.onnx", graph.node(operator, sums, *bounds))
        model, images = import_onnx(path).model, graph.images()
        last = model.network.nodes[-1].name
        assert model.tensors[last] is None
        want, got = run(path, images), reals(model, integers(model, images))
        assert got.min() == 0 and got.max() <= high
        assert got.reshape(want.shape) == pytest.approx(want, rel=1e-5, abs=1e-5)
        save(model, tmp_path / "model.npz")
        assert load(tmp_path / "model.npz").form(last).limits == (0, high)

    def test_a_mean_that_is_not_rounded(self, tmp_path):
        graph = Graph()
        path = graph.save(tmp_path / "model.onnx", graph.node("GlobalAveragePool", graph.qdq("image", 0.02, 3)))
        model, images = import_onnx(path).model, graph.images()
        want, got = run(path, images), reals(model, integers(model, images))
        assert got.reshape(want.shape) == pytest.approx(want, rel=1e-5, abs=1e-6)

    def test_a_sum_of_two_tensors_that_is_not_rounded_is_refused(self, tmp_path):
        graph = Graph()
        x = graph.qdq("image", 0.02, 3)
        with pytest.raises(UnsupportedModel, match="output = not quantized; put QuantizeLinear"):
            import_onnx(graph.save(tmp_path / "model.onnx", graph.node("Add", x, graph.qdq(x, 0.03))))
