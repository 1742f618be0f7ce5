"""The operator form, equal to ONNX Runtime's integer kernels, and QDQ form of the same numbers, equal to that."""

import numpy as np
import pytest

from tcugen.network.operators import Requantise
from tests.onnx.importer.conftest import integers, reals, tensors
from tests.onnx.importer.graphs import CONTRIB, Graph, run

X, Y = (0.02, 3), (0.05, -7)
"""Scale and zero point of the operators' input and output."""


class Twins:
    """One layer in both forms. uint8 keeps its weights small: ONNX Runtime's kernels for it may saturate inside."""

    def __init__(self, dtype, shape=(3, 8, 8)):
        self.dtype, self.shift = dtype, 128 if dtype == np.uint8 else 0
        self.qop, self.qdq = Graph(shape, seed=5), Graph(shape, seed=5)
        self.span = 63 if dtype == np.uint8 else 127
        self.x = self.qop.quantize("image", X[0], X[1] + self.shift, dtype)
        self.real = self.qdq.qdq("image", X[0], X[1] + self.shift, dtype)

    def pair(self, scale, zero_point):
        return self.qop.scale_and_zero(scale, zero_point + self.shift, self.dtype)

    def weights(self, *shape):
        return self.qop.weights(*shape, low=-self.span, high=self.span)

    def quantized_constant(self, array, scale, axis=0):
        """Weights for the operator form: integers, scale, zero point."""
        scale = np.asarray(scale, np.float32)
        return (
            self.qop.constant(array),
            self.qop.constant(scale),
            self.qop.constant(np.zeros(scale.shape), np.int8),
        )

    def finish(self, quantized, real):
        """Graphs and their outputs, ready to be saved."""
        out = self.qop.dequantize(quantized, Y[0], Y[1] + self.shift, self.dtype)
        return (self.qop, out), (self.qdq, self.qdq.qdq(real, Y[0], Y[1] + self.shift, self.dtype))


def bias_scale(scale):
    return np.float32(X[0]) * np.asarray(scale, np.float32)


def conv(twins):
    weight, scale = twins.weights(4, 3, 3, 3), twins.qop.rng.uniform(0.002, 0.006, 4)
    bias = twins.qop.rng.integers(-20000, 20000, 4).astype(np.int32)
    attributes = {"pads": [1, 0, 1, 2], "strides": [1, 2]}
    inputs = (
        twins.x,
        *twins.pair(*X),
        *twins.quantized_constant(weight, scale),
        *twins.pair(*Y),
        twins.qop.constant(bias),
    )
    quantized = twins.qop.node("QLinearConv", *inputs, **attributes)
    named = (twins.qdq.quantized_constant(weight, scale), twins.qdq.quantized_constant(bias, bias_scale(scale)))
    return quantized, twins.qdq.node("Conv", twins.real, *named, **attributes)


def depthwise_without_bias(twins):
    weight = twins.weights(6, 1, 3, 3)
    quantized = twins.qop.node(
        "QLinearConv", twins.x, *twins.pair(*X), *twins.quantized_constant(weight, 0.01), *twins.pair(*Y), group=3
    )
    return quantized, twins.qdq.node("Conv", twins.real, twins.qdq.quantized_constant(weight, 0.01), group=3)


def add(twins):
    other, real = (0.03, -11), twins.qdq.qdq(twins.real, 0.03, -11 + twins.shift, twins.dtype)
    wide = twins.qop.dequantize(twins.x, X[0], X[1] + twins.shift, twins.dtype)
    b = twins.qop.quantize(wide, other[0], other[1] + twins.shift, twins.dtype)
    inputs = (twins.x, *twins.pair(*X), b, *twins.pair(*other), *twins.pair(*Y))
    return twins.qop.node("QLinearAdd", *inputs, domain=CONTRIB), twins.qdq.node("Add", twins.real, real)


def max_pool(twins):
    attributes = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    pooled = twins.qop.node("MaxPool", twins.x, **attributes)
    wide = twins.qop.dequantize(pooled, X[0], X[1] + twins.shift, twins.dtype)
    quantized = twins.qop.quantize(wide, Y[0], Y[1] + twins.shift, twins.dtype)
    return quantized, twins.qdq.node("MaxPool", twins.real, **attributes)


