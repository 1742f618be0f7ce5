"""Writes a graph of ATen operators, one after the other, with the shapes that they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import fx

from tcugen.model.problems import Problem, Unavailable
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.quantize.aten_graph import unread
from tcugen.quantize.from_onnx.scopes import module_stack

aten = torch.ops.aten
Shape = tuple[int, ...]


class AtenWriter:
    """A graph in the making.

    Attributes:
        graph: So far.
        tensors: As of an `AtenGraph`.
    """

    def __init__(self) -> None:
        self.graph = fx.Graph()
        self.tensors: dict[str, tuple[str, torch.Tensor]] = {}

    def image(self, shape: Shape) -> fx.Node:
        """The placeholder of the image."""
        return self._placeholder("image", torch.empty(shape, device="meta"))

    def constant(self, name: str, array: np.ndarray) -> fx.Node:
        """A placeholder of float32 values that the file calls `name`."""
        values = torch.as_tensor(np.array(array, np.float32))
        made = self._placeholder("constant", values.to("meta"))
        self.tensors[made.name] = (name, values)
        return made

    def call(self, node: OnnxNode, operator: Callable[..., Any], *arguments: Any) -> fx.Node:
        """An operator that stands for `node` or a part of it.

        Raises:
            Refused: If the arguments do not fit it.
            Unavailable: If the shape of one is not known.
        """
        shapes: Any = fx.map_arg(arguments, _value)
        try:
            value = operator(*shapes)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            lines = str(error).splitlines() or [type(error).__name__]
            raise node.refusal("inputs", lines[0], "they do not fit each other: export the model again") from None
        made = self.graph.call_function(operator, arguments)
        made.meta = {"val": value, **_said_by(node)}
        return made

    def view(self, node: OnnxNode, source: fx.Node, shape: Sequence[int]) -> fx.Node:
        """The elements of a tensor in another shape; views of views are one view of the first."""
        while source.target is aten.view.default:
            source = source.all_input_nodes[0]
        return source if shape_of(source) == tuple(shape) else self.call(node, aten.view.default, source, list(shape))

    def permute(self, node: OnnxNode, source: fx.Node, order: Sequence[int]) -> fx.Node:
        """The dimensions of a tensor in another order; two such steps are one, and a view where nothing moves."""
        order, shape = list(order), shape_of(source)
        if source.target is aten.permute.default:
            before: Any = source.args[1]
            source, order = source.all_input_nodes[0], [before[dimension] for dimension in order]
            shape = shape_of(source)
        if order == sorted(order):
            return source
        real = [dimension for dimension in order if shape[dimension] != 1]
        if real == sorted(real):
            return self.view(node, source, [shape[dimension] for dimension in order])
        return self.call(node, aten.permute.default, source, order)

    def unread(
        self, node: OnnxNode, operands: Sequence[fx.Node], problems: Sequence[Problem], shape: Shape | None
    ) -> fx.Node:
        """What stands for a node that could not be read, for these reasons; none if that is due to its inputs."""
        made = self.graph.call_function(unread, tuple(operands))
        made.meta = {"refused": tuple(problems), **_said_by(node)}
        if shape is not None:
            made.meta["val"] = torch.empty(shape, device="meta")
        return made

    def _placeholder(self, name: str, value: torch.Tensor) -> fx.Node:
        made = self.graph.placeholder(name)
        made.meta = {"val": value, "nn_module_stack": {}}
        return made


def shape_of(node: fx.Node) -> Shape:
    """Dimensions of what a node makes. Raises Unavailable if they are not known."""
    return tuple(_value(node).shape)


def _value(node: fx.Node) -> Any:
    if "val" not in node.meta:
        raise Unavailable
    return node.meta["val"]


def _said_by(node: OnnxNode) -> dict[str, Any]:
    return {"origin": (node.name, node.op), "nn_module_stack": module_stack(node.name)}
