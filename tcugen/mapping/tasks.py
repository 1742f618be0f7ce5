"""What the machine runs one after the other: nodes in execution order, each add fused into the node before it.

Shapes only: the same tasks whatever the weights are.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from tcugen.network.fusion import fused_producers
from tcugen.network.graph import Network, Node, Shape


@dataclass(frozen=True)
class ConvTask:
    """A convolution on the array; also everything that is run as one: linear, requantise, an add on its own.

    Attributes:
        nodes: Nodes it executes, the last makes `output`.
        runs: The node whose operator the array runs.
        input, output: Tensor names.
        residual: Tensor added after requantisation, or None.
        input_shape, output_shape: Of input and output.
        kernel, stride: (y, x).
        padding: (top, left, bottom, right).
        groups: Of the convolution as the array runs it; adds and changes of scale are diagonal.
        int32: The 32-bit sums are stored, not requantised.
    """

    nodes: tuple[str, ...]
    runs: str
    input: str
    output: str
    residual: str | None
    input_shape: Shape
    output_shape: Shape
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    int32: bool = False

    @property
    def name(self) -> str:
        return self.nodes[-1]

    @property
    def reads(self) -> tuple[str, ...]:
        """Tensors the task reads, each once."""
        return (self.input,) if self.residual in (None, self.input) else (self.input, self.residual)


@dataclass(frozen=True)
class AverageTask:
    """A global average pool on the array: every position is a pass, every channel block a pixel.

    Attributes: as those of `ConvTask`; `kernel` is the whole input.
    """

    nodes: tuple[str, ...]
    input: str
    output: str
    input_shape: Shape
    output_shape: Shape
    int32: Literal[False] = False
    residual: None = None

    @property
    def name(self) -> str:
        return self.nodes[-1]

    @property
    def kernel(self) -> tuple[int, int]:
        return self.input_shape.height, self.input_shape.width

    @property
    def reads(self) -> tuple[str, ...]:
        """Tensors the task reads."""
        return (self.input,)


@dataclass(frozen=True)
class PoolTask:
    """A max-pool in the pool unit, beside the array.

    Attributes: as those of `ConvTask`.
    """

    nodes: tuple[str, ...]
    input: str
    output: str
    input_shape: Shape
    output_shape: Shape
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    int32: Literal[False] = False
    residual: None = None

    @property
    def name(self) -> str:
        return self.nodes[-1]

    @property
    def reads(self) -> tuple[str, ...]:
        """Tensors the task reads."""
        return (self.input,)


ArrayTask = ConvTask | AverageTask
Task = ConvTask | AverageTask | PoolTask


def tasks_of(network: Network, int32_outputs: Collection[str] = ()) -> tuple[Task, ...]:
    """The tasks of a network in execution order; a convolution fused with an add runs where the add stands.

    Args:
        network: The graph.
        int32_outputs: Nodes that store their 32-bit sums; outputs of the network.
    """
    fused = fused_producers(network)
    absorbed = set(fused.values())
    return tuple(
        _task(network, node, fused.get(node.name), int32_outputs) for node in network.nodes if node.name not in absorbed
    )


def _task(network: Network, node: Node, producer: str | None, int32_outputs: Collection[str]) -> Task:
    """The task that makes the output of `node`, with the `producer` that is fused into it, if any."""
    shapes = network.shapes
    if producer is not None:
        runs = network.by_name[producer]
        residual = node.inputs[1 - node.inputs.index(producer)]
        return _conv_task(network, runs, node, residual, False)
    source, nodes = node.inputs[0], (node.name,)
    if node.op == "max_pool":
        return PoolTask(
            nodes, source, node.name, shapes[source], shapes[node.name], node.kernel, node.stride, node.padding
        )
    if node.op == "global_average_pool":
        return AverageTask(nodes, source, node.name, shapes[source], shapes[node.name])
    residual = node.inputs[1] if node.op == "add" else None
    return _conv_task(network, node, node, residual, node.name in int32_outputs)


def _conv_task(network: Network, runs: Node, last: Node, residual: str | None, int32: bool) -> ConvTask:
    shapes, source = network.shapes, runs.inputs[0]
    return ConvTask(
        nodes=(runs.name,) if runs is last else (runs.name, last.name),
        runs=runs.name,
        input=source,
        output=last.name,
        residual=residual,
        input_shape=shapes[source],
        output_shape=shapes[last.name],
        kernel=runs.kernel,
        stride=runs.stride,
        padding=runs.padding,
        groups=shapes[source].channels if runs.op in ("add", "requantise") else runs.groups,
        int32=int32,
    )
