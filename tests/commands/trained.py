"""A small quantized network as other tools write it, for the reference machine, with images and labels."""

from pathlib import Path

import numpy as np

from tests.onnx.importer.graphs import Graph

X = (0.02, 3)
IMAGES = 3


def write_model(folder: Path) -> None:
    """Writes `small.onnx` (QDQ: stem, pool, shortcut, add, lone change of scale, average, classes), `x.npy`."""
    graph = Graph(shape=(3, 16, 16), seed=8)

    def conv(x, inputs, outputs, side, name, **attributes):
        weight = graph.quantized_constant(
            graph.weights(outputs, inputs, side, side), graph.rng.uniform(0.4, 1, outputs) / 127
        )
        bias = graph.constant(graph.rng.normal(0, 0.3, outputs), np.float32)
        return graph.node("Conv", x, weight, bias, name=name, **attributes)

    x = graph.qdq("image", *X)
    x = graph.node("Relu", conv(x, 3, 8, 5, "/conv1/Conv", strides=[2, 2], pads=[2, 2, 2, 2]))
    x = graph.qdq(x, 0.05, -128)
    x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], name="/maxpool/MaxPool")
    x = graph.qdq(x, 0.05, -128)
    inner = graph.qdq(graph.node("Relu", conv(x, 8, 4, 1, "/layer1/layer1.0/conv1/Conv")), 0.06, -128)
    inner = conv(inner, 4, 16, 3, "/layer1/layer1.0/conv2/Conv", strides=[2, 2], pads=[1, 1, 1, 1])
    inner = graph.qdq(inner, 0.15, -10)
    short = graph.qdq(conv(x, 8, 16, 1, "/layer1/layer1.0/downsample/Conv", strides=[2, 2]), 0.13, 7)
    x = graph.node("Relu", graph.node("Add", inner, short, name="/layer1/layer1.0/Add"))
    x = graph.qdq(graph.qdq(x, 0.11, -128), 0.09, -100)
    x = graph.qdq(graph.node("GlobalAveragePool", x, name="/avgpool/GlobalAveragePool"), 0.03, -90)
    flat = graph.node("Flatten", x)
    weight = graph.quantized_constant(graph.weights(10, 16), 0.01)
    x = graph.qdq(graph.node("Gemm", flat, weight, transB=1, name="/fc/Gemm"), 0.1, 5)
    graph.save(folder / "small.onnx", x)
    np.save(folder / "x.npy", graph.images(IMAGES))
