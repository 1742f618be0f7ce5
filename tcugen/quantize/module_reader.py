"""A PyTorch module as a graph of ATen operators, by `torch.export`."""

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from tcugen.model.errors import QuantizationError
from tcugen.network.graph import Shape
from tcugen.quantize.aten_graph import AtenGraph

Returned = torch.Tensor | Mapping[Any, "Returned"] | Sequence["Returned"]
"""What a module may return."""


def read_module(module: nn.Module, shape: Shape, name: str) -> AtenGraph:
    """The graph of a module as it computes in evaluation mode.

    Args:
        module: Takes one float32 (1, C, H, W) tensor and returns one tensor, or a dict, list or tuple of one; it is not
            changed.
        shape: Of its input.
        name: Of the network.

    Raises:
        QuantizationError: If the module cannot be exported for this shape.
    """
    module = copy.deepcopy(module).float().cpu().eval()
    exported = _exported(module, shape, name)

    def compute(image: torch.Tensor) -> torch.Tensor:
        return _only_tensor(module(image))

    return AtenGraph(f"module {name!r}", name, shape, exported.graph, _constants(exported), compute)


def _exported(module: nn.Module, shape: Shape, name: str) -> torch.export.ExportedProgram:
    example = torch.zeros(1, shape.channels, shape.height, shape.width)
    try:
        with warnings.catch_warnings():
            # Of PyTorch about itself.
            warnings.simplefilter("ignore")
            exported = torch.export.export(module, (example,))
            return exported.run_decompositions({})  # pyright: ignore[reportUnknownMemberType]  # partly without types
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
        raise QuantizationError(
            f"module {name!r}: torch.export cannot export it for images of {shape} ({reason}); check that it runs on "
            "one such image and that no branch depends on the values"
        ) from error


def _constants(exported: torch.export.ExportedProgram) -> dict[str, tuple[str, torch.Tensor]]:
    """Names in the module and values of parameters, buffers and constants by placeholder."""
    signature = exported.graph_signature
    held: dict[str, tuple[str, torch.Tensor]] = {}
    for names in (
        signature.inputs_to_parameters,
        signature.inputs_to_buffers,
        signature.inputs_to_lifted_tensor_constants,
    ):
        for placeholder, name in names.items():
            tensor = exported.state_dict.get(name, exported.constants.get(name))
            held[placeholder] = (name, tensor)
    return held


def _only_tensor(returned: Returned) -> torch.Tensor:
    """The one tensor in what a module returned: itself, or in dicts, lists and tuples of one."""
    while not isinstance(returned, torch.Tensor):
        (returned,) = returned.values() if isinstance(returned, Mapping) else returned
    return returned
