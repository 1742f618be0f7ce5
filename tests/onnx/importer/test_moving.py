"""Operators that only move values, and transposed convolutions, as ONNX Runtime computes them."""

from typing import Any

import numpy as np
import pytest

from tcugen.model.problems import UnsupportedModel
from tcugen.network.operators import ChannelShuffle, DepthToSpace, MaxPool, Resize
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.conftest import same_as_onnx_runtime
from tests.onnx.importer.graphs import Graph

X, Y = (0.0173, 7), (0.0131, -5)


def images(channels=3, count=4):
    return np.random.default_rng(3).normal(0, 1, (count, channels, 8, 8)).astype(np.float32)


def resized(graph, x, *given, **attributes):
    scales = [graph.constant(array, kind) for array, kind in zip(given, (np.float32, np.int64), strict=False)]
    return graph.node("Resize", x, "", *scales, **attributes)


RESIZED = {
    "asymmetric": lambda g, x: resized(
        g, x, [1, 1, 2, 3], coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    ),
    "half_pixel": lambda g, x: resized(g, x, [1, 1, 2, 2]),
    "sizes": lambda g, x: resized(g, x, [], [1, 3, 24, 16], coordinate_transformation_mode="pytorch_half_pixel"),
}


@pytest.mark.parametrize("name", RESIZED)
@pytest.mark.parametrize("rounded", [False, True])
def test_resize(name, rounded, tmp_path):
    graph = Graph()
    x = graph.qdq("image", *X)
    x = x if rounded else graph.node("Relu", graph.conv(x, 3, outputs=3, pads=[1, 1, 1, 1]))
    output = graph.qdq(RESIZED[name](graph, x), *(X if rounded else Y))
    result = same_as_onnx_runtime(graph.save(tmp_path / "m.onnx", output), images())
    assert isinstance(result.model.network.nodes[-1], Resize)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space_on_reals_and_on_integers(mode, tmp_path):
    graph = Graph(shape=(16, 8, 8))
    x = graph.node("DepthToSpace", graph.quantize("image", *X), blocksize=2, mode=mode)
    x = graph.node("DepthToSpace", graph.dequantize(x, *X), blocksize=2, mode=mode)
    result = same_as_onnx_runtime(graph.save(tmp_path / "m.onnx", graph.qdq(x, *X)), images(16))
    assert [node.op for node in result.model.network.nodes] == ["depth_to_space"] * 2
    assert all(isinstance(node, DepthToSpace) and node.mode == mode for node in result.model.network.nodes)


@pytest.mark.parametrize("rounded", [False, True])
def test_a_reshape_and_transpose_of_channels_is_a_shuffle(rounded, tmp_path):
    graph = Graph(shape=(12, 8, 8))

    def between(x):
        return graph.qdq(x, *X) if rounded else x

    x = between(graph.node("Reshape", graph.qdq("image", *X), graph.constant([1, 3, 4, 8, 8], np.int64)))
    x = between(graph.node("Transpose", x, perm=[0, 2, 1, 3, 4]))
    x = graph.qdq(graph.node("Reshape", x, graph.constant([0, -1, 8, 8], np.int64)), *X)
    result = same_as_onnx_runtime(graph.save(tmp_path / "m.onnx", x), images(12))
    (node,) = result.model.network.nodes
    assert isinstance(node, ChannelShuffle) and node.groups == 3


def test_global_maximum(tmp_path):
    graph = Graph()
    output = graph.qdq(graph.node("GlobalMaxPool", graph.qdq("image", *X)), *X)
    result = same_as_onnx_runtime(graph.save(tmp_path / "m.onnx", output), images(count=12))
    (node,) = result.model.network.nodes
    assert isinstance(node, MaxPool) and node.kernel == (8, 8)


TRANSPOSED: dict[str, tuple[int, dict[str, Any], int]] = {
    "2x2/2": (2, {"strides": [2, 2]}, 1),
    "3x3/2 to twice the size": (3, {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}, 1),
    "3x3/2, odd": (3, {"strides": [2, 2], "pads": [1, 0, 1, 1]}, 1),
    "4x4/2": (4, {"strides": [2, 2], "pads": [1, 1, 1, 1]}, 1),
    "4x4/2, groups": (4, {"strides": [2, 2], "pads": [1, 1, 1, 1]}, 2),
    "5x5/3": (5, {"strides": [3, 3], "pads": [4, 0, 0, 3]}, 1),
    "1x1/2": (1, {"strides": [2, 2]}, 1),
    "3x3/1": (3, {"pads": [2, 1, 0, 1]}, 1),
}


@pytest.mark.parametrize("name", TRANSPOSED)
def test_transposed_convolution(name, tmp_path):
    side, attributes, groups = TRANSPOSED[name]
    graph = Graph(shape=(6, 8, 8))
    weight = graph.quantized_constant(graph.weights(6, 4 // groups, side, side), np.full(4 // groups, 0.0021), axis=1)
    bias = graph.constant(graph.rng.normal(0, 0.2, 4), np.float32)
    x = graph.node("ConvTranspose", graph.qdq("image", *X), weight, bias, group=groups, **attributes)
    path = graph.save(tmp_path / "m.onnx", graph.qdq(graph.node("Relu", x), 0.0317, -128))
    # ONNX Runtime adds up real numbers, and its bias is not rounded.
    same_as_onnx_runtime(path, images(6), count=12)


def test_what_is_refused(tmp_path):
    graph = Graph(shape=(6, 8, 8))
    x = graph.qdq("image", *X)
    weight = graph.quantized_constant(graph.weights(6, 4, 3, 3), 0.01)
    ends = [
        graph.node("Resize", x, "", graph.constant([1, 1, 2, 2], np.float32), mode="linear", name="linear"),
        graph.node("Resize", x, "", graph.constant([1, 1, 1.5, 2], np.float32), name="half"),
        graph.node("DepthToSpace", x, blocksize=4, name="block"),
        graph.node("ConvTranspose", x, weight, strides=[2, 1], name="unequal"),
        graph.node("ConvTranspose", x, weight, dilations=[2, 2], name="dilated"),
        graph.node("Transpose", graph.node("Reshape", x, graph.constant([1, 2, 3, 8, 8], np.int64)),
                   perm=[0, 1, 2, 4, 3], name="perm"),
    ]  # fmt: skip
    with pytest.raises(UnsupportedModel) as caught:
        import_onnx(graph.save(tmp_path / "m.onnx", [graph.qdq(end, *X) for end in ends]))
    found = [(problem.node, problem.attribute) for problem in caught.value.problems]
    assert found[:6] == [
        ("linear", "mode"), ("half", "scales"), ("block", "shape"), ("unequal", "strides"), ("dilated", "dilations"),
        ("perm", "perm"),
    ]  # fmt: skip
