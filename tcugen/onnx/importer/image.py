"""How a file arranges its image, found from what is first done to it."""

from tcugen.network.graph import Shape
from tcugen.onnx.importer.onnx_file import OnnxGraph, OnnxNode
from tcugen.onnx.importer.values import CHANNELS_FIRST, ROW, Layout

_PASS = ("QuantizeLinear", "DequantizeLinear", "Identity", "Dropout", "Relu", "Clip")
_TO_CHANNELS_FIRST = [0, 3, 1, 2]


def image_layout(graph: OnnxGraph) -> tuple[Shape, Layout]:
    """Shape of the image in the network, and its layout in the file.

    An image that is only read as turned from (1, H, W, C) to (1, C, H, W) has channels last. One of two dimensions is
    one pixel of so many channels, unless it is only read in four dimensions.
    """
    readers = _first_readers(graph)
    if len(graph.input_sides) == 1:
        targets = {_target(graph, node) for node in readers}
        target = targets.pop() if len(targets) == 1 else None
        if target is not None and target.channels * target.height * target.width == graph.input_sides[0]:
            return target, ROW
        return Shape(graph.input_sides[0], 1, 1), ROW
    if readers and all(
        node.op == "Transpose" and node.attributes.get("perm") == _TO_CHANNELS_FIRST for node in readers
    ):
        height, width, channels = graph.input_sides
        return Shape(channels, height, width), Layout(channels_last=True)
    return Shape(*graph.input_sides), CHANNELS_FIRST


def _first_readers(graph: OnnxGraph) -> list[OnnxNode]:
    """The nodes that read the image, but for those that do the same to every element."""
    same, readers = {graph.input}, list[OnnxNode]()
    for node in graph.nodes:
        if not node.inputs or node.inputs[0] not in same:
            continue
        if node.op.removeprefix("com.microsoft.") in _PASS:
            same.add(node.outputs[0])
        else:
            readers.append(node)
    return readers


def _target(graph: OnnxGraph, node: OnnxNode) -> Shape | None:
    """What a Reshape of the image makes of it; None for others."""
    if node.op != "Reshape" or not node.has_input(1) or node.inputs[1] not in graph.constants:
        return None
    sides = graph.constants[node.inputs[1]].reshape(-1).tolist()
    return Shape(*sides[1:]) if len(sides) == 4 and min(sides[1:]) > 0 else None
