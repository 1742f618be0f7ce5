"""A factor and a term per channel: folded into a convolution that is not rounded yet, else a convolution of its own."""

import warnings

import numpy as np
import pytest

from tcugen.model.problems import UnsupportedModel
from tests.onnx.importer.conftest import reals
from tests.onnx.importer.graphs import CONTRIB, Graph, run

X, Y = (0.02, 3), (0.05, -7)
VALUES = ([0.5, -0.7, 1.5, 0], [0.1, 0.2, -0.3, 0.7], [0.05, -0.1, 0, 0.3], [0.5, 1, 2, 0.1])
"""scale, bias, mean, variance of four channels; the last is switched off."""


def normalise(graph, x, values=VALUES, **attributes):
    inputs = [graph.constant(value, np.float32) for value in values]
    return graph.node("BatchNormalization", x, *inputs, name="bn", **attributes)


def rounded(graph):
    return graph.qdq(graph.conv(graph.qdq("image", *X), 3, name="conv"), 0.03, 5)


def at_most_one_step_apart(result, path, images):
    """In at most one of a hundred elements: one tensor more is rounded alike on both sides."""
    want, got = run(path, images), reals(result.model, images)
    apart = np.abs(got.reshape(want.shape) - want)
    assert len(np.unique(want)) > 6
    assert apart.max() < 1.01 * Y[0]
    assert np.count_nonzero(apart > Y[0] / 2) <= 2 + 0.01 * want.size


class TestNormalisation:
    def test_integers_of_the_weights_stay_and_scales_change(self, imported):
        graph = Graph()
        weight = graph.weights(2, 3, 3, 3)
        conv = graph.node("Conv", graph.qdq("image", *X), graph.quantized_constant(weight, [0.002, 0.003]), name="conv")
        values = ([2, -0.5], [0.1, 0.2], [0.05, -0.1], [1, 4])
        inputs = [graph.constant(value, np.float32) for value in values]
        normalised = graph.node("BatchNormalization", conv, *inputs, epsilon=0.0, name="bn")
        result = imported(graph, graph.qdq(normalised, *Y))
        ours = result.model.integers["conv"]
        assert np.array_equal(ours.weight, weight * np.array([1, -1], np.int8).reshape(-1, 1, 1, 1))
        assert ours.weight_scale == pytest.approx([0.004, 0.00075])
        assert ours.bias.tolist() == [0, round((0.2 - 0.05 / 2) / (0.02 * 0.00075))]
        assert result.report.folded_normalisations == ("bn",)

    def test_minus_128_cannot_change_its_sign(self, imported):
        graph = Graph()
        weight = graph.quantized_constant(np.full((1, 3, 1, 1), -128, np.int8), 0.002)
        conv = graph.node("Conv", graph.qdq("image", *X), weight)
        inputs = [graph.constant([value], np.float32) for value in (-1, 0, 0, 1)]
        with pytest.raises(UnsupportedModel, match="negative where a weight is -128"):
            imported(graph, graph.qdq(graph.node("BatchNormalization", conv, *inputs), *Y))

    @pytest.mark.parametrize("values", [([1] * 4, [0] * 4, [0] * 4, [1, -1, 1, 1]), ([np.nan] * 4, *VALUES[1:])])
    def test_one_that_is_no_number_is_refused_without_a_warning(self, imported, values):
        graph = Graph()
        normalised = normalise(graph, graph.conv(graph.qdq("image", *X), 3), values)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UnsupportedModel, match=r"bn \(BatchNormalization\): .* = not finite; export"):
                imported(graph, graph.qdq(normalised, *Y))

    @pytest.mark.parametrize("before", [lambda graph: graph.conv(graph.qdq("image", *X), 3), rounded])
    @pytest.mark.parametrize(
        "values, message",
        [
            ([value[:3] for value in VALUES], "scale = 3 values; give one for each of 4 channels"),
            ((VALUES[0], VALUES[1][:1], *VALUES[2:]), r"bias = shape \[1\]; scale has \[4\]"),
            ((*VALUES[:3], [VALUES[3]]), r"variance = shape \[1, 4\]; scale has \[4\]"),
        ],
    )
    def test_parameters_of_another_length_are_refused(self, imported, before, values, message):
        graph = Graph()
        with pytest.raises(UnsupportedModel, match=message):
            imported(graph, graph.qdq(normalise(graph, before(graph), values), *Y))

    def test_training_mode_is_refused(self, imported):
        graph = Graph()
        normalised = normalise(graph, graph.conv(graph.qdq("image", *X), 3), training_mode=1)
        graph.nodes[-1].output.extend(["running_mean", "running_variance"])
        with pytest.raises(UnsupportedModel, match=r"training_mode = 1; export .* for inference: call model.eval\(\)"):
            imported(graph, graph.qdq(normalised, *Y))


