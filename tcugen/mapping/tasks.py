"""What the machine runs one after the other: nodes in execution order, adds and tables fused into the node before.

Shapes only: the same tasks whatever the weights are.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, assert_never

from tcugen.mapping.depthwise import DepthwiseTask, suits_the_pool_unit
from tcugen.mapping.gather_task import GatherTask, Part
from tcugen.mapping.phases import Phase, average_phases, block_phases, resize_phases
from tcugen.mapping.pool_unit import InPoolUnit
from tcugen.network.fusion import fused_producers
from tcugen.network.graph import Network
from tcugen.network.operators import (
    Add,
    AveragePool,
    ChannelShuffle,
    Concat,
    Conv,
    DepthToSpace,
    GlobalAveragePool,
    Linear,
    MaxPool,
    Multiply,
    Node,
    Pairwise,
    Requantise,
    Resize,
    Slice,
    Table,
    as_convolution,
    per_channel_operand,
)
from tcugen.network.shape import Shape


@dataclass(frozen=True)
class ConvTask:
    """A convolution on the array; also all that is run as one: linear, requantise, an add, product or table on its own.

    Attributes:
        nodes: Nodes it executes, the last makes `output`.
        runs: The node whose operator the array runs.
        input, output: Tensor names.
        residual: Tensor added after requantisation or multiplied before it, or None.
        input_shape, output_shape: Of input and output.
        kernel, stride: (y, x).
        padding: (top, left, bottom, right).
        groups: Of the convolution as the array runs it; adds and changes of scale are diagonal.
        int32: The 32-bit sums are stored, not requantised.
        dilation: Distance of neighbouring taps, (y, x); 1 where there is one tap.
        table: The last node is a table that the results pass through.
        multiply: The sums are multiplied by the residual operand; nothing is added.
        per_channel: The residual operand is a single pixel, and the output is more.
        unrounded: The residual operand is added to the scaled sums before these are rounded.
        first_channel: Of the input's tensor, if it may have more channels than `input_shape` says; None if it has not.
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
    dilation: tuple[int, int] = (1, 1)
    table: bool = False
    multiply: bool = False
    per_channel: bool = False
    unrounded: bool = False
    first_channel: int | None = None

    @property
    def name(self) -> str:
        return self.nodes[-1]

    @property
    def sums_channels(self) -> bool:
        """Whether an output channel depends on other channels of the input than its own."""
        return True

    @property
    def row_reach(self) -> int:
        """Input rows from the first to the last tap of a window, both counted."""
        return (self.kernel[0] - 1) * self.dilation[0] + 1

    @property
    def skips_rows(self) -> bool:
        """Whether neighbouring taps are rows apart: COMPUTE tests one row after the other for padding."""
        return self.row_reach > self.kernel[0]

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
    table: Literal[False] = False
    multiply: Literal[False] = False
    per_channel: Literal[False] = False
    unrounded: Literal[False] = False

    @property
    def name(self) -> str:
        return self.nodes[-1]

    @property
    def kernel(self) -> tuple[int, int]:
        return self.input_shape.height, self.input_shape.width

    @property
    def sums_channels(self) -> bool:
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """Tensors the task reads."""
        return (self.input,)


@dataclass(frozen=True)
class PoolTask(InPoolUnit):
    """A max-pool.

    Attributes: as those of `InPoolUnit`, and
        dilation: Distance of neighbouring taps, (y, x); 1 where there is one tap. Kernel rows are 1 if x is above 1.
    """

    dilation: tuple[int, int] = (1, 1)

    @property
    def row_reach(self) -> int:
        """As of `ConvTask`."""
        return (self.kernel[0] - 1) * self.dilation[0] + 1


