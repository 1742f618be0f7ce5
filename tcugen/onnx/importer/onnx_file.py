"""An ONNX file as plain data: read, checked for structure, constants as arrays, reduced to what its outputs need."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcugen.model.errors import ModelError
from tcugen.model.problems import Problem, Refused
from tcugen.onnx.importer.inference import inferred_shapes
from tcugen.onnx.importer.node_order import sort_nodes
from tcugen.onnx.untyped import check_model, load_outside_data

if TYPE_CHECKING:
    import onnx

_STANDARD_DOMAINS = ("", "ai.onnx")

_IMAGE_TYPES = {1: None, 2: True, 3: False}
"""Types of images by their number in ONNX: None for float32, else whether it is uint8."""

_INITIALIZERS_NEED_NO_INPUT = 4
"""The version of the file format since which an initializer need not be an input of the graph."""


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """One operator of the file.

    Attributes:
        name: As in the file; made from operator and place if the file has none.
        op: Operator type, with its domain in front unless that is the standard one: `Conv`, `com.microsoft.QGemm`.
        inputs, outputs: Tensor names; "" for an optional input that is left out.
        attributes: Values by name; text as str, tensors as arrays.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    def problem(self, attribute: str, value: object, remedy: str) -> Problem:
        return Problem(self.name, self.op, attribute, _shown(value), remedy)

    def refusal(self, attribute: str, value: object, remedy: str) -> Refused:
        return Refused([self.problem(attribute, value, remedy)])

    def has_input(self, index: int) -> bool:
        return index < len(self.inputs) and self.inputs[index] != ""


