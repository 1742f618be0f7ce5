"""A part of an ONNX file as a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tcugen.model.errors import ModelError
from tcugen.partition.file_graph import FileGraph, FileNode

if TYPE_CHECKING:
    import onnx

_NAMES = {"tensor(float)": "FLOAT", "tensor(double)": "DOUBLE"}
"""Types whose name in ONNX is not simply that of ONNX Runtime in capitals."""


def submodel(graph: FileGraph, title: str, inputs: Sequence[str], outputs: Sequence[str]) -> onnx.ModelProto:
    """The part of a file that makes `outputs` of `inputs`: the nodes between them, with all constants that they need.

    Raises:
        ModelError: If one of these tensors is no tensor but a sequence or the like.
    """
    import onnx

    nodes = _between(graph, inputs, outputs)
    read = {tensor for node in nodes for tensor in node.reads}.difference(inputs)
    values = {
        name: onnx.helper.make_tensor_value_info(name, _element_type(graph, name), graph.forms[name].sides)
        for name in (*inputs, *outputs)
    }
    part = onnx.helper.make_graph(
        [node.proto for node in nodes],
        title,
        [values[name] for name in inputs],
        [values[name] for name in outputs],
        [tensor for tensor in graph.proto.graph.initializer if tensor.name in read],
    )
    part.sparse_initializer.extend(
        tensor for tensor in graph.proto.graph.sparse_initializer if tensor.values.name in read
    )
    return onnx.helper.make_model(
        part, opset_imports=list(graph.proto.opset_import), ir_version=graph.proto.ir_version, producer_name="tcugen"
    )


def _between(graph: FileGraph, inputs: Sequence[str], outputs: Sequence[str]) -> list[FileNode]:
    """The nodes that `outputs` need, back to `inputs`, in execution order."""
    found: dict[str, FileNode] = {}
    pending = [tensor for tensor in outputs if tensor not in inputs]
    while pending:
        node = graph.makers.get(pending.pop())
        if node is not None and node.name not in found:
            found[node.name] = node
            pending += [tensor for tensor in node.reads if tensor not in inputs]
    unique = {node.name: node for node in graph.makers.values()}
    return [node for name, node in unique.items() if name in found]


def _element_type(graph: FileGraph, name: str) -> int:
    import onnx

    kind = graph.forms[name].type
    known = _NAMES.get(kind, kind.removeprefix("tensor(").removesuffix(")").upper())
    if known not in onnx.TensorProto.DataType.keys():  # noqa: SIM118  # it is no dict: protobuf gives it keys, but no `in`
        raise ModelError(
            f"{graph.source}: {name!r} is {kind}, but only tensors can go from one part to another; end the model in "
            "front of the node that makes it"
        )
    return onnx.TensorProto.DataType.Value(known)
