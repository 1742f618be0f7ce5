"""What becomes of things that other tools write and the hardware has no word for."""

import numpy as np
import pytest

from tcugen.model.problems import UnsupportedModel
from tests.onnx.importer.conftest import integers, reals, tensors
from tests.onnx.importer.graphs import Graph, run

X, Y = (0.02, 3), (0.05, -7)


def operators(model):
    return [node.op for node in model.network.nodes]


def convolution(graph, weight, bias=None, x=None):
    """A graph's one convolution, rounded."""
    x = x or graph.qdq("image", *X)
    return graph.qdq(graph.node("Conv", x, weight, *([bias] if bias else []), name="conv"), *Y)


class TestWeights:
    def test_a_zero_point_is_taken_out_where_the_rest_fits_int8(self, imported):
        graph = Graph()
        weight = graph.weights(4, 3, 3, 3, low=-100, high=100)
        plain = imported(graph, convolution(graph, graph.quantized_constant(weight, 0.002)))
        graph = Graph()
        moved = imported(graph, convolution(graph, graph.quantized_constant(weight + np.int8(17), 0.002, 17)))
        assert np.array_equal(moved.model.integers["conv"].weight, weight)
        assert moved.report.recoded_weights == ("conv",) and plain.report.recoded_weights == ()
        images = graph.images()
        assert np.array_equal(integers(moved.model, images), integers(plain.model, images))

    def test_a_zero_point_per_channel(self, imported):
        graph, points = Graph(), np.array([5, 0, -9, 100])
        weight = graph.weights(4, 3, 3, 3, low=-20, high=20)
        quantized_constant = graph.quantized_constant(
            weight + points.reshape(-1, 1, 1, 1).astype(np.int8), [0.002, 0.003, 0.004, 0.005], points
        )
        assert np.array_equal(
            imported(graph, convolution(graph, quantized_constant)).model.integers["conv"].weight, weight
        )

    @pytest.mark.parametrize("dtype, values, point", [(np.int8, [-128, 127], 1), (np.uint8, [0, 255], 100)])
    def test_a_zero_point_is_refused_where_it_does_not(self, imported, dtype, values, point):
        graph = Graph()
        weight = np.resize(np.array(values, dtype), (4, 3, 3, 3))
        with pytest.raises(UnsupportedModel, match=rf"conv \(Conv\): weight zero point = {point};.*symmetrically"):
            imported(graph, convolution(graph, graph.quantized_constant(weight, 0.002, point)))

    def test_minus_128_is_kept(self, imported):
        graph = Graph()
        weight = np.full((4, 3, 3, 3), -128, np.int8)
        result = imported(graph, convolution(graph, graph.quantized_constant(weight, 0.0002)))
        assert result.model.integers["conv"].weight.min() == -128


class TestBias:
    SCALES = np.array([0.001, 0.002, 0.003, 0.004], np.float32)

    def imported_bias(self, imported, write):
        graph = Graph()
        weight = graph.quantized_constant(graph.weights(4, 3, 3, 3), self.SCALES)
        return imported(graph, convolution(graph, weight, write(graph)))

    def test_integers_in_the_scale_of_the_sums_are_kept(self, imported):
        values = np.array([1, -(2**24) - 1, 2**30, -7], np.int32)
        scale = np.float32(X[0]) * self.SCALES
        result = self.imported_bias(imported, lambda graph: graph.quantized_constant(values, scale))
        assert np.array_equal(result.model.integers["conv"].bias, values)
        assert result.report.bias_errors == ()

    def test_a_real_bias_is_rounded_to_the_nearest_even(self, imported):
        step = np.float64(np.float32(X[0])) * self.SCALES.astype(np.float64)
        steps = np.array([1000.25, -3.75, 0, 20000.4])
        result = self.imported_bias(imported, lambda graph: graph.constant(steps * step, np.float32))
        assert result.model.integers["conv"].bias.tolist() == [1000, -4, 0, 20000]
        (error,) = result.report.bias_errors
        assert error.node == "conv" and error.steps == pytest.approx(0.4, abs=0.01)
        assert error.real == pytest.approx(0.4 * step[3], rel=0.01)

    def test_integers_in_another_scale_are_rounded_too(self, imported):
        values = np.array([100, -50, 3, 0], np.int32)
        result = self.imported_bias(imported, lambda graph: graph.quantized_constant(values, 0.01))
        step = np.float64(np.float32(X[0])) * self.SCALES.astype(np.float64)
        assert np.array_equal(result.model.integers["conv"].bias, np.rint(values * np.float64(np.float32(0.01)) / step))
        assert result.report.bias_errors[0].steps <= 0.5

    def test_one_that_does_not_fit_32_bits_gets_a_scale_that_holds_it(self, imported):
        ours = self.imported_bias(imported, lambda graph: graph.constant([0, 1e6, 0, 0], np.float32)).model
        (conv,) = ours.integers.values()
        step = np.float64(np.float32(X[0])) * conv.weight_scale.astype(np.float64)
        assert conv.bias[1] == pytest.approx(2**30) and conv.bias[1] * step[1] == pytest.approx(1e6)
        assert np.array_equal(conv.weight_scale[[0, 2, 3]], self.SCALES[[0, 2, 3]])


