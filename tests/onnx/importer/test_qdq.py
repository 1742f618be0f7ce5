"""Operators between DequantizeLinear and QuantizeLinear, compared with ONNX Runtime's floating point.

Both round the same real numbers once per quantized tensor, so they are at most one step apart, and rarely that.
"""

import numpy as np
import pytest

from tests.onnx.importer.conftest import reals
from tests.onnx.importer.graphs import Graph, run

STEP = 0.05


def conv(graph, x):
    return graph.conv(x, 3, pads=[1, 1, 1, 1], strides=[2, 1])


def conv_relu(graph, x):
    return graph.node("Relu", conv(graph, x))


def conv_clip(graph, x):
    return graph.node("Clip", conv(graph, x), graph.constant(0, np.float32), graph.constant(1.5, np.float32))


def conv_clip_on_both_sides(graph, x):
    return graph.node("Clip", conv(graph, x), graph.constant(-0.72, np.float32), graph.constant(0.33, np.float32))


def conv_clip_from_above(graph, x):
    return graph.node("Clip", conv(graph, x), "", graph.constant(0.4, np.float32))


def conv_clip_then_relu(graph, x):
    return graph.node("Relu", conv_clip_on_both_sides(graph, x))


def grouped(graph, x):
    return graph.conv(x, 3, outputs=6, group=3)


def same_upper(graph, x):
    return graph.conv(x, 3, side=2, strides=[3, 2], auto_pad="SAME_UPPER")


def same_lower(graph, x):
    return graph.conv(x, 3, side=4, auto_pad="SAME_LOWER")


def valid(graph, x):
    return graph.conv(x, 3, side=3, auto_pad="VALID")


def float_bias(graph, x):
    weight = graph.quantized_constant(graph.weights(4, 3, 3, 3), graph.rng.uniform(0.001, 0.003, 4))
    return graph.node("Conv", x, weight, graph.constant([0.5, -1, 0, 2], np.float32))


def bias_behind(graph, x):
    bias = graph.constant(np.array([0.5, -1, 0, 2], np.float32).reshape(1, 4, 1, 1))
    return graph.node("Relu", graph.node("Add", bias, graph.conv(x, 3)))


def weights_per_tensor(graph, x):
    return graph.node("Conv", x, graph.quantized_constant(graph.weights(4, 3, 3, 3), 0.002))


def weights_quantized_in_the_file(graph, x):
    real = graph.constant(graph.rng.normal(0, 0.1, (4, 3, 3, 3)), np.float32)
    scale, zero = graph.constant(np.full(4, 0.003), np.float32), graph.constant(np.zeros(4), np.int8)
    integers = graph.node("QuantizeLinear", real, scale, zero, axis=0)
    return graph.node("Conv", x, graph.node("DequantizeLinear", integers, scale, zero, axis=0))


def weights_of_four_bits(graph, x):
    import ml_dtypes

    graph.opset = 21
    weight = graph.rng.integers(-8, 8, (4, 3, 3, 3)).astype(ml_dtypes.int4)
    return graph.node("Conv", x, graph.quantized_constant(weight, np.full(4, 0.03)))


def weights_of_uint8(graph, x):
    weight = graph.rng.integers(0, 256, (4, 3, 3, 3)).astype(np.uint8)
    return graph.node("Conv", x, graph.quantized_constant(weight, 0.002, 128))


def normalised(graph, x):
    values = ([0.5, -0.7, 1.5, 0], [0.1, 0.2, -0.3, 0.7], [0.05, -0.1, 0, 0.3], [0.5, 1, 2, 0.1])
    return graph.node("BatchNormalization", conv(graph, x), *(graph.constant(v, np.float32) for v in values))


def normalised_relu(graph, x):
    return graph.node("Relu", normalised(graph, x))


def pooled_before_rounding(graph, x):
    pool = graph.node("MaxPool", conv_relu(graph, x), kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
    return graph.node("Relu", pool)


def max_pool(graph, x):
    return graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])


def max_pool_of_last_windows(graph, x):
    return graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)


def lone_relu(graph, x):
    return graph.node("Relu", x)


