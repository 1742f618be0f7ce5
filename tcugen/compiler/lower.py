"""Nodes to tasks: what the array, the output path and the pool unit do, in execution order."""

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from tcugen.arch import Architecture
from tcugen.compiler.errors import CompileError
from tcugen.compiler.numerics import check_add, check_multipliers, fold_bias
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.fusion import fused_producers
from tcugen.network.graph import Node, Shape
from tcugen.network.operators import Add, Conv, GlobalAveragePool, Linear, MaxPool, Requantise, Weighted, as_convolution

INT8 = (-128, 127)


@dataclass(frozen=True)
class ResidualAdd:
    """The add behind a requantised result: the fields of DRAIN, and the operand's tensor."""

    operand: str
    multiplier: int
    residual_multiplier: int
    shift: int
    residual_zero_point: int
    zero_point: int
    clamp: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Task:
    """One pass over the machine.

    Attributes:
        op: "conv", "average" or "pool".
        nodes: Nodes it executes, the last makes `output`.
        input, output: Tensor names.
        input_shape, output_shape: Their shapes.
        kernel, stride, padding, groups: As in the graph; "average" has the whole input as kernel.
        weight: int8 [O, I / groups, ky, kx]; conv only.
        bias: int32 [O] folded; conv, and one element for average.
        multiplier: float32 [O] (one element for average); None stores the 32-bit sums.
        pad: Zero point of the input.
        zero_point, clamp: Of the requantised result.
        add: The residual add, or None.
    """

    op: str
    nodes: tuple[str, ...]
    input: str
    output: str
    input_shape: Shape
    output_shape: Shape
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None
    multiplier: np.ndarray | None = None
    pad: int = 0
    zero_point: int = 0
    clamp: tuple[int, int] = INT8
    add: ResidualAdd | None = None

    @property
    def name(self) -> str:
        return self.nodes[-1]

    @property
    def int32(self) -> bool:
        return self.op == "conv" and self.multiplier is None

    @property
    def reads(self) -> tuple[str, ...]:
        """Tensors the task reads, each once."""
        return tuple(dict.fromkeys((self.input, *((self.add.operand,) if self.add else ()))))


def _add_numbers(model: QuantizedNetwork, node: Add, first: int) -> ResidualAdd:
    """The add as DRAIN sees it, with operand `first` (0 or 1) coming from the array."""
    integers = model.integers_of(node)
    check_add(node.name, integers.multipliers, integers.shift)
    operand = node.inputs[1 - first]
    return ResidualAdd(
        operand=operand,
        multiplier=integers.multipliers[first],
        residual_multiplier=integers.multipliers[1 - first],
        shift=integers.shift,
        residual_zero_point=model.zero_point(operand),
        zero_point=model.zero_point(node.name),
        clamp=integers.clamp,
    )


