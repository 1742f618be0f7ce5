"""A trained network before quantization: the graph that the hardware will run, with real weights and real limits."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np
import torch
from torch.nn import functional

from tcugen.model.file_form import FLOAT_NCHW, FileForm
from tcugen.model.functions import Reals, real_function
from tcugen.network.graph import Network, Node
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
    Windowed,
    as_convolution,
)
from tcugen.network.windows import counted


@dataclass(frozen=True, eq=False)
class Parameters:
    """Real parameters of a conv or linear, with batch normalisation folded in.

    Attributes:
        weight: float64 [O, I / groups, kernel_y, kernel_x].
        bias: float64 [O].
    """

    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """A network in real numbers.

    Attributes:
        network: The graph; it has one input. A `requantise` node is a clipping on its own.
        parameters: Of every conv and linear, by name.
        limits: (low, high) to which a node's result is clipped, by name; nodes without limits are not in it.
        notes: What its user should know.
        functions: Of every custom table, by name, elementwise in float64.
        form: How what it came from has its image.
    """

    network: Network
    parameters: dict[str, Parameters]
    limits: dict[str, tuple[float, float]]
    notes: tuple[str, ...] = ()
    functions: Mapping[str, Callable[[Reals], Reals]] = field(default_factory=dict[str, Callable[[Reals], Reals]])
    form: FileForm = FLOAT_NCHW

    def function(self, node: Table) -> Callable[[Reals], Reals]:
        """What a table computes, elementwise in float64."""
        own = self.functions.get(node.name)
        return real_function(node.function, node.alpha) if own is None else own


@dataclass(frozen=True, eq=False)
class Step:
    """One node of a run: float32 [n, C, H, W], before and after its limits (the same tensor if it has none)."""

    node: Node
    unlimited: torch.Tensor
    output: torch.Tensor


def run(model: FloatNetwork, images: torch.Tensor) -> Iterator[Step]:
    """Runs the network in float32, one step per node in execution order.

    Tensors are let go after their last use, so memory does not grow with the number of layers.

    Args:
        model: The network.
        images: float32 [n, C, H, W].
    """
    network = model.network
    tensors = {network.inputs[0][0]: images}
    last_use = {name: readers[-1] for name, readers in network.consumers.items() if readers}
    for node in network.nodes:
        with torch.inference_mode():
            unlimited = _evaluate(model, node, [tensors[name] for name in node.inputs])
            limits = model.limits.get(node.name)
            output = unlimited if limits is None else unlimited.clamp(*limits)
        tensors[node.name] = output
        yield Step(node, unlimited, output)
        for name in set(node.inputs):
            if last_use[name] == node.name:
                del tensors[name]


def output_of(model: FloatNetwork, images: torch.Tensor) -> torch.Tensor:
    """The network's output, float32 [n, C, H, W]."""
    output = images
    for step in run(model, images):
        output = step.output
    return output


def _evaluate(model: FloatNetwork, node: Node, operands: list[torch.Tensor]) -> torch.Tensor:
    x = operands[0]
    match node:
        case Conv() | Linear():
            layer, parameters = as_convolution(node), model.parameters[node.name]
            weight, bias = (torch.as_tensor(array).float() for array in (parameters.weight, parameters.bias))
            padded = _padded(x, layer, 0.0)
            return functional.conv2d(padded, weight, bias, layer.stride, dilation=layer.dilation, groups=layer.groups)
        case Add():
            return x + operands[1]
        case Multiply():
            return x * operands[1]
        case MaxPool():
            around = _padded(x, node, float("-inf"))
            return functional.max_pool2d(around, node.kernel, node.stride, dilation=node.dilation)
        case AveragePool():
            sums = functional.avg_pool2d(_padded(x, node, 0.0), node.kernel, node.stride, divisor_override=1)
            rows, columns = (torch.tensor(counts) for counts in counted(node, model.network.shapes[node.inputs[0]]))
            return sums / (rows[:, None] * columns)
        case GlobalAveragePool():
            return x.mean(dim=(2, 3), keepdim=True)
        case Requantise():
            return x
        case Table():
            return torch.as_tensor(model.function(node)(x.double().numpy())).float()
        case Concat():
            return torch.cat(operands, dim=1)
        case Resize(factor=(rows, columns)):
            return x.repeat_interleave(rows, dim=2).repeat_interleave(columns, dim=3)
        case DepthToSpace(block=block, mode=mode):
            if mode == "DCR":
                n, channels, height, width = x.shape
                x = x.reshape(n, block**2, channels // block**2, height, width).permute(0, 2, 1, 3, 4)
                x = x.reshape(n, channels, height, width)
            return functional.pixel_shuffle(x, block)
        case ChannelShuffle(groups=groups):
            return functional.channel_shuffle(x, groups)
        case Slice(channels=(start, stop)):
            return x[:, start:stop]
        case _:
            assert_never(node)


def _padded(x: torch.Tensor, node: Windowed, value: float) -> torch.Tensor:
    top, left, bottom, right = node.padding
    return functional.pad(x, (left, right, top, bottom), value=value) if any(node.padding) else x
