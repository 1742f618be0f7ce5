"""The one form that float networks are walked in, whatever they were read from: a graph of ATen operators."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import fx

from tcugen.model.file_form import FLOAT_NCHW, FileForm
from tcugen.network.graph import Shape


@dataclass(frozen=True, eq=False)
class AtenGraph:
    """A float network as ATen operators on batches of one image.

    The `meta` of each node has `val`, a tensor of its output's shape or a tuple of such, and `nn_module_stack` with the
    paths of the modules that it was called in. Where a file says it in its own words, `origin` is its name and operator
    there. A node that could not be read has `refused`, the problems of it, and `val` if its shape is known.

    Attributes:
        source: What it was read from, for messages: "module 'net'".
        name: Of the network.
        shape: Of the image that the graph takes.
        graph: One placeholder for the image and one for each of `tensors`.
        tensors: Parameters and constants, with their names in the source, by name of placeholder.
        compute: What the source itself makes of float32 [1, C, H, W], the one tensor that it returns.
        form: How the source has its image.
        notes: What was assumed or left out.
    """

    source: str
    name: str
    shape: Shape
    graph: fx.Graph
    tensors: dict[str, tuple[str, torch.Tensor]]
    compute: Callable[[torch.Tensor], torch.Tensor]
    form: FileForm = FLOAT_NCHW
    notes: tuple[str, ...] = field(default=())


def unread(*_operands: object) -> None:
    """What stands in a graph for an operator that could not be read; it is never called."""