def _array_task(
    model: QuantizedNetwork, node: Weighted | Requantise, architecture: Architecture, add: Add | None
) -> Task:
    """conv, linear and requantise, with the add fused behind it if given."""
    shapes = model.network.shapes
    channels = shapes[node.inputs[0]].channels
    zero_point = model.zero_point(node.inputs[0])
    if isinstance(node, Requantise):
        integers = model.integers_of(node)
        layer = Conv(node.name, node.inputs, channels, (1, 1), groups=channels)
        weight = np.ones((channels, 1, 1, 1), np.int8)
        bias = np.zeros(channels, np.int32)
        multiplier = np.full(channels, integers.multiplier, np.float32)
    else:
        integers, layer = model.integers_of(node), as_convolution(node)
        weight, bias, multiplier = integers.weight, integers.bias, integers.multiplier
        weight = weight.reshape(layer.out_channels, channels // layer.groups, *layer.kernel)
    if multiplier is None and (add is not None or model.network.consumers[node.name]):
        raise CompileError(
            f"node {node.name!r}: stores 32-bit sums but {model.network.consumers[node.name]} read it; only an output "
            "of the network may do so: give it a multiplier"
        )
    output = add or node
    return Task(
        op="conv",
        nodes=(node.name,) if add is None else (node.name, add.name),
        input=node.inputs[0],
        output=output.name,
        input_shape=shapes[node.inputs[0]],
        output_shape=shapes[output.name],
        kernel=layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        groups=layer.groups,
        weight=weight,
        bias=fold_bias(node.name, weight, bias, zero_point, architecture.accumulator_bits),
        multiplier=None if multiplier is None else check_multipliers(node.name, multiplier),
        pad=zero_point,
        zero_point=0 if multiplier is None else model.zero_point(node.name),
        clamp=integers.clamp or INT8,
        add=None if add is None else _add_numbers(model, add, add.inputs.index(node.name)),
    )


def _add_task(model: QuantizedNetwork, node: Add) -> Task:
    """An add on its own: operand a passes through the array unchanged, clamp(rint((a - z_a) * 1.0) + z_a) = a."""
    shape, zero_point = model.network.shapes[node.name], model.zero_point(node.inputs[0])
    return Task(
        op="conv",
        nodes=(node.name,),
        input=node.inputs[0],
        output=node.name,
        input_shape=shape,
        output_shape=shape,
        groups=shape.channels,
        weight=np.ones((shape.channels, 1, 1, 1), np.int8),
        bias=np.full(shape.channels, -zero_point, np.int32),
        multiplier=np.ones(shape.channels, np.float32),
        pad=zero_point,
        zero_point=zero_point,
        add=_add_numbers(model, node, 0),
    )


def _average_task(model: QuantizedNetwork, node: GlobalAveragePool, architecture: Architecture) -> Task:
    shape, zero_point = model.network.shapes[node.inputs[0]], model.zero_point(node.inputs[0])
    integers = model.integers_of(node)
    ones = np.ones((1, shape.height * shape.width), np.int8)
    return Task(
        op="average",
        nodes=(node.name,),
        input=node.inputs[0],
        output=node.name,
        input_shape=shape,
        output_shape=model.network.shapes[node.name],
        kernel=(shape.height, shape.width),
        bias=fold_bias(node.name, ones, np.zeros(1, np.int32), zero_point, architecture.accumulator_bits),
        multiplier=check_multipliers(node.name, np.atleast_1d(integers.multiplier)),
        pad=zero_point,
        zero_point=model.zero_point(node.name),
        clamp=integers.clamp,
    )


def _task(model: QuantizedNetwork, node: Node, architecture: Architecture, producer: str | None) -> Task:
    """The task that makes the output of `node`, along with the `producer` that is fused into it, if any."""
    shapes = model.network.shapes
    runs = None if producer is None else model.network.by_name[producer]
    if isinstance(node, Add) and isinstance(runs, Conv | Linear | Requantise):
        return _array_task(model, runs, architecture, node)
    match node:
        case Conv() | Linear() | Requantise():
            return _array_task(model, node, architecture, None)
        case Add():
            return _add_task(model, node)
        case GlobalAveragePool():
            return _average_task(model, node, architecture)
        case MaxPool():
            source = node.inputs[0]
            return Task("pool", (node.name,), source, node.name, shapes[source], shapes[node.name],
                        node.kernel, node.stride, node.padding)  # fmt: skip
        case _:
            assert_never(node)


def lower(model: QuantizedNetwork, architecture: Architecture) -> tuple[Task, ...]:
    """Tasks in execution order. A convolution fused with an add runs where the add stands.

    Raises:
        CompileError: If the integers of nodes cannot be exact on this architecture; names each of these nodes.
    """
    fused = fused_producers(model.network)
    tasks, refusals = [], []
    for node in model.network.nodes:
        if node.name in fused.values():
            continue
        try:
            tasks.append(_task(model, node, architecture, fused.get(node.name)))
        except CompileError as error:
            refusals.append(str(error))
    if len(refusals) > 1:
        lines = "\n".join(f"  {refusal}" for refusal in refusals)
        raise CompileError(f"{len(refusals)} nodes cannot be exact on this architecture:\n{lines}")
    if refusals:
        raise CompileError(refusals[0])
    return tuple(tasks)