class TestLimits:
    @pytest.mark.parametrize(
        "low, high, clamp, activation",
        [
            (0, 6, (-7, 113), "relu6"),
            (-1, 1, (-27, 13), (-1, 1)),
            (0, 1e30, (-7, 127), (0, float(np.float32(1e30)))),
        ],
    )
    def test_limits_are_rounded_like_values(self, imported, low, high, clamp, activation):
        graph = Graph()
        conv = graph.conv(graph.qdq("image", *X), 3, name="conv")
        clip = graph.node("Clip", conv, graph.constant(low, np.float32), graph.constant(high, np.float32))
        result = imported(graph, graph.qdq(clip, *Y))
        assert result.model.integers["conv"].clamp == clamp
        assert result.model.network.by_name["conv"].activation == activation

    def test_a_lone_relu_becomes_part_of_the_node_before_it(self, imported):
        graph = Graph()
        conv = graph.qdq(graph.conv(graph.qdq("image", *X), 3, name="conv"), *Y)
        result = imported(graph, graph.qdq(graph.node("Relu", conv), *Y))
        assert operators(result.model) == ["conv"]
        assert result.model.integers["conv"].clamp == (-7, 127)
        assert result.model.network.nodes[0].activation == "relu"

    def test_unless_someone_else_reads_that(self, imported):
        graph = Graph()
        conv = graph.qdq(graph.conv(graph.qdq("image", *X), 3, name="conv"), *Y)
        relu = graph.qdq(graph.node("Relu", conv, name="relu"), *Y)
        result = imported(graph, graph.qdq(graph.node("Add", conv, relu), 0.1, 3))
        assert [node.name for node in result.model.network.nodes][:2] == ["conv", "relu"]
        ours = tensors(result.model, graph.images())
        assert np.array_equal(ours["relu"], np.maximum(ours["conv"], -7))
        assert result.report.requantised == ("relu",)

    def test_a_lone_relu_without_its_own_quantization(self, imported):
        graph = Graph()
        relu = graph.node("Relu", graph.qdq("image", *X), name="relu")
        result = imported(graph, graph.qdq(graph.conv(relu, 3), *Y))
        assert operators(result.model) == ["requantise", "conv"]
        assert result.model.tensors["relu"] == result.model.tensors["image"]


class TestScales:
    def test_another_scale_behind_a_pool_is_a_node_of_its_own(self, imported):
        graph = Graph()
        pool = graph.node("MaxPool", graph.qdq("image", *X), name="pool", kernel_shape=[2, 2], strides=[2, 2])
        result = imported(graph, graph.qdq(pool, 0.07, 9))
        assert [node.name for node in result.model.network.nodes] == ["pool", "pool.requantise"]
        assert result.report.requantised == ("pool.requantise",)

    def test_another_scale_behind_flatten(self, imported, tmp_path):
        graph = Graph(shape=(8, 1, 1))
        flat = graph.qdq(graph.node("Flatten", graph.qdq("image", *X)), 0.031, -4)
        weight = graph.quantized_constant(graph.weights(5, 8), 0.01)
        result = imported(graph, graph.qdq(graph.node("Gemm", flat, weight, transB=1), *Y))
        assert operators(result.model) == ["requantise", "linear"]
        images = graph.images()
        assert np.abs(reals(result.model, images)[:, :, 0, 0] - run(tmp_path / "model.onnx", images)).max() < 0.051

    def test_the_same_scale_twice_is_one_tensor(self, imported):
        graph = Graph()
        conv = graph.node("Relu", graph.conv(graph.qdq("image", *X), 3))
        one, two = graph.qdq(conv, *Y), graph.qdq(conv, *Y)
        result = imported(graph, graph.qdq(graph.node("Add", one, two), 0.1, 0))
        assert operators(result.model) == ["conv", "add"]

    def test_two_scales_of_one_result_are_two_tensors(self, imported, tmp_path):
        graph = Graph()
        conv = graph.conv(graph.qdq("image", *X), 3)
        result = imported(graph, graph.qdq(graph.node("Add", graph.qdq(conv, *Y), graph.qdq(conv, 0.03, 1)), 0.1, 0))
        assert operators(result.model) == ["conv", "conv", "add"]
        images = graph.images()
        assert np.abs(reals(result.model, images) - run(tmp_path / "model.onnx", images)).max() < 0.101