@dataclass(frozen=True, eq=False)
class OnnxGraph:
    """A graph with one image as input.

    Attributes:
        source: Path, for messages.
        opset: Version of the standard operators.
        nodes: In execution order, those only that outputs depend on.
        constants: Initializers by name.
        input, input_sides: The image: its dimensions after the batch, which is 1; three or one.
        input_unsigned: Of integers: whether they are uint8; None for float32.
        outputs: Names of the output tensors.
        notes: What was assumed or left out.
        proto: The file's model; None for a graph that stands for a file of another format.
        stated_shapes: Of the tensors of such a graph, batch included, as far as they are known.
    """

    source: str
    opset: int
    nodes: tuple[OnnxNode, ...]
    constants: dict[str, np.ndarray]
    input: str
    input_sides: tuple[int, ...]
    input_unsigned: bool | None
    outputs: tuple[str, ...]
    notes: tuple[str, ...]
    proto: onnx.ModelProto | None = field(repr=False)
    stated_shapes: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])

    @property
    def onnx_model(self) -> onnx.ModelProto:
        """The file's model. Raises TypeError if it is no ONNX file."""
        if self.proto is None:
            raise TypeError(f"{self.source} is no ONNX file")
        return self.proto

    @cached_property
    def inferred_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes that ONNX's own inference finds, for tensors downstream of operators that are not ours."""
        return self.stated_shapes if self.proto is None else inferred_shapes(self.proto)

    @cached_property
    def output_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of outputs that the file states, with a batch of 1; those only that are known."""
        if self.proto is None:
            return {}
        stated = {value.name: value.type.tensor_type.shape.dim for value in self.proto.graph.output}
        shapes = {name: (1, *(side.dim_value for side in sides[1:])) for name, sides in stated.items() if sides}
        return {name: shape for name, shape in shapes.items() if min(shape) > 0}


def read_graph(path: Path | str, sides: Sequence[int] = ()) -> OnnxGraph:
    """Read an ONNX file.

    Args:
        path: Of the file.
        sides: What dynamic dimensions of the image are, the batch left out; empty if nobody knows.

    Raises:
        ModelError: If it cannot be read, is no ONNX file or a damaged one, has other than one input of two or four
            dimensions, no output, a batch above 1 or a dimension that is not a number.
    """
    model = _load(Path(path))
    source = str(path)
    graph = model.graph
    constants = {tensor.name: _array(source, tensor) for tensor in graph.initializer}
    images = [value for value in graph.input if value.name not in constants]
    outputs = tuple(value.name for value in graph.output)
    if len(images) != 1 or not outputs:
        raise ModelError(
            f"{source}: has the inputs {[value.name for value in images]} and the outputs {list(outputs)}, but must "
            "have one input and at least one output; extract the part between one image and its results, for example "
            "with onnx.utils.extract_model"
        )
    given, notes = _image_sides(source, images[0], sides)
    nodes = _nodes(graph)
    needed = _needed(nodes, outputs)
    if len(needed) < len(nodes):
        notes.append(f"nodes left out that no output depends on: {len(nodes) - len(needed)}")
    _check_connections(source, needed, {images[0].name, *constants}, outputs)
    return OnnxGraph(
        source=source,
        opset=next((entry.version for entry in model.opset_import if entry.domain in _STANDARD_DOMAINS), 1),
        nodes=tuple(needed),
        constants=constants,
        input=images[0].name,
        input_sides=given,
        input_unsigned=_IMAGE_TYPES[images[0].type.tensor_type.elem_type],
        outputs=outputs,
        notes=tuple(notes),
        proto=model,
    )


def import_onnx_package(purpose: str) -> None:
    """Raises ModelError with the remedy if the package `onnx` is missing."""
    if importlib.util.find_spec("onnx") is None:
        raise ModelError(f"{purpose} needs the package onnx, which is not installed; pip install 'tcugen[verify]'")


def _load(path: Path) -> onnx.ModelProto:
    import_onnx_package(f"reading {path}")
    import onnx
    from google.protobuf.message import DecodeError

    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); give the path of an ONNX file") from None
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError:
        raise ModelError(
            f"{path}: is no ONNX file, or a damaged one ({len(data):,} bytes); export or copy it again"
        ) from None
    if not model.graph.node or not model.ir_version:
        raise ModelError(f"{path}: holds no ONNX graph ({len(data):,} bytes); export or copy it again")
    sort_nodes(model.graph)
    if model.ir_version < _INITIALIZERS_NEED_NO_INPUT:
        _give_inputs(model.graph)
    for output in model.graph.output:
        # Some tools leave out what they do not know of outputs; ONNX Runtime does not mind, the checker would.
        output.type.tensor_type.elem_type = output.type.tensor_type.elem_type or onnx.TensorProto.FLOAT
        output.type.tensor_type.shape.SetInParent()
    try:
        load_outside_data(model, path.parent)
        check_model(model)
    except (onnx.checker.ValidationError, OSError, ValueError) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(f"{path}: is damaged or no valid ONNX ({first}); export or copy it again") from None
    if not model.functions:
        return model
    import onnx.inliner

    return onnx.inliner.inline_local_functions(model)


def _give_inputs(graph: onnx.GraphProto) -> None:
    """Makes inputs of the initializers that are none, which old versions demand and ONNX Runtime does not."""
    import onnx

    inputs = {value.name for value in graph.input}
    for tensor in graph.initializer:
        if tensor.name not in inputs:
            graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))


def _array(source: str, tensor: onnx.TensorProto) -> np.ndarray:
    import onnx

    try:
        return onnx.numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"{source}: tensor {tensor.name!r} cannot be read ({error!r}); export or copy the file again"
        ) from None


def _image_sides(source: str, value: onnx.ValueInfoProto, given: Sequence[int]) -> tuple[tuple[int, ...], list[str]]:
    import onnx

    kind = value.type.tensor_type
    sizes = [d.dim_value if d.dim_value > 0 else d.dim_param or "?" for d in kind.shape.dim]
    where = f"{source}: input {value.name!r} of shape {sizes}"
    if kind.elem_type not in _IMAGE_TYPES:
        name = {number: name.lower() for name, number in onnx.TensorProto.DataType.items()}.get(kind.elem_type, "?")
        raise ModelError(
            f"{where} is {name}, but must be float32 with a QuantizeLinear after it, or int8 or uint8 with a "
            "DequantizeLinear; keep the quantization of the input in the model"
        )
    if len(sizes) not in (2, 4):
        raise ModelError(
            f"{where} has {len(sizes)} dimensions, but must be (1, channels, height, width) "
            "or (1, values); export it so"
        )
    notes: list[str] = []
    if len(given) == len(sizes) - 1 and any(isinstance(size, str) for size in sizes[1:]):
        for dimension, side in zip(kind.shape.dim[1:], given, strict=True):
            dimension.dim_value = dimension.dim_value or side
        sizes = [sizes[0], *(dimension.dim_value for dimension in kind.shape.dim[1:])]
        shown = "x".join(map(str, sizes[1:]))
        notes.append(f"the dynamic dimensions of {value.name!r} were set to those of the images, {shown}")
    fixed = [size for size in sizes[1:] if isinstance(size, int)]
    if len(fixed) < len(sizes) - 1:
        raise ModelError(
            f"{where} has dynamic dimensions, but hardware is made for fixed ones; set them, for example with "
            "onnxruntime.tools.make_dynamic_shape_fixed"
        )
    if isinstance(sizes[0], str):
        notes.append(f"the symbolic batch dimension {sizes[0]!r} of {value.name!r} was set to 1")
    elif sizes[0] != 1:
        raise ModelError(f"{where} has a batch of {sizes[0]}, but images run one by one; export the model with batch 1")
    kind.shape.dim[0].dim_value = 1
    return tuple(fixed), notes


def _nodes(graph: onnx.GraphProto) -> list[OnnxNode]:
    import onnx

    nodes: list[OnnxNode] = []
    names: set[str] = set()
    for index, proto in enumerate(graph.node):
        name = _text(proto.name) or f"{_text(proto.op_type).lower()}_{index}"
        while name in names:
            name += "_"
        names.add(name)
        attributes: dict[str, Any] = {}
        for attribute in proto.attribute:
            value = onnx.helper.get_attribute_value(attribute)
            if isinstance(value, bytes):
                value = _text(value)
            elif isinstance(value, onnx.TensorProto):
                value = onnx.numpy_helper.to_array(value)
            elif attribute.type == onnx.AttributeProto.INTS:
                value = list(value)
            attributes[attribute.name] = value
        domain = "" if proto.domain in _STANDARD_DOMAINS else f"{_text(proto.domain)}."
        op = domain + _text(proto.op_type)
        nodes.append(OnnxNode(name, op, tuple(proto.input), tuple(proto.output), attributes))
    return nodes


def _text(value: str | bytes) -> str:
    """Text of the file, which protobuf hands out as bytes where it is not UTF-8."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _needed(nodes: list[OnnxNode], outputs: tuple[str, ...]) -> list[OnnxNode]:
    """The nodes that `outputs` depend on, in order; the file lists producers before readers."""
    wanted = set(outputs)
    needed: list[OnnxNode] = []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            needed.append(node)
            wanted.update(node.inputs)
    return needed[::-1]


def _check_connections(source: str, nodes: list[OnnxNode], known: set[str], outputs: tuple[str, ...]) -> None:
    made: set[str] = set()
    known = known | {""}
    for node in nodes:
        for tensor in node.inputs:
            if tensor not in known:
                raise ModelError(
                    f"{source}: node {node.name!r} reads {tensor!r}, which nothing before it makes; "
                    "the file is damaged, export it again"
                )
        known.update(node.outputs)
        made.update(node.outputs)
    for output in outputs:
        if output not in made:
            raise ModelError(f"{source}: no node makes the output {output!r}; the file is damaged, export it again")


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 160 else text[:157] + "..."
