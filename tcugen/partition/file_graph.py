"""The graph of an ONNX file as it is split: its nodes, who reads what, and the type and shape of every tensor."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tcugen.model.errors import ModelError
from tcugen.onnx.importer.node_order import read_by
from tcugen.onnx.importer.onnx_file import OnnxGraph
from tcugen.onnx.untyped import open_session

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class TensorForm:
    """Of one tensor of the file.

    Attributes:
        type: As ONNX Runtime calls it, such as `tensor(float)`.
        sides: Its dimensions, batch included; None if they are not all known before the file runs.
    """

    type: str
    sides: tuple[int, ...] | None


@dataclass(frozen=True, eq=False)
class FileNode:
    """One operator of the file.

    Attributes:
        name: Of its own in the whole file.
        op: Operator type without its domain.
        reads: Tensors, those that subgraphs within it read too; constants included.
        makes: Tensors.
        proto: The node in the file.
    """

    name: str
    op: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    proto: onnx.NodeProto = field(repr=False)

    @property
    def quantizes(self) -> bool:
        return self.op == "QuantizeLinear"

    @property
    def dequantizes(self) -> bool:
        return self.op == "DequantizeLinear"


@dataclass(frozen=True, eq=False)
class FileGraph:
    """A file between its one image and its outputs.

    Attributes:
        source: Path, for messages.
        image: Name of the input.
        outputs: Names of the outputs.
        makers: Every node by the tensors that it makes, those of constants too.
        nodes: Those that depend on the image and that an output depends on, in execution order.
        forms: Of the image and of every tensor that a node makes.
        proto: The file's model.
    """

    source: str
    image: str
    outputs: tuple[str, ...]
    makers: dict[str, FileNode]
    nodes: tuple[FileNode, ...]
    forms: dict[str, TensorForm]
    proto: onnx.ModelProto = field(repr=False)

    @cached_property
    def moving(self) -> frozenset[str]:
        """Tensors that depend on the image, itself included."""
        return frozenset((self.image, *(tensor for node in self.nodes for tensor in node.makes)))

    @cached_property
    def readers(self) -> dict[str, list[FileNode]]:
        """Who reads a tensor that depends on the image."""
        readers: dict[str, list[FileNode]] = {tensor: [] for tensor in self.moving}
        for node in self.nodes:
            for tensor in self.moving_reads(node):
                readers[tensor].append(node)
        return readers

    def moving_reads(self, node: FileNode) -> list[str]:
        """What a node reads that depends on the image, each tensor once."""
        return [tensor for tensor in dict.fromkeys(node.reads) if tensor in self.moving]

    def border(self, tensor: str) -> str:
        """The tensor that crosses where a part reads `tensor` of another part: int8 in place of the reals that it
        stands for, and the image in place of the image's own rounding."""
        maker = self.makers.get(tensor)
        if maker is not None and maker.dequantizes and self.moving_reads(maker) == [maker.reads[0]]:
            tensor = maker.reads[0]
            maker = self.makers.get(tensor)
        rounds_image = maker is not None and maker.quantizes and self.moving_reads(maker) == [self.image]
        return self.image if rounds_image else tensor


def file_graph(graph: OnnxGraph) -> FileGraph:
    """The graph of a file that the importer has read. Its nodes get the names that the importer calls them by.

    A Shape of a tensor whose shape is known becomes a constant: it is no reason to carry that tensor anywhere.

    Raises:
        ModelError: If ONNX Runtime cannot open the file.
    """
    import onnx

    proto = onnx.ModelProto()
    proto.CopyFrom(graph.onnx_model)
    names = {output: node.name for node in graph.nodes for output in node.outputs if output}
    taken = set(names.values())
    for index, node in enumerate(proto.graph.node):
        known = next((names[output] for output in node.output if output in names), None)
        node.name = known or _free(node.name or f"{node.op_type.lower()}_{index}", taken)
        taken.add(node.name)
    forms = _forms(graph, proto)
    _fold_shapes(proto, forms, graph.outputs)
    nodes = [
        FileNode(node.name, node.op_type, tuple(_reads(node)), tuple(filter(None, node.output)), node)
        for node in proto.graph.node
    ]
    return FileGraph(
        source=graph.source,
        image=graph.input,
        outputs=graph.outputs,
        makers={tensor: node for node in nodes for tensor in node.makes},
        nodes=_moving_nodes(nodes, graph.input, graph.outputs),
        forms=forms,
        proto=proto,
    )


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _reads(node: onnx.NodeProto) -> list[str]:
    own = [name for name in node.input if name]
    return [*own, *sorted(read_by(node).difference(own))]


def _moving_nodes(nodes: list[FileNode], image: str, outputs: tuple[str, ...]) -> tuple[FileNode, ...]:
    moving, found = {image}, list[FileNode]()
    for node in nodes:
        if moving.intersection(node.reads):
            moving.update(node.makes)
            found.append(node)
    wanted, needed = set(outputs), list[FileNode]()
    for node in reversed(found):
        if wanted.intersection(node.makes):
            wanted.update(node.reads)
            needed.append(node)
    return tuple(needed[::-1])


def _forms(graph: OnnxGraph, proto: onnx.ModelProto) -> dict[str, TensorForm]:
    """As ONNX Runtime finds them, and ONNX's own inference where that leaves a dimension open."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    made = dict.fromkeys(name for node in copy.graph.node for name in node.output if name)
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made)
    try:
        session = open_session(copy.SerializeToString())
        entries = [*session.get_inputs(), *session.get_outputs()]
    except Exception as error:  # ONNX Runtime's exceptions have no public base class
        text = " ".join(str(error).split())
        raise ModelError(
            f"{graph.source}: ONNX Runtime cannot open it ({text}), so nothing of it can run on the host; export the "
            "model again"
        ) from None
    forms: dict[str, TensorForm] = {}
    for entry in entries:
        sides = tuple(side for side in entry.shape if isinstance(side, int) and side > 0)
        known = sides if len(sides) == len(entry.shape) and entry.type.startswith("tensor(") else None
        forms[entry.name] = TensorForm(entry.type, known or graph.inferred_shapes.get(entry.name))
    return forms


def _fold_shapes(proto: onnx.ModelProto, forms: dict[str, TensorForm], outputs: tuple[str, ...]) -> None:
    import numpy as np
    import onnx

    kept: list[onnx.NodeProto] = []
    for node in proto.graph.node:
        form = forms.get(node.input[0]) if node.op_type == "Shape" and node.input else None
        if form is None or form.sides is None or node.output[0] in outputs:
            kept.append(node)
            continue
        bounds = {attribute.name: attribute.i for attribute in node.attribute}
        sides = form.sides[bounds.get("start", 0) : bounds.get("end", len(form.sides))]
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array(sides, np.int64), node.output[0]))
    if len(kept) < len(proto.graph.node):
        copies = [type(node).FromString(node.SerializeToString()) for node in kept]
        del proto.graph.node[:]
        proto.graph.node.extend(copies)