class TestBehindRounding:
    def test_a_normalisation_is_a_convolution_of_one_channel_per_group(self, imported, tmp_path):
        graph = Graph()
        result = imported(graph, graph.qdq(normalise(graph, rounded(graph)), *Y))
        conv, own = result.model.network.nodes
        assert (own.op, own.kernel, own.groups, own.inputs) == ("conv", (1, 1), 4, (conv.name,))
        ours = result.model.integers["bn"]
        gamma, beta, mean, variance = np.array(VALUES, np.float32).astype(np.float64)
        factor = gamma / np.sqrt(variance + 1e-5)
        weight = ours.weight.reshape(-1)
        assert np.sign(weight).tolist() == [1, -1, 1, 0] and np.abs(weight[:3]).min() > 100
        assert ours.weight_scale[:3] * weight[:3] == pytest.approx(factor[:3], rel=1e-6)
        s_x = np.float64(result.model.tensors["conv"].scale)
        assert ours.bias == pytest.approx((beta - mean * factor) / (s_x * ours.weight_scale), abs=0.51)
        error = next(error for error in result.report.bias_errors if error.node == "bn")
        assert 0 < error.steps <= 0.5 and error.real < 1e-3
        assert result.report.folded_normalisations == ()
        at_most_one_step_apart(result, tmp_path / "model.onnx", graph.images())

    def test_with_a_relu_behind_it(self, imported, tmp_path):
        graph = Graph()
        result = imported(graph, graph.qdq(graph.node("Relu", normalise(graph, rounded(graph))), *Y))
        assert [node.activation for node in result.model.network.nodes] == [None, "relu"]
        at_most_one_step_apart(result, tmp_path / "model.onnx", graph.images())

    @pytest.mark.parametrize("constant", [[1, -1, 0.25, 0, 2], 0.7, [[1, -1, 0.25, 0, 2]]])
    def test_the_bias_of_a_linear_layer(self, imported, tmp_path, constant):
        """As ONNX Runtime's quantize_static leaves it in a model that was not prepared."""
        graph = Graph()
        flat = graph.node("Flatten", graph.qdq("image", *X))
        product = graph.node("MatMul", flat, graph.quantized_constant(graph.weights(192, 5), 0.0005), name="product")
        total = graph.node("Add", graph.qdq(product, 0.01, 4), graph.constant(constant, np.float32), name="bias")
        result = imported(graph, graph.qdq(total, *Y))
        assert [(node.name, node.groups) for node in result.model.network.nodes][1] == ("bias", 5)
        assert (result.model.integers["bias"].weight == 127).all()
        at_most_one_step_apart(result, tmp_path / "model.onnx", graph.images(20))

    @pytest.mark.parametrize("first", [True, False])
    @pytest.mark.parametrize("dtype", [np.int8, np.uint8], ids=["int8", "uint8"])
    def test_a_constant_in_operator_form(self, imported, tmp_path, dtype, first):
        graph, shift = Graph(), 128 if dtype == np.uint8 else 0
        x = (graph.quantize("image", X[0], X[1] + shift, dtype), *graph.scale_and_zero(X[0], X[1] + shift, dtype))
        values = np.array([-30, 0, 100]).reshape(1, 3, 1, 1) + shift
        constant = (graph.constant(values, dtype), *graph.scale_and_zero(0.01, 5 + shift, dtype))
        operands = (*constant, *x) if first else (*x, *constant)
        y = graph.scale_and_zero(Y[0], Y[1] + shift, dtype)
        total = graph.node("QLinearAdd", *operands, *y, domain=CONTRIB, name="total")
        result = imported(graph, graph.node("DequantizeLinear", total, *y))
        s_w = np.float64(result.model.integers["total"].weight_scale[0])
        term = np.array([-0.35, -0.05, 0.95])
        assert result.model.integers["total"].bias.tolist() == np.rint(term / (np.float32(X[0]) * s_w)).tolist()
        at_most_one_step_apart(result, tmp_path / "model.onnx", graph.images())

    def test_a_constant_per_channel_of_an_image(self, imported, tmp_path):
        graph = Graph()
        constant = graph.constant(np.array([0.5, -1, 0], np.float32).reshape(1, 3, 1, 1))
        result = imported(graph, graph.qdq(graph.node("Add", constant, graph.qdq("image", *X)), *Y))
        at_most_one_step_apart(result, tmp_path / "model.onnx", graph.images())

    def test_a_term_beyond_the_sums_costs_weight(self, imported):
        """A channel that is almost switched off."""
        graph = Graph()
        values = ([1e-9, 1, 1, 1], [100, 0, 0, 0], [0] * 4, [1] * 4)
        ours = imported(graph, graph.qdq(normalise(graph, rounded(graph), values), *Y)).model.integers["bn"]
        assert ours.bias[0] == pytest.approx(2**30, rel=1e-6) and ours.weight.reshape(-1).tolist() == [0, 127, 127, 127]

    def test_a_constant_on_flattened_pixels_is_not_per_channel(self, imported):
        graph = Graph()
        flat = graph.node("Flatten", graph.qdq("image", *X))
        with pytest.raises(UnsupportedModel, match=r"constant = shape \[192\]; give one value per channel"):
            imported(graph, graph.qdq(graph.node("Add", flat, graph.constant(np.ones(192), np.float32)), *Y))