def lone_clip(graph, x):
    return graph.node("Clip", x, graph.constant(-1, np.float32), graph.constant(0.6, np.float32))


def add(graph, x):
    return graph.node("Relu", graph.node("Add", x, graph.qdq(x, 0.03, -11)))


def doubled(graph, x):
    return graph.node("Add", x, x)


def average(graph, x):
    return graph.node("GlobalAveragePool", x)


def average_pool(graph, x):
    return graph.node("AveragePool", x, kernel_shape=[8, 8])


def mean(graph, x):
    return graph.node("ReduceMean", x, axes=[-1, 2])


def average_of_pooled(graph, x):
    return graph.node("GlobalAveragePool", graph.node("Relu", max_pool(graph, x)))


def gemm(graph, x):
    flat = graph.node("Flatten", graph.qdq(average(graph, x), 0.005, 4))
    weight = graph.quantized_constant(graph.weights(5, 3), graph.rng.uniform(0.01, 0.03, 5))
    return graph.node("Gemm", flat, weight, graph.constant([1, 0, -1, 0, 0.5], np.float32), transB=1)


def gemm_of_columns(graph, x):
    flat = graph.node("Reshape", graph.qdq(average(graph, x), 0.005, 4), graph.constant([0, -1], np.int64))
    return graph.node(
        "Gemm", flat, graph.quantized_constant(graph.weights(3, 5), graph.rng.uniform(0.01, 0.03, 5), axis=1)
    )


def gemm_of_turned_weights(graph, x):
    flat = graph.node("Squeeze", graph.qdq(average(graph, x), 0.005, 4), graph.constant([2, 3], np.int64))
    weight = graph.quantized_constant(graph.weights(5, 3), graph.rng.uniform(0.01, 0.03, 5))
    return graph.node("Gemm", flat, graph.node("Transpose", weight, perm=[1, 0]))


def matmul_with_bias(graph, x):
    flat = graph.qdq(graph.node("ReduceMean", x, axes=[2, 3], keepdims=0), 0.005, 4)
    product = graph.node("MatMul", flat, graph.quantized_constant(graph.weights(3, 5), 0.02))
    return graph.node("Relu", graph.node("Add", product, graph.constant([1, -1, 0.25, 0, 2], np.float32)))


def gemm_of_many_pixels(graph, x):
    flat = graph.node("Flatten", x)
    return graph.node("Gemm", flat, graph.quantized_constant(graph.weights(5, 192), 0.001), transB=1)


def shape_computed_in_the_file(graph, x):
    shape = graph.node("Shape", x)
    first = graph.node("Gather", shape, graph.constant([0], np.int64), axis=0)
    target = graph.node("Concat", first, graph.constant([-1], np.int64), axis=0)
    flat = graph.node("Reshape", x, target)
    return graph.node("Gemm", flat, graph.quantized_constant(graph.weights(5, 192), 0.001), transB=1)


def through_identities(graph, x):
    return graph.node("Dropout", graph.conv(graph.node("Identity", x), 3))


CASES = {
    function.__name__: function
    for function in list(globals().values())
    if callable(function) and getattr(function, "__module__", "") == __name__
}


@pytest.mark.parametrize("dtype", [np.int8, np.uint8], ids=["int8", "uint8"])
@pytest.mark.parametrize("case", CASES)
def test_one_rounding_apart_from_floating_point(case, dtype, imported, tmp_path):
    graph = Graph(seed=len(case))
    shift = 128 if dtype == np.uint8 else 0
    x = graph.qdq("image", 0.02, 3 + shift, dtype)
    output = graph.qdq(CASES[case](graph, x), STEP, -7 + shift, dtype)
    result = imported(graph, output)
    images = graph.images()
    want, got = run(tmp_path / "model.onnx", images), reals(result.model, images)
    apart = np.abs(got.reshape(want.shape) - want)
    assert len(np.unique(want)) > 2
    assert apart.max() < 1.01 * STEP
    assert np.count_nonzero(apart > STEP / 2) <= 2 + 0.01 * want.size
    assert bool(result.report.shifted_tensors) == (dtype == np.uint8)
