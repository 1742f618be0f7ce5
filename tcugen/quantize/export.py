"""From a float network as ATen operators to the network that the hardware runs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import fx, nn
from torch._ops import OpOverload

from tcugen.model.errors import QuantizationError
from tcugen.model.functions import Reals
from tcugen.model.problems import Problem, Refused, Unavailable, UnsupportedModel
from tcugen.network.check import checked_network
from tcugen.network.dilated_pool import in_steps
from tcugen.network.graph import Node, Shape
from tcugen.network.operators import MaxPool
from tcugen.quantize.aten_graph import AtenGraph
from tcugen.quantize.elementwise_operators import custom_table
from tcugen.quantize.float_network import FloatNetwork, Parameters, output_of
from tcugen.quantize.functions import name_functions, table
from tcugen.quantize.module_reader import read_module
from tcugen.quantize.names import node_names
from tcugen.quantize.node_builder import NodeBuilder, Value
from tcugen.quantize.operators import OPERATORS, REMEDIES
from tcugen.quantize.sharing import with_same_scales
from tcugen.quantize.walk import Walk, problem

INPUT = "image"
TOLERANCE = 1e-3
"""Folding changes roundings only: outputs differ by less than this share of the largest one."""


def import_module(module: nn.Module, shape: Shape, name: str) -> FloatNetwork:
    """Import a module as it computes in evaluation mode; arguments and errors as `read_module` and `import_graph`."""
    return import_graph(read_module(module, shape, name))


def import_graph(source: AtenGraph) -> FloatNetwork:
    """Walk a graph.

    Raises:
        UnsupportedModel: If operators cannot run on the hardware; lists all of them.
        QuantizationError: If it does nothing, or the network does not compute the same.
        NetworkError: If the network breaks a rule of `checked_network`.
    """
    damaged, notes = _damaged(source.tensors)
    name_functions(source.graph, source.tensors)
    walk = Walk(source.tensors)
    returned, problems = _walked(walk, source.graph, source.shape)
    problems = damaged + problems
    if problems:
        raise UnsupportedModel(source.name, list(dict.fromkeys(problems)))
    if returned is None or returned.builder is None:
        raise QuantizationError(f"{source.source}: returns its input, so there is nothing to run; give a whole network")
    model = _network(_needed(walk.builders, returned.builder), source.shape, source.name)
    model = replace(model, notes=(*source.notes, *notes), form=source.form)
    _check_same(model, source)
    return model


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


def _walked(walk: Walk, graph: fx.Graph, shape: Shape) -> tuple[Value | None, list[Problem]]:
    """What the module returns, if that is known, and every operator that cannot run."""
    problems: list[Problem] = []
    returned = None
    for node in graph.nodes:
        if node.op == "placeholder" and node.name not in walk.tensors:
            walk.values[node] = Value(None, (shape.channels, shape.height, shape.width))
        elif node.op == "call_function" and node.users and not _constant(walk, node):
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
    if "refused" in node.meta:
        if node.meta["refused"]:
            raise Refused(node.meta["refused"])
        raise Unavailable
    operator = str(node.target).removeprefix("aten.")
    if operator in OPERATORS:
        return OPERATORS[operator](walk, node)
    if node.target is table:
        return custom_table(walk, node)
    remedy = REMEDIES.get(operator.split(".")[0], "replace it by supported operators, or let the host compute it")
    raise Refused([problem(node, "operator", operator, remedy)])


_FILLED = frozenset(("ones", "zeros", "full", "arange", "scalar_tensor"))
"""Operators that make the same constant whenever they run, by ATen's name."""


def _constant(walk: Walk, node: fx.Node) -> bool:
    """Computes a node that depends on constants alone; False for any other."""
    inputs = node.all_input_nodes
    operator: Any = node.target
    name = str(operator).split(".")[-2:][0]
    if not isinstance(operator, OpOverload) or not all(walk.is_constant(source) for source in inputs):
        return False
    if not inputs and name not in _FILLED:
        return False
    known: dict[fx.Node, Any] = {source: walk.tensors[source.name][1] for source in inputs}
    arguments, keywords = fx.map_arg((node.args, node.kwargs), lambda source: known[source])
    result: Any = operator(*arguments, **keywords)  # pyright: ignore[reportUnknownVariableType]  # of any operator
    if not isinstance(result, torch.Tensor):
        return False
    walk.tensors[node.name] = (f"what {node.name} makes of constants", result)
    return True


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
    functions: dict[str, Callable[[Reals], Reals]] = {}
    for builder in builders:
        own = names[id(builder)]
        node = builder.node(own, [INPUT if source is None else names[id(source)] for source in builder.inputs])
        nodes += in_steps(node) if isinstance(node, MaxPool) else (node,)
        if builder.parameters is not None:
            parameters[own] = Parameters(builder.parameters.weight, builder.parameters.bias)
        if builder.function is not None:
            functions[own] = builder.function
        if builder.is_limited:
            limits[own] = (builder.low, builder.high)
    network = with_same_scales(checked_network(name, ((INPUT, shape),), nodes), limits)
    return FloatNetwork(network, parameters, limits, functions=functions)


def _check_same(model: FloatNetwork, source: AtenGraph) -> None:
    """Raises QuantizationError if the network computes something else than what it was read from."""
    shape = source.shape
    image = torch.rand(1, shape.channels, shape.height, shape.width, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        wanted = source.compute(image).flatten()
    found = output_of(model, image).flatten()
    if not wanted.isfinite().all():
        # Nothing to compare; calibration finds the tensor.
        return
    difference = float((found - wanted).abs().max()) if found.shape == wanted.shape else float("inf")
    if not difference <= TOLERANCE * float(wanted.abs().max()) + 1e-6:
        raise QuantizationError(
            f"{source.source}: its network differs from it by {difference:.3g} where it gives up to "
            f"{float(wanted.abs().max()):.3g}, so something it does was not seen; use plain layers"
        )
