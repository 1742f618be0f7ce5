"""The integers of each task, checked: what turns a schedule of shapes into a program of this very model."""

from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
from tcugen.compiler.numerics import SUM_BITS, check_add, check_multipliers, check_unrounded, fold_bias
from tcugen.mapping.depthwise import DepthwiseTask
from tcugen.mapping.errors import CompileError
from tcugen.mapping.phases import divisor
from tcugen.mapping.tasks import AverageTask, ConvTask, GatherTask, PhasedTask, PoolTask, Task, on_the_array
from tcugen.model.limits import INT8_RANGE
from tcugen.model.quantized import QuantizedNetwork
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
    Requantise,
    Resize,
    Slice,
    Table,
    Weighted,
    as_convolution,
)
from tcugen.network.windows import divisors


@dataclass(frozen=True)
class ResidualIntegers:
    """The add after the requantised result, as DRAIN holds it; `multiplier` is 0 if that is not rounded before."""

    multiplier: int
    residual_multiplier: int
    shift: int
    residual_zero_point: int
    zero_point: int
    clamp: tuple[int, int]


@dataclass(frozen=True, eq=False)
class TaskIntegers:
    """The integers of a task, but of a max pool, which has none.

    Attributes:
        weight: int8 [O, I / groups, ky, kx]; of a convolution, None for an average, a gather or phases.
        bias: int32 [O] folded, or [1] of an average.
        multiplier: float32 of the same shape; None stores the 32-bit sums.
        pad: Zero point of the input.
        zero_point, clamp: Of the requantised result.
        residual: Of the residual add, or None.
        factor_zero_point: Zero point of the residual operand that the sums are multiplied by, or None.
        table: int8 [256] that the results pass through, or None.
        phases: Of a task in phases, those of each; weight, bias and multiplier are theirs then.
    """

    weight: NDArray[np.int8] | None
    bias: NDArray[np.int32]
    multiplier: NDArray[np.float32] | None
    pad: int
    zero_point: int
    clamp: tuple[int, int] = INT8_RANGE
    residual: ResidualIntegers | None = None
    table: NDArray[np.int8] | None = None
    factor_zero_point: int | None = None
    phases: tuple["TaskIntegers", ...] = ()

    @property
    def compute_fields(self) -> dict[str, int]:
        """Fields of COMPUTE that shapes do not settle."""
        return {"pad": self.pad}

    @property
    def pool_fields(self) -> dict[str, int]:
        """Fields of the POOL of a depthwise convolution that shapes do not settle."""
        limits = {"zero_point": self.zero_point, "clamp_low": self.clamp[0], "clamp_high": self.clamp[1]}
        return self.compute_fields | limits

    @property
    def drain_fields(self) -> dict[str, int]:
        """Fields of DRAIN that shapes do not settle."""
        fields = {"zero_point": self.zero_point, "clamp_low": self.clamp[0], "clamp_high": self.clamp[1]}
        if self.residual is not None:
            add = self.residual
            fields |= {
                "add_multiplier": add.multiplier,
                "residual_multiplier": add.residual_multiplier,
                "add_shift": add.shift,
                "residual_zero_point": add.residual_zero_point,
                "add_zero_point": add.zero_point,
                "add_clamp_low": add.clamp[0],
                "add_clamp_high": add.clamp[1],
            }
        if self.factor_zero_point is not None:
            fields["residual_zero_point"] = self.factor_zero_point
        return fields


def int32_outputs(model: QuantizedNetwork) -> frozenset[str]:
    """Nodes whose 32-bit sums are stored.

    Raises:
        CompileError: If another node reads such sums.
    """
    names = frozenset(name for name, quantization in model.tensors.items() if quantization is None)
    for name in names:
        if readers := model.network.consumers[name]:
            raise CompileError(
                f"node {name!r}: stores 32-bit sums but {readers} read it; only an output "
                "of the network may do so: give it a multiplier"
            )
    return names


def integers_of(
    model: QuantizedNetwork, tasks: tuple[Task, ...], architecture: Architecture
) -> tuple[TaskIntegers | None, ...]:
    """The integers of every task, None for max pools.

    Raises:
        CompileError: If the integers of nodes cannot be exact on this architecture; names each of these nodes.
    """
    found: list[TaskIntegers | None] = []
    refusals: list[str] = []
    for task in tasks:
        try:
            found.append(_integers(model, task, architecture))
        except CompileError as error:
            refusals.append(str(error))
    if len(refusals) > 1:
        lines = "\n".join(f"  {refusal}" for refusal in refusals)
        raise CompileError(f"{len(refusals)} nodes cannot be exact on this architecture:\n{lines}")
    if refusals:
        raise CompileError(refusals[0])
    return tuple(found)


def _integers(model: QuantizedNetwork, task: Task, architecture: Architecture) -> TaskIntegers | None:
    match task:
        case PoolTask():
            return None
        case AverageTask():
            return _average(model, task, architecture)
        case GatherTask():
            return _gather(model, task, architecture)
        case PhasedTask():
            return _phased(model, task, architecture)
        case DepthwiseTask():
            return _depthwise(model, task)
        case ConvTask():
            table = model.network.by_name[task.output]
            integers = _on_the_array(model, task, architecture)
            return replace(integers, table=model.integers_of(table).entries) if isinstance(table, Table) else integers
        case _:
            assert_never(task)