def average(twins):
    inputs = (twins.x, *twins.pair(*X), *twins.pair(*Y))
    quantized = twins.qop.node("QLinearGlobalAveragePool", *inputs, domain=CONTRIB)
    return quantized, twins.qdq.node("GlobalAveragePool", twins.real)


def flat(twins):
    return twins.qop.node("Flatten", twins.x), twins.qdq.node("Flatten", twins.real)


def gemm(twins):
    x, real = flat(twins)
    weight, scale = twins.weights(5, 192), 0.001
    bias = twins.qop.rng.integers(-20000, 20000, 5).astype(np.int32)
    inputs = (x, *twins.pair(*X), *twins.quantized_constant(weight, scale), twins.qop.constant(bias), *twins.pair(*Y))
    quantized = twins.qop.node("QGemm", *inputs, domain=CONTRIB, transB=1)
    named = (twins.qdq.quantized_constant(weight, scale), twins.qdq.quantized_constant(bias, bias_scale(scale)))
    return quantized, twins.qdq.node("Gemm", real, *named, transB=1)


def matmul(twins):
    x, real = flat(twins)
    weight = twins.weights(192, 5)
    quantized = twins.qop.node(
        "QLinearMatMul", x, *twins.pair(*X), *twins.quantized_constant(weight, 0.001), *twins.pair(*Y)
    )
    return quantized, twins.qdq.node("MatMul", real, twins.qdq.quantized_constant(weight, 0.001))


LAYERS = [conv, depthwise_without_bias, add, average, gemm, matmul, max_pool]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8], ids=["int8", "uint8"])
@pytest.mark.parametrize("layer", LAYERS)
def test_both_forms_are_one_network_and_equal_onnx_runtime(layer, dtype, imported, tmp_path):
    twins = Twins(dtype)
    (graph, output), (other, other_output) = twins.finish(*layer(twins))
    images = graph.images(4)
    twin = integers(imported(other, other_output).model, images)
    result = imported(graph, output)
    got = integers(result.model, images)
    assert np.array_equal(got, twin)
    want = run(tmp_path / "model.onnx", images)
    assert len(np.unique(want)) > 6
    apart = np.count_nonzero(reals(result.model, images).reshape(want.shape) != want)
    # Changing a scale divides there and multiplies here, which may round a tie the other way.
    changes_scale = any(isinstance(node, Requantise) for node in result.model.network.nodes)
    assert apart <= (0.02 * want.size if changes_scale else 0)


def test_an_average_over_the_whole_tensor(imported):
    graph = Graph()
    x = graph.quantize("image", *X)
    inputs = (x, *graph.scale_and_zero(*X), *graph.scale_and_zero(*Y))
    whole = graph.node("QLinearAveragePool", *inputs, domain=CONTRIB, kernel_shape=[8, 8])
    images = graph.images()
    got = integers(imported(graph, graph.dequantize(whole, *Y)).model, images)
    average = graph.node("QLinearGlobalAveragePool", *inputs, domain=CONTRIB)
    assert np.array_equal(got, integers(imported(graph, graph.dequantize(average, *Y)).model, images))


def test_a_clip_on_integers_is_a_clamp(imported, tmp_path):
    graph = Graph()
    x = graph.quantize("image", *X)
    weight = graph.constant(graph.weights(4, 3, 3, 3))
    scales = (*graph.scale_and_zero(0.003, 0), *graph.scale_and_zero(*Y))
    wide = graph.node("QLinearConv", x, *graph.scale_and_zero(*X), weight, *scales, name="c")
    clipped = graph.node("Clip", wide, graph.constant(-7, np.int8), graph.constant(20, np.int8))
    result = imported(graph, graph.dequantize(clipped, *Y))
    assert [node.name for node in result.model.network.nodes] == ["c"]
    assert result.model.integers["c"].clamp == (-7, 20)
    images = graph.images()
    assert np.array_equal(reals(result.model, images), run(tmp_path / "model.onnx", images))


