"""From a float `nn.Module` to the network that the hardware runs, by way of `torch.export`."""

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import fx, nn

from tcugen.model.errors import QuantizationError
from tcugen.model.problems import Problem, Refused, Unavailable, UnsupportedModel
from tcugen.network.check import checked_network
from tcugen.network.graph import Node, Shape
from tcugen.quantize.float_network import FloatNetwork, Parameters, output_of
from tcugen.quantize.names import node_names
from tcugen.quantize.node_builder import NodeBuilder, Value
from tcugen.quantize.operators import OPERATORS, REMEDIES
from tcugen.quantize.walk import Walk, problem

INPUT = "image"
TOLERANCE = 1e-3
"""Folding changes roundings only: outputs differ by less than this share of the largest one."""


def import_module(module: nn.Module, shape: Shape, name: str) -> FloatNetwork:
    """Import a module as it computes in evaluation mode.

    Args:
        module: Takes one float32 (1, C, H, W) tensor and returns one tensor, or a dict, list or tuple of one; it is not
            changed.
        shape: Of its input.
        name: Of the network.

    Raises:
        UnsupportedModel: If operators cannot run on the hardware; lists all of them.
        QuantizationError: If the module cannot be exported for this shape, or the network does not compute the same.
        NetworkError: If the network breaks a rule of `checked_network`.
    """
    module = copy.deepcopy(module).float().cpu().eval()
    exported = _exported(module, shape, name)
    constants = _constants(exported)
    damaged, notes = _damaged(constants)
    walk = Walk(constants)
    returned, problems = _walked(walk, exported, shape)
    problems = damaged + problems
    if problems:
        raise UnsupportedModel(name, list(dict.fromkeys(problems)))
    if returned is None or returned.builder is None:
        raise QuantizationError(f"module {name!r}: returns its input, so there is nothing to run; give a whole network")
    model = replace(_network(_needed(walk.builders, returned.builder), shape, name), notes=tuple(notes))
    _check_same(model, module, shape)
    return model


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


def _damaged(constants: dict[str, tuple[str, torch.Tensor]]) -> tuple[list[Problem], list[str]]:
    """Tensors that hold something else than numbers, and notes on infinite variances, which PyTorch can live with."""
    problems: list[Problem] = []
    notes: list[str] = []
    for name, tensor in constants.values():
        values = tensor.detach().double()
        infinite = [int(channel) for channel in (values == float("inf")).flatten().nonzero().flatten()]
        if infinite and name.endswith("running_var"):
            channels = ", ".join(map(str, infinite[:5]))
            notes.append(f"{name} is infinite in channel {channels}, which is therefore constant (fp16 overflow?)")
            values = values[values != float("inf")]
        bad = values[~values.isfinite()]
        if len(bad):
            found = f"{float(bad[0])} in {len(bad)} of {tensor.numel()} places"
            problems.append(Problem(name, "weights", "value", found, "load undamaged weights"))
    return problems, notes


def _walked(walk: Walk, exported: torch.export.ExportedProgram, shape: Shape) -> tuple[Value | None, list[Problem]]:
    """What the module returns, if that is known, and every operator that cannot run."""
    problems: list[Problem] = []
    returned = None
    for node in exported.graph.nodes:
        if node.op == "placeholder" and node.name not in walk.tensors:
            walk.values[node] = Value(None, (shape.channels, shape.height, shape.width))
        elif node.op == "call_function" and node.users:
            try:
                walk.values[node] = _result(walk, node)
            except Unavailable:
                walk.values[node] = None
            except Refused as refused:
                problems += refused.problems
                walk.values[node] = _stand_in(node)
        elif node.op == "output":
            results = node.args[0]
            if len(results) != 1 or results[0] not in walk.values:
                kinds = f"{len(results)} tensors" if len(results) != 1 else "a constant"
                problems.append(Problem("the module", "return", "value", kinds, "return one tensor, the logits"))
            else:
                returned = walk.values[results[0]]
    return returned, problems


def _stand_in(node: fx.Node) -> Value | None:
    """Something of the shape of a refused operator's output, so that what reads it is checked too."""
    output: Any = node.meta.get("val")
    if isinstance(output, tuple | list) and output:
        output = node.meta["val"][0]
    if not isinstance(output, torch.Tensor) or output.ndim not in (2, 4):
        return None
    channels, height, width, *_ = (*output.shape[1:], 1, 1)
    return Value(NodeBuilder(None, (), [node]), (channels, height, width), flat=output.ndim == 2)


def _result(walk: Walk, node: fx.Node) -> Value:
    operator = str(node.target).removeprefix("aten.")
    if operator in OPERATORS:
        return OPERATORS[operator](walk, node)
    remedy = REMEDIES.get(operator.split(".")[0], "replace it by supported operators, or let the host compute it")
    raise Refused([problem(node, "operator", operator, remedy)])


def _needed(builders: Sequence[NodeBuilder], last: NodeBuilder) -> list[NodeBuilder]:
    """The builders that `last` depends on, in order, and `last` after them."""
    needed, pending = {id(last)}, [last]
    while pending:
        for builder in pending.pop().inputs:
            if builder is not None and id(builder) not in needed:
                needed.add(id(builder))
                pending.append(builder)
    return [builder for builder in builders if id(builder) in needed and builder is not last] + [last]


def _network(builders: Sequence[NodeBuilder], shape: Shape, name: str) -> FloatNetwork:
    names = node_names(builders, INPUT)
    nodes: list[Node] = []
    parameters: dict[str, Parameters] = {}
    limits: dict[str, tuple[float, float]] = {}
    for builder in builders:
        own = names[id(builder)]
        nodes.append(builder.node(own, [INPUT if source is None else names[id(source)] for source in builder.inputs]))
        if builder.parameters is not None:
            parameters[own] = Parameters(builder.parameters.weight, builder.parameters.bias)
        if builder.is_limited:
            limits[own] = (builder.low, builder.high)
    return FloatNetwork(checked_network(name, ((INPUT, shape),), nodes), parameters, limits)


Returned = torch.Tensor | Mapping[Any, "Returned"] | Sequence["Returned"]


def _only_tensor(returned: Returned) -> torch.Tensor:
    """The one tensor in what a module returned: itself, or in dicts, lists and tuples of one."""
    while not isinstance(returned, torch.Tensor):
        (returned,) = returned.values() if isinstance(returned, Mapping) else returned
    return returned


def _check_same(model: FloatNetwork, module: nn.Module, shape: Shape) -> None:
    """Raises QuantizationError if the network computes something else than the module."""
    image = torch.rand(1, shape.channels, shape.height, shape.width, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        wanted = _only_tensor(module(image)).flatten()
    found = output_of(model, image).flatten()
    if not wanted.isfinite().all():
        # Nothing to compare; calibration finds the tensor.
        return
    difference = float((found - wanted).abs().max()) if found.shape == wanted.shape else float("inf")
    if not difference <= TOLERANCE * float(wanted.abs().max()) + 1e-6:
        raise QuantizationError(
            f"module {model.network.name!r}: its network differs from it by {difference:.3g} where the module gives up "
            f"to {float(wanted.abs().max()):.3g}, so something it does was not seen; use plain PyTorch layers"
        )