@dataclass(frozen=True)
class PhasedTask:
    """Convolutions that make one tensor together, each the pixels of a phase.

    Attributes: as those of `ConvTask`, and
        phases: Every pixel of the output is in one of them.
        channels: Input channels that a phase reads, from its own first one on.
    """

    nodes: tuple[str, ...]
    input: str
    output: str
    input_shape: Shape
    output_shape: Shape
    phases: tuple[Phase, ...]
    stride: tuple[int, int]
    groups: int
    channels: int
    int32: Literal[False] = False
    residual: None = None
    table: Literal[False] = False
    multiply: Literal[False] = False
    per_channel: Literal[False] = False
    unrounded: Literal[False] = False

    @property
    def name(self) -> str:
        return self.nodes[-1]

    @property
    def sums_channels(self) -> bool:
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """Tensors the task reads."""
        return (self.input,)

    @cached_property
    def convolutions(self) -> tuple[ConvTask, ...]:
        """Every phase as a task of its own, whose output is the phase's pixels."""
        return tuple(
            ConvTask(
                nodes=self.nodes,
                runs=self.name,
                input=self.input,
                output=self.output,
                residual=None,
                input_shape=Shape(self.channels, self.input_shape.height, self.input_shape.width),
                output_shape=Shape(self.output_shape.channels, *phase.size),
                kernel=phase.kernel,
                stride=self.stride,
                padding=(*phase.padding, 0, 0),
                groups=self.groups,
                first_channel=phase.channel,
            )
            for phase in self.phases
        )


ArrayTask = ConvTask | AverageTask | GatherTask | PhasedTask
PoolUnitTask = PoolTask | DepthwiseTask
Task = ArrayTask | PoolUnitTask


def tasks_of(network: Network, int32_outputs: Collection[str] = (), depthwise: bool = False) -> tuple[Task, ...]:
    """The tasks of a network in execution order; a convolution fused with an add runs where the add stands.

    Args:
        network: The graph.
        int32_outputs: Nodes that store their 32-bit sums; outputs of the network.
        depthwise: The pool unit takes the depthwise convolutions that suit it.
    """
    fused = fused_producers(network)
    absorbed = set(fused.values())
    tasks = (
        _task(network, _chain(network, node, fused), int32_outputs)
        for node in network.nodes
        if node.name not in absorbed
    )
    return tuple(_beside_the_array(network, task) if depthwise else task for task in tasks)


def _beside_the_array(network: Network, task: Task) -> Task:
    """The task in the pool unit, if that takes it: results are requantised there, and nothing else."""
    node = network.by_name[task.name]
    if not isinstance(task, ConvTask) or not isinstance(node, Conv) or task.int32:
        return task
    if not suits_the_pool_unit(node, task.input_shape):
        return task
    return DepthwiseTask(
        task.nodes,
        task.input,
        task.output,
        task.input_shape,
        task.output_shape,
        task.kernel,
        task.stride,
        task.padding,
    )


def _chain(network: Network, node: Node, fused: dict[str, str]) -> tuple[Node, ...]:
    """A node after all that it is fused into: what the array runs comes first."""
    chain = (node,)
    while chain[0].name in fused:
        chain = (network.by_name[fused[chain[0].name]], *chain)
    return chain