def test_a_gemm_without_scale_stores_its_sums(imported, tmp_path):
    graph = Graph()
    flat = graph.node("Flatten", graph.quantize("image", *X))
    weight = graph.weights(5, 192)
    scales = (*graph.scale_and_zero(*X), graph.constant(weight), *graph.scale_and_zero(0.001, 0))
    result = imported(graph, graph.node("QGemm", flat, *scales, domain=CONTRIB, transB=1))
    images = graph.images()
    got = integers(result.model, images)
    assert got.dtype == np.int32 and result.report.output_scale == pytest.approx(X[0] * 0.001)
    want = run(tmp_path / "model.onnx", images)
    assert np.allclose(got.reshape(want.shape) * result.report.output_scale, want, rtol=1e-6)


def test_every_tensor_of_a_network_in_operator_form(imported, tmp_path):
    graph = Graph(shape=(3, 20, 20))
    x = graph.quantize("image", *X)
    pair = graph.scale_and_zero

    def conv(x, scales, inputs, outputs, y, **attributes):
        weight = graph.constant(graph.weights(outputs, inputs, 3, 3))
        bias = graph.constant(graph.rng.integers(-3000, 3000, outputs), np.int32)
        named = (x, *pair(*scales), weight, *pair(0.3 / inputs / 127, 0), *pair(*y), bias)
        return graph.node("QLinearConv", *named, **attributes)

    a, b, c = (0.0213, -128), (0.0157, 12), (0.0291, -128)
    first = conv(x, X, 3, 8, a, strides=[2, 2], pads=[1, 1, 1, 1])
    second = conv(first, a, 8, 8, b, pads=[1, 1, 1, 1])
    total = graph.node("QLinearAdd", second, *pair(*b), first, *pair(*a), *pair(*c), domain=CONTRIB)
    pool = graph.node("MaxPool", total, kernel_shape=[2, 2], strides=[2, 2])
    mean = graph.node("QLinearGlobalAveragePool", pool, *pair(*c), *pair(0.01, -90), domain=CONTRIB)
    flat = graph.node("Flatten", mean)
    named = (flat, *pair(0.01, -90), graph.constant(graph.weights(10, 8)), *pair(0.01, 0))
    last = graph.node("QGemm", *named, "", *pair(0.02, 1), domain=CONTRIB, transB=1)
    result = imported(graph, graph.dequantize(last, 0.02, 1))
    images = graph.images(5)
    ours = list(tensors(result.model, images).values())
    theirs = (first, second, total, pool, mean, last)
    for name, ours_there in zip(theirs, ours, strict=True):
        kind = 3  # int8
        want = run(graph.save(tmp_path / "part.onnx", name, kind), images)
        assert np.array_equal(ours_there.reshape(want.shape), want), name


def test_where_an_add_differs_the_exact_sum_is_a_tie(imported, tmp_path):
    """ONNX Runtime adds in single precision and may fall off a tie, where the network rounds the exact sum."""
    a, b, c = (0.02, 0), (0.015, 0), (0.03, 0)
    graph = Graph(shape=(1, 256, 256))
    pair = graph.scale_and_zero
    first = graph.quantize("image", *a)
    ones, one = np.ones((1, 1, 1, 2), np.int8), np.array([[[[1, 0]]]], np.int8)
    wide = graph.node("QLinearConv", first, *pair(*a), graph.constant(ones), *pair(0.5, 0), *pair(*b))
    narrow = graph.node("QLinearConv", first, *pair(*a), graph.constant(one), *pair(1, 0), *pair(*a))
    total = graph.node("QLinearAdd", narrow, *pair(*a), wide, *pair(*b), *pair(*c), domain=CONTRIB)
    result = imported(graph, graph.dequantize(total, *c))
    images = graph.images(2)
    ours = tensors(result.model, images)
    want = np.rint(run(tmp_path / "model.onnx", images) / np.float32(c[0]))
    add = result.model.network.nodes[-1]
    operands = [ours[name].astype(int) for name in add.inputs]
    differs = ours[add.name] != want
    # In units of c: 2/3 of one operand and 1/2 of the other.
    sixths = 4 * operands[0] + 3 * operands[1]
    assert differs.any()
    assert (np.abs(sixths[differs]) % 6 == 3).all()
    assert (np.abs(ours[add.name] - want) <= 1).all()