class TestOutput:
    def test_a_last_gemm_without_quantization_stores_its_sums(self, imported, tmp_path):
        graph = Graph(shape=(8, 1, 1))
        flat = graph.node("Flatten", graph.qdq("image", *X))
        scale = np.float32(X[0]) * np.float32(0.01)
        bias = graph.quantized_constant(np.arange(-200, 300, 100, dtype=np.int32), scale)
        gemm = graph.node("Gemm", flat, graph.quantized_constant(graph.weights(5, 8), 0.01), bias, transB=1, name="fc")
        result = imported(graph, gemm)
        assert result.model.tensors["fc"] is None and result.model.integers["fc"].multiplier is None
        images = graph.images()
        got = integers(result.model, images)[:, :, 0, 0]
        assert got.dtype == np.int32
        assert np.allclose(got * np.float64(scale), run(tmp_path / "model.onnx", images), atol=1e-5)

    def test_its_bias_may_come_behind(self, imported):
        graph = Graph(shape=(8, 1, 1))
        flat = graph.node("Flatten", graph.qdq("image", *X))
        product = graph.node("MatMul", flat, graph.quantized_constant(graph.weights(8, 5), 0.01))
        result = imported(graph, graph.node("Add", product, graph.constant([1, 2, 3, 4, 5], np.float32)))
        assert result.model.integers["MatMul_4"].bias.tolist() == [5000, 10000, 15000, 20000, 25000]

    def test_the_output_may_stay_int8(self, imported):
        graph = Graph()
        result = imported(graph, graph.quantize(graph.conv(graph.qdq("image", *X), 3), *Y))
        assert integers(result.model, graph.images()).dtype == np.int8

    def test_nodes_that_the_output_does_not_need_are_left_out(self, imported):
        graph = Graph()
        x = graph.qdq("image", *X)
        graph.node("Sigmoid", x)
        result = imported(graph, graph.qdq(graph.conv(x, 3), *Y))
        assert operators(result.model) == ["conv"]
        assert result.report.notes == ("nodes left out that no output depends on: 1",)


class TestNames:
    @pytest.mark.parametrize(
        "given, name",
        [
            ("/layer1/layer1.0/conv1/Conv_quant", "layer1.0.conv1"),
            ("/layer2/layer2.0/downsample/downsample.0/Conv", "layer2.0.downsample.0"),
            ("/conv1/Conv", "conv1"),
            ("/features/features.3/conv/conv.1/conv.1.0/Conv_2", "features.3.conv.1.0"),
            ("Conv_12", "Conv_12"),
            ("my conv, the first\n", "my_conv__the_first_"),
            ("/block/shortcut/Conv", "block.shortcut.conv"),
            ("image", "image_2"),
            ("", "conv_3"),
            ("x" * 300, "x" * 160),
        ],
    )
    def test_names_are_module_paths_and_valid(self, imported, given, name):
        graph = Graph()
        result = imported(graph, graph.qdq(graph.conv(graph.qdq("image", *X), 3, name=given), *Y))
        assert [node.name for node in result.model.network.nodes] == [name]
        assert result.model.network.mac_count > 0
        assert result.report.origins[name] == (given or "conv_3")

    def test_an_add_is_named_after_its_block(self, imported):
        graph = Graph()
        x = graph.qdq("image", *X)
        result = imported(graph, graph.qdq(graph.node("Add", x, x, name="/layer1/layer1.0/Add"), *Y))
        assert result.model.network.nodes[0].name == "layer1.0.add"

    def test_equal_names_get_numbers(self, imported):
        graph = Graph()
        first = graph.qdq(graph.conv(graph.qdq("image", *X), 3, name="/conv/Conv"), *Y)
        result = imported(graph, graph.qdq(graph.conv(first, 4, name="/conv/Conv_1"), *Y))
        assert [node.name for node in result.model.network.nodes] == ["conv", "conv_2"]
