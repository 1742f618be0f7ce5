"""Small quantized models with nodes that the unit does not take."""

from pathlib import Path

import numpy as np

from tests.onnx.importer.graphs import Graph

X, Y, Z = (0.02, 3), (0.05, -7), (0.01, 0)


def normalised(graph: Graph, x: str, name: str = "norm") -> str:
    """An operator that the unit does not have, on reals."""
    return graph.node("LpNormalization", x, axis=1, name=name)


def layer(graph: Graph, x: str, channels: int, name: str, quantization: tuple[float, int] = Y, **attributes) -> str:
    """A convolution, rounded."""
    return graph.qdq(graph.conv(x, channels, name=name, **attributes), *quantization)


def in_the_middle(folder: Path) -> Path:
    """Convolution, a norm for the host, convolution, classes, Softmax for the host."""
    graph = Graph()
    x = layer(graph, graph.qdq("image", *X), 3, "first", strides=[2, 2])
    x = graph.qdq(normalised(graph, x), *Z)
    x = graph.node("Flatten", layer(graph, x, 4, "second"))
    weight = graph.quantized_constant(graph.weights(5, 4), 0.01)
    x = graph.qdq(graph.node("Gemm", x, weight, transB=1, name="classes"), *Y)
    return graph.save(folder / "middle.onnx", graph.node("Softmax", x, name="soft"))


def images(folder: Path, count: int = 3) -> Path:
    """Images for the models, `x.npy`."""
    np.save(folder / "x.npy", Graph(seed=11).images(count))
    return folder / "x.npy"
