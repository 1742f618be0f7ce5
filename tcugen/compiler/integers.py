"""The integers of each task, checked: what turns a schedule of shapes into a program of this very model."""

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from tcugen.arch import Architecture
from tcugen.compiler.numerics import check_add, check_multipliers, fold_bias
from tcugen.mapping.errors import CompileError
from tcugen.mapping.tasks import AverageTask, ConvTask, PoolTask, Task
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.operators import Add, Conv, GlobalAveragePool, Linear, MaxPool, Requantise, as_convolution

INT8 = (-128, 127)


@dataclass(frozen=True)
class ResidualIntegers:
    """The add after the requantised result, as DRAIN holds it."""

    multiplier: int
    residual_multiplier: int
    shift: int
    residual_zero_point: int
    zero_point: int
    clamp: tuple[int, int]


@dataclass(frozen=True, eq=False)
class TaskIntegers:
    """The integers of a task on the array.

    Attributes:
        weight: int8 [O, I / groups, ky, kx]; of a convolution, None for an average.
        bias: int32 [O] folded, or [1] of an average.
        multiplier: float32 of the same shape; None stores the 32-bit sums.
        pad: Zero point of the input.
        zero_point, clamp: Of the requantised result.
        residual: Of the residual add, or None.
    """

    weight: np.ndarray | None
    bias: np.ndarray
    multiplier: np.ndarray | None
    pad: int
    zero_point: int
    clamp: tuple[int, int] = INT8
    residual: ResidualIntegers | None = None

    @property
    def compute_fields(self) -> dict[str, int]:
        """Fields of COMPUTE that shapes do not settle."""
        return {"pad": self.pad}

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
    """The integers of every task, None for pools.

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
        case ConvTask():
            node = model.network.by_name[task.runs]
        case _:
            assert_never(task)
    match node:
        case Add():
            return _add_alone(model, task)
        case Requantise():
            return _requantise(model, task, architecture)
        case Conv() | Linear():
            return _convolution(model, task, as_convolution(node), architecture)
        case MaxPool() | GlobalAveragePool():
            raise AssertionError(f"{node.name!r} does not run as a convolution")
        case _:
            assert_never(node)


def _convolution(model: QuantizedNetwork, task: ConvTask, node: Conv, architecture: Architecture) -> TaskIntegers:
    """conv and linear, with the add fused after it if there is one."""
    integers, zero_point = model.integers[task.runs], model.zero_point(task.input)
    weight = integers.weight.reshape(node.out_channels, task.input_shape.channels // node.groups, *node.kernel)
    multiplier = integers.multiplier
    return TaskIntegers(
        weight=weight,
        bias=fold_bias(node.name, weight, integers.bias, zero_point, architecture.accumulator_bits),
        multiplier=None if multiplier is None else check_multipliers(node.name, multiplier),
        pad=zero_point,
        zero_point=0 if multiplier is None else model.zero_point(node.name),
        clamp=INT8 if multiplier is None else integers.clamp,
        residual=_fused(model, task),
    )


def _requantise(model: QuantizedNetwork, task: ConvTask, architecture: Architecture) -> TaskIntegers:
    """A change of scale: every channel through a weight of 1, with the add fused after it if there is one."""
    channels, integers, zero_point = task.input_shape.channels, model.integers[task.runs], model.zero_point(task.input)
    weight, bias = np.ones((channels, 1, 1, 1), np.int8), np.zeros(channels, np.int32)
    return TaskIntegers(
        weight=weight,
        bias=fold_bias(task.runs, weight, bias, zero_point, architecture.accumulator_bits),
        multiplier=check_multipliers(task.runs, np.repeat(np.atleast_1d(integers.multiplier), channels)),
        pad=zero_point,
        zero_point=model.zero_point(task.runs),
        clamp=integers.clamp,
        residual=_fused(model, task),
    )


def _fused(model: QuantizedNetwork, task: ConvTask) -> ResidualIntegers | None:
    if task.residual is None:
        return None
    return _residual(model, task, model.network.by_name[task.output].inputs.index(task.runs))


def _residual(model: QuantizedNetwork, task: ConvTask, first: int) -> ResidualIntegers:
    """The add as DRAIN has it, with operand `first` (0 or 1) coming from the array."""
    name, integers = task.output, model.integers[task.output]
    check_add(name, integers.add_multipliers, integers.add_shift)
    return ResidualIntegers(
        multiplier=int(integers.add_multipliers[first]),
        residual_multiplier=int(integers.add_multipliers[1 - first]),
        shift=int(integers.add_shift),
        residual_zero_point=model.zero_point(task.residual),
        zero_point=model.zero_point(name),
        clamp=integers.clamp,
    )


def _add_alone(model: QuantizedNetwork, task: ConvTask) -> TaskIntegers:
    """An add on its own: operand a passes through the array unchanged, clamp(rint((a - z_a) * 1.0) + z_a) = a."""
    channels, zero_point = task.input_shape.channels, model.zero_point(task.input)
    return TaskIntegers(
        weight=np.ones((channels, 1, 1, 1), np.int8),
        bias=np.full(channels, -zero_point, np.int32),
        multiplier=np.ones(channels, np.float32),
        pad=zero_point,
        zero_point=zero_point,
        residual=_residual(model, task, 0),
    )


def _average(model: QuantizedNetwork, task: AverageTask, architecture: Architecture) -> TaskIntegers:
    shape, zero_point, integers = task.input_shape, model.zero_point(task.input), model.integers[task.name]
    ones = np.ones((1, shape.height * shape.width), np.int8)
    return TaskIntegers(
        weight=None,
        bias=fold_bias(task.name, ones, np.zeros(1, np.int32), zero_point, architecture.accumulator_bits),
        multiplier=check_multipliers(task.name, integers.multiplier),
        pad=zero_point,
        zero_point=model.zero_point(task.name),
        clamp=integers.clamp,
    )