def _task(network: Network, chain: tuple[Node, ...], int32_outputs: Collection[str]) -> Task:
    """The task that runs a chain of nodes and makes the output of the last."""
    node = chain[-1]
    shapes, int32 = network.shapes, node.name in int32_outputs
    if len(chain) > 1:
        return _conv_task(network, chain, _residual(network, chain), False)
    match node:
        case MaxPool(inputs=(source,)):
            shape = shapes[node.name]
            window = node.kernel, node.stride, node.padding
            apart = _apart(node)
            return PoolTask((node.name,), source, node.name, shapes[source], shape, *window, dilation=apart)
        case AveragePool(inputs=(source,)):
            shape = shapes[source]
            phases, channels = average_phases(node, shape), shape.channels
            return PhasedTask(
                (node.name,), source, node.name, shape, shapes[node.name], phases, node.stride, channels, channels
            )
        case GlobalAveragePool(inputs=(source,)):
            return AverageTask((node.name,), source, node.name, shapes[source], shapes[node.name])
        case Concat():
            parts = tuple(
                Part(name, 0, shapes[name].channels, shapes[name], moved)
                for name, moved in zip(node.inputs, node.moved, strict=True)
            )
            return GatherTask((node.name,), parts, node.name, shapes[node.name])
        case ChannelShuffle(inputs=(source,), groups=groups):
            size = shapes[source].channels // groups
            parts = tuple(Part(source, group * size, size, shapes[source]) for group in range(groups))
            return GatherTask((node.name,), parts, node.name, shapes[node.name], interleaved=True)
        case Resize(inputs=(source,)):
            shape = shapes[source]
            phases, channels = resize_phases(node, shape), shape.channels
            return PhasedTask(
                (node.name,), source, node.name, shape, shapes[node.name], phases, (1, 1), channels, channels
            )
        case DepthToSpace(inputs=(source,)):
            shape, made = shapes[source], shapes[node.name]
            phases, channels = block_phases(node, shape), made.channels if node.mode == "DCR" else shape.channels
            return PhasedTask((node.name,), source, node.name, shape, made, phases, (1, 1), made.channels, channels)
        case Slice(inputs=(source,), channels=(start, stop)):
            part = Part(source, start, stop - start, shapes[source], moved=True)
            return GatherTask((node.name,), (part,), node.name, shapes[node.name])
        case Add() | Multiply():
            return _conv_task(network, chain, _residual(network, chain), int32)
        case Conv() | Linear() | Requantise() | Table():
            return _conv_task(network, chain, None, int32)
        case _:
            assert_never(node)


def _residual(network: Network, chain: tuple[Node, ...]) -> str | None:
    """The operand of the add or product in a chain that does not come from the array."""
    for before, node in zip((None, *chain), chain, strict=False):
        if isinstance(node, Pairwise):
            return node.inputs[1 - on_the_array(network, node)] if before is None else _other(node, before.name)
    return None


def _other(node: Pairwise, name: str) -> str:
    return next(operand for operand in node.inputs if operand != name)


def on_the_array(network: Network, node: Pairwise) -> int:
    """Which operand of an add or product on its own comes from the array: the first that has all pixels."""
    single = per_channel_operand([network.shapes[name] for name in node.inputs])
    return 1 if single == 0 else 0


def _apart(node: Conv | MaxPool) -> tuple[int, int]:
    """How far neighbouring taps are apart, (y, x); 1 where there is one tap."""
    return node.dilation[0] if node.kernel[0] > 1 else 1, node.dilation[1] if node.kernel[1] > 1 else 1


def _conv_task(network: Network, chain: tuple[Node, ...], residual: str | None, int32: bool) -> ConvTask:
    runs, last = chain[0], chain[-1]
    shapes, source = network.shapes, runs.inputs[0]
    if isinstance(runs, Pairwise):
        source = runs.inputs[on_the_array(network, runs)]
    match runs:
        case Conv() | Linear():
            conv = as_convolution(runs)
        case Requantise() | Add() | Table() | Multiply():
            # Every channel by itself, through a weight of 1.
            channels = shapes[source].channels
            conv = Conv(runs.name, (source,), channels, (1, 1), groups=channels)
        case (
            MaxPool()
            | AveragePool()
            | GlobalAveragePool()
            | Concat()
            | Slice()
            | Resize()
            | DepthToSpace()
            | ChannelShuffle()
        ):
            raise AssertionError(f"{runs.name!r} does not run as a convolution")
        case _:
            assert_never(runs)
    return ConvTask(
        nodes=tuple(node.name for node in chain),
        runs=runs.name,
        input=source,
        output=last.name,
        residual=residual,
        input_shape=shapes[source],
        output_shape=shapes[last.name],
        kernel=conv.kernel,
        stride=conv.stride,
        padding=conv.padding,
        groups=conv.groups,
        int32=int32,
        dilation=_apart(conv),
        table=isinstance(last, Table),
        multiply=isinstance(runs, Multiply),
        per_channel=residual is not None and shapes[residual] != shapes[last.name],
        unrounded=runs.name in network.unrounded,
    )