def _on_the_array(model: QuantizedNetwork, task: ConvTask, architecture: Architecture) -> TaskIntegers:
    """The integers of a task but for its table."""
    node = model.network.by_name[task.runs]
    match node:
        case Add():
            return replace(_unchanged(model, task), residual=_residual(model, node, on_the_array(model.network, node)))
        case Multiply():
            return _product(model, task, node, architecture)
        case Table():
            return _unchanged(model, task)
        case Requantise():
            return _requantise(model, task, node, architecture)
        case Conv() | Linear():
            return _convolution(model, task, node, architecture)
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
            raise AssertionError(f"{node.name!r} does not run as a convolution")
        case _:
            assert_never(node)


def _convolution(model: QuantizedNetwork, task: ConvTask, node: Weighted, architecture: Architecture) -> TaskIntegers:
    """conv and linear, with the add fused after it if there is one."""
    integers, conv, zero_point = model.integers_of(node), as_convolution(node), model.zero_point(task.input)
    weight = integers.weight.reshape(conv.out_channels, task.input_shape.channels // conv.groups, *conv.kernel)
    bias = fold_bias(node.name, weight, integers.bias, zero_point, architecture.accumulator_bits)
    if integers.multiplier is None:
        return TaskIntegers(weight, bias, None, pad=zero_point, zero_point=0)
    return TaskIntegers(
        weight=weight,
        bias=bias,
        multiplier=check_multipliers(node.name, integers.multiplier),
        pad=zero_point,
        zero_point=model.zero_point(node.name),
        clamp=integers.clamp or INT8_RANGE,
        residual=_fused(model, task),
    )


def _depthwise(model: QuantizedNetwork, task: DepthwiseTask) -> TaskIntegers:
    """A depthwise convolution in the pool unit, whose sums have 32 bits."""
    node = model.network.by_name[task.name]
    assert isinstance(node, Conv), "no other node is one"
    integers, zero_point = model.integers_of(node), model.zero_point(task.input)
    assert integers.multiplier is not None and integers.clamp is not None, "32-bit sums are stored by the array alone"
    return TaskIntegers(
        weight=integers.weight,
        bias=fold_bias(node.name, integers.weight, integers.bias, zero_point, SUM_BITS),
        multiplier=check_multipliers(node.name, integers.multiplier),
        pad=zero_point,
        zero_point=model.zero_point(node.name),
        clamp=integers.clamp,
    )


def _requantise(model: QuantizedNetwork, task: ConvTask, node: Requantise, architecture: Architecture) -> TaskIntegers:
    """A change of scale: every channel through a weight of 1, with the add fused after it if there is one."""
    channels, integers, zero_point = task.input_shape.channels, model.integers_of(node), model.zero_point(task.input)
    weight, bias = np.ones((channels, 1, 1, 1), np.int8), np.zeros(channels, np.int32)
    return TaskIntegers(
        weight=weight,
        bias=fold_bias(node.name, weight, bias, zero_point, architecture.accumulator_bits),
        multiplier=check_multipliers(node.name, np.repeat(np.atleast_1d(integers.multiplier), channels)),
        pad=zero_point,
        zero_point=model.zero_point(node.name),
        clamp=integers.clamp,
        residual=_fused(model, task),
    )


def _fused(model: QuantizedNetwork, task: ConvTask) -> ResidualIntegers | None:
    """The add that is fused after what the array runs, if there is one."""
    for name in task.nodes[1:]:
        node = model.network.by_name[name]
        if isinstance(node, Add):
            return _residual(model, node, node.inputs.index(task.runs))
    return None


def _residual(model: QuantizedNetwork, add: Add, first: int) -> ResidualIntegers:
    """The add as DRAIN has it, with operand `first` (0 or 1) coming from the array."""
    integers = model.integers_of(add)
    check_add(add.name, integers.multipliers, integers.shift)
    if add.unrounded is not None:
        check_unrounded(add.name, integers.multipliers[first], integers.shift)
    return ResidualIntegers(
        multiplier=int(integers.multipliers[first]) if add.unrounded is None else 0,
        residual_multiplier=int(integers.multipliers[1 - first]),
        shift=int(integers.shift),
        residual_zero_point=model.zero_point(add.inputs[1 - first]),
        zero_point=model.zero_point(add.name),
        clamp=integers.clamp,
    )


def _unchanged(model: QuantizedNetwork, task: ConvTask) -> TaskIntegers:
    """Of an add or a table on its own: x passes through the array unchanged, clamp(rint((x - z_x) * 1.0) + z_x) = x."""
    channels, zero_point = task.input_shape.channels, model.zero_point(task.input)
    return TaskIntegers(
        weight=np.ones((channels, 1, 1, 1), np.int8),
        bias=np.full(channels, -zero_point, np.int32),
        multiplier=np.ones(channels, np.float32),
        pad=zero_point,
        zero_point=zero_point,
    )


def _product(model: QuantizedNetwork, task: ConvTask, node: Multiply, architecture: Architecture) -> TaskIntegers:
    """A product of two tensors: (x - z_x) through the array, times (residual - z), times the node's multiplier."""
    channels, integers, zero_point = task.input_shape.channels, model.integers_of(node), model.zero_point(task.input)
    weight, bias = np.ones((channels, 1, 1, 1), np.int8), np.zeros(channels, np.int32)
    factor = node.inputs[1 - on_the_array(model.network, node)]
    return TaskIntegers(
        weight=weight,
        bias=fold_bias(node.name, weight, bias, zero_point, architecture.accumulator_bits),
        multiplier=check_multipliers(node.name, np.repeat(np.atleast_1d(integers.multiplier), channels)),
        pad=zero_point,
        zero_point=model.zero_point(node.name),
        clamp=integers.clamp,
        factor_zero_point=model.zero_point(factor),
    )


def _gather(model: QuantizedNetwork, task: GatherTask, architecture: Architecture) -> TaskIntegers:
    """Concat, slice, channel_shuffle: every channel by itself, with the zero point and the multiplier of its tensor."""
    node = model.network.by_name[task.name]
    match node:
        case Concat():
            integers = model.integers_of(node)
            multipliers, clamp = integers.multipliers, integers.clamp
        case Slice() | ChannelShuffle():
            multipliers, clamp = np.ones(len(task.parts), np.float32), INT8_RANGE
        case Conv() | Linear() | Requantise() | Add() | Multiply() | Table() | MaxPool() | GlobalAveragePool():
            raise AssertionError(f"{node.name!r} is no gather")
        case AveragePool() | Resize() | DepthToSpace():
            raise AssertionError(f"{node.name!r} is no gather")
        case _:
            assert_never(node)
    weight, no_bias = np.ones((1, 1), np.int8), np.zeros(1, np.int32)
    counts = [part.channels for part in task.parts]
    points = [model.zero_point(part.tensor) for part in task.parts]
    bias = [fold_bias(task.name, weight, no_bias, point, architecture.accumulator_bits) for point in points]
    return TaskIntegers(
        weight=None,
        bias=np.repeat(np.concatenate(bias), counts),
        multiplier=check_multipliers(task.name, np.repeat(multipliers, counts)),
        pad=points[0],
        zero_point=model.zero_point(task.name),
        clamp=clamp,
    )


def _phased(model: QuantizedNetwork, task: PhasedTask, architecture: Architecture) -> TaskIntegers:
    """Weights of 1: for every tap of an average pool, for the one channel that becomes another of operators that move.

    The multiplier of an average pool is that of what the windows of a phase count.
    """
    node, shape, pad = model.network.by_name[task.name], task.input_shape, model.zero_point(task.input)
    z_y, channels = model.zero_point(task.name), task.output_shape.channels
    phases: list[TaskIntegers] = []
    for number, phase in enumerate(task.phases):
        weight = np.ones((channels, task.channels // task.groups, *phase.kernel), np.int8)
        multiplier, clamp = np.float32(1), INT8_RANGE
        match node:
            case AveragePool():
                integers = model.integers_of(node)
                count = divisors(node, shape).index(divisor(node, shape, phase))
                multiplier, clamp = integers.multipliers[count], integers.clamp
            case DepthToSpace(mode="CRD"):
                weight[:, np.arange(weight.shape[1]) != number] = 0
            case DepthToSpace() | Resize():
                pass
            case Conv() | Linear() | Requantise() | Add() | Multiply() | Table() | MaxPool() | GlobalAveragePool():
                raise AssertionError(f"{node.name!r} has no phases")
            case Concat() | Slice() | ChannelShuffle():
                raise AssertionError(f"{node.name!r} has no phases")
            case _:
                assert_never(node)
        bias = fold_bias(task.name, weight, np.zeros(channels, np.int32), pad, architecture.accumulator_bits)
        factors = check_multipliers(task.name, np.full(channels, multiplier, np.float32))
        phases.append(TaskIntegers(weight, bias, factors, pad, z_y, clamp))
    return replace(phases[0], weight=None, phases=tuple(phases))


def _average(model: QuantizedNetwork, task: AverageTask, architecture: Architecture) -> TaskIntegers:
    node = model.network.by_name[task.name]
    assert isinstance(node, GlobalAveragePool)
    shape, zero_point, integers = task.input_shape, model.zero_point(task.input), model.integers_of(node)
    ones = np.ones((1, shape.height * shape.width), np.int8)
    return TaskIntegers(
        weight=None,
        bias=fold_bias(task.name, ones, np.zeros(1, np.int32), zero_point, architecture.accumulator_bits),
        multiplier=check_multipliers(task.name, np.atleast_1d(integers.multiplier)),
        pad=zero_point,
        zero_point=model.zero_point(task.name),
        clamp=integers.clamp,
    )
