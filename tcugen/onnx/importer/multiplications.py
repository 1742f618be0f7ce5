"""How many multiplications the nodes of a file do, those on the hardware and others."""

import math
from collections.abc import Mapping

from tcugen.onnx.importer.onnx_file import OnnxGraph, OnnxNode

_WEIGHTS = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1, "FusedConv": 1, "FusedGemm": 1}
_INTEGER_WEIGHTS = {"QLinearConv": 3, "QLinearMatMul": 3, "QGemm": 3, "ConvInteger": 1, "MatMulInteger": 1}
_BY_WEIGHTS = _WEIGHTS | _INTEGER_WEIGHTS
"""Which input of an operator holds its weights."""


def multiplications(graph: OnnxGraph, known: Mapping[str, tuple[int, ...]] | None = None) -> dict[str, int] | None:
    """Products of values and weights by name of node, of one image; nodes that have none are not in it.

    None if the shape of a tensor that tells them is not known.

    Args:
        graph: The file.
        known: Shapes of tensors, if they are known better than ONNX's inference has them.
    """
    producers = {output: node for node in graph.nodes for output in node.outputs}
    shapes = graph.inferred_shapes | graph.output_shapes | {graph.input: (1, *graph.input_sides)} | dict(known or {})
    counts: dict[str, int] = {}
    for node in graph.nodes:
        op = node.op.removeprefix("com.microsoft.")
        if op not in _BY_WEIGHTS:
            continue
        if "MatMul" in op and _is_product(graph, producers, node, op, shapes):
            counts[node.name] = math.prod(shapes[node.outputs[0]]) * shapes[node.inputs[0]][-1]
            continue
        weights = _weights(graph, producers, node.inputs[_BY_WEIGHTS[op]])
        # Every weight is used once for each pixel or row: of the output, but of the input where windows are scattered.
        places = shapes.get(node.inputs[0] if op == "ConvTranspose" else node.outputs[0])
        if weights is None or places is None:
            return None
        pixels = math.prod(places[2:] if "Conv" in op else places[:-1])
        counts[node.name] = weights * pixels
    return counts


def _is_product(
    graph: OnnxGraph, producers: dict[str, OnnxNode], node: OnnxNode, op: str, shapes: Mapping[str, tuple[int, ...]]
) -> bool:
    """Whether a node multiplies two tensors that are computed, whose shapes are known."""
    known = node.inputs[0] in shapes and node.outputs[0] in shapes
    return known and _weights(graph, producers, node.inputs[_BY_WEIGHTS[op]]) is None


def _weights(graph: OnnxGraph, producers: dict[str, OnnxNode], name: str) -> int | None:
    """Number of elements of a constant; None for a tensor that is computed from an image."""
    while name not in graph.constants:
        if name not in producers or not producers[name].inputs:
            return None
        producer = producers[name]
        if producer.op.split(".")[-1] not in ("DequantizeLinear", "QuantizeLinear", "Transpose", "Identity", "Reshape"):
            return None
        name = producer.inputs[0]
    return graph.constants[name].size
