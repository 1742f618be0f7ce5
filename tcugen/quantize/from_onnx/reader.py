"""A float ONNX file as a graph of ATen operators: the walk over its nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import fx

from tcugen.model.errors import ModelError
from tcugen.model.file_form import FileForm
from tcugen.model.problems import Refused, Unavailable
from tcugen.network.names import valid_name
from tcugen.onnx.importer.constants import FOLDABLE, TooLarge, evaluate_node
from tcugen.onnx.importer.image import image_layout
from tcugen.onnx.importer.onnx_file import OnnxGraph, OnnxNode, read_graph
from tcugen.onnx.importer.output import layout_of
from tcugen.onnx.untyped import open_session
from tcugen.quantize.aten_graph import AtenGraph
from tcugen.quantize.from_onnx.writer import AtenWriter

Made = fx.Node | tuple[fx.Node, ...]
"""What an operator makes: its first output, or all of several."""

Operator = Callable[["Reader", OnnxNode], Made]
"""Raises Refused or Unavailable."""


class Reader:
    """The state of the walk over a file.

    Attributes:
        graph: The file.
        writer: The graph of ATen operators so far.
        known: Constants of the file, and what was computed of them, by name of tensor.
        made: Tensors that depend on the image.
    """

    def __init__(self, graph: OnnxGraph):
        self.graph = graph
        self.writer = AtenWriter()
        self.known: dict[str, np.ndarray] = dict(graph.constants)
        self.made: dict[str, fx.Node] = {}

    def is_known(self, node: OnnxNode, index: int) -> bool:
        """Whether an input is there and a constant."""
        return node.has_input(index) and node.inputs[index] in self.known

    def tensor(self, node: OnnxNode, index: int) -> fx.Node:
        """An input that depends on the image. Raises Refused if it is left out or a constant."""
        if not node.has_input(index) or node.inputs[index] not in self.made:
            raise node.refusal(f"input {index}", "a constant", "it must depend on the image")
        return self.made[node.inputs[index]]

    def constant(self, node: OnnxNode, index: int, what: str) -> np.ndarray | None:
        """A constant input, None if it is left out. Raises Refused if it is computed at run time."""
        return self.parameter(node, index, what) if node.has_input(index) else None

    def parameter(self, node: OnnxNode, index: int, what: str) -> np.ndarray:
        """A constant input that must be there. Raises Refused if it is not, or computed at run time."""
        if not node.has_input(index):
            raise node.refusal(what, "missing", "the operator needs it: export the model again")
        if node.inputs[index] not in self.known:
            raise node.refusal(what, "computed at run time", "it must be a constant")
        return self.known[node.inputs[index]]

    def placed(self, node: OnnxNode, index: int, array: np.ndarray) -> fx.Node:
        """A constant as an operand, under the name that the file has for input `index`."""
        return self.writer.constant(node.inputs[index], array)


def read_onnx(path: Path, operators: dict[str, Operator], sides: Sequence[int] = ()) -> AtenGraph:
    """The graph of a float model.

    Args:
        path: Of the file; its name without ending becomes the network's.
        operators: What each operator becomes, by its name with its domain as `OnnxNode` has it.
        sides: Of an image, for what the file leaves open; empty if nothing is known.

    Raises:
        ModelError: If the file cannot be used, or is quantized already.
    """
    graph = read_graph(path, sides)
    quantized = [node.op for node in graph.nodes if any(form in node.op for form in ("QuantizeLinear", "QLinear"))]
    if quantized or graph.input_unsigned is not None:
        what = quantized[0] if quantized else "an input of integers"
        raise ModelError(f"{path}: is quantized already, it has {what}; bring it in with tcugen import")
    shape, layout = image_layout(graph)
    reader, form = Reader(graph), FileForm(layout=layout_of(layout))
    image = reader.writer.image((1, shape.channels, shape.height, shape.width))
    entry = OnnxNode(graph.input, "input", (), (graph.input,))
    match form.layout:
        case "nchw":
            reader.made[graph.input] = image
        case "nhwc":
            reader.made[graph.input] = reader.writer.permute(entry, image, [0, 2, 3, 1])
        case "flat":
            reader.made[graph.input] = reader.writer.view(entry, image, [1, *graph.input_sides])
    for node in graph.nodes:
        _read(reader, node, operators)
    missing = [name for name in graph.outputs if name not in reader.made]
    if missing:
        raise ModelError(f"{path}: output {missing[0]!r} does not depend on the image; give a whole model")
    reader.writer.graph.output(tuple(reader.made[name] for name in graph.outputs))
    made = reader.writer

    def compute(batch: torch.Tensor) -> torch.Tensor:
        images = np.ascontiguousarray(form.from_network(batch.numpy()))
        return torch.as_tensor(np.array(open_session(path).run(None, {graph.input: images})[0]))

    name = valid_name(path.stem)
    return AtenGraph(str(path), name, shape, made.graph, made.tensors, compute, form, graph.notes)


def _read(reader: Reader, node: OnnxNode, operators: dict[str, Operator]) -> None:
    """One node of the file."""
    try:
        if node.op in FOLDABLE and all(name in reader.known for name in node.inputs if name):
            _fold(reader, node)
            return
        shape = _shape_as_constant(reader, node)
        if shape is not None:
            reader.known[node.outputs[0]] = shape
            return
        if node.op not in operators:
            remedy = REMEDIES.get(node.op, "replace it by supported operators, or let the host compute it")
            raise node.refusal("operator", node.op, remedy)
        made = operators[node.op](reader, node)
    except (Refused, Unavailable) as error:
        problems = error.problems if isinstance(error, Refused) else ()
        shapes = reader.graph.inferred_shapes
        operands = [reader.made[name] for name in node.inputs if name in reader.made]
        for name in node.outputs:
            reader.made[name] = reader.writer.unread(node, operands, problems, shapes.get(name))
            # Once is enough.
            problems = ()
        return
    reader.made |= zip(node.outputs, made if isinstance(made, tuple) else (made,), strict=False)


def _fold(reader: Reader, node: OnnxNode) -> None:
    inputs = [reader.known[name] if name else None for name in node.inputs]
    try:
        reader.known[node.outputs[0]] = evaluate_node(reader.graph, node, inputs, reader.known.values())
    except TooLarge as error:
        raise node.refusal("result", str(error), "no network needs so many: export the model again") from None
    except Exception as error:  # The reference implementation raises whatever NumPy does.
        raise node.refusal("constant inputs", type(error).__name__, "they do not fit: export the model again") from None


def _shape_as_constant(reader: Reader, node: OnnxNode) -> np.ndarray | None:
    """What a Shape of a tensor gives, which is known without an image; None for other nodes."""
    if node.op != "Shape":
        return None
    shape = reader.tensor(node, 0).meta.get("val")
    if shape is None:
        raise Unavailable
    return np.array(shape.shape, np.int64)[node.attributes.get("start", 0) : node.attributes.get("end")]


REMEDIES = {
    "Softmax": "end the model in front of it: the host does what comes after the logits",
    "LogSoftmax": "end the model in front of it: the host does what comes after the logits",
    "ArgMax": "end the model in front of it: the host does what comes after the logits",
    "TopK": "end the model in front of it: the host does what comes after the logits",
}
"""What would help with operators that are often met."""
