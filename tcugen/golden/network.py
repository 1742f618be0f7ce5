"""The golden model: every tensor of a quantized network in PyTorch, layer by layer, straight from the definitions.

A convolution is `sum((x - z_x) * w) + bias` over zero padding, computed in floating point where every partial sum is an
integer that the format holds exactly, so neither the order of the additions nor the number of threads matters.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, assert_never

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tcugen.golden import arithmetic
from tcugen.model.errors import QuantizationError
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
    Node,
    Requantise,
    Resize,
    Slice,
    Table,
    Weighted,
    as_convolution,
)

FLOAT32_EXACT = 2**24
"""Integers up to this magnitude are exact in float32."""


def run(model: QuantizedNetwork, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Runs the network.

    Args:
        model: The network and its integers.
        inputs: int8 [n, C, H, W] by name of network input, the same n everywhere.

    Returns:
        The output of every node by name, in execution order: int8 [n, C, H, W] ([n, C, 1, 1] after pool and linear);
        int32 for a last layer that stores its sums; int64 with FRACTION_BITS fraction bits where an add takes the
        tensor unrounded. All of them are kept, so memory grows with n.

    Raises:
        QuantizationError: If an input is missing or does not fit, or a sum leaves 32 bits.
    """
    # PyTorch has no tensors that are only read, and images may be a file's own bytes.
    arrays = {name: np.require(array, requirements="W") for name, array in _checked_inputs(model, inputs).items()}
    tensors = {name: torch.as_tensor(array) for name, array in arrays.items()}
    for node in model.network.nodes:
        tensors[node.name] = evaluate(model, node, [tensors[name] for name in node.inputs])
    return {node.name: tensors[node.name].numpy() for node in model.network.nodes}


def evaluate(model: QuantizedNetwork, node: Node, operands: Sequence[torch.Tensor]) -> torch.Tensor:
    """Output of one node from its int8 operands: int8, or int32 sums of a conv or linear without a multiplier.

    One that an add takes unrounded is int64, with FRACTION_BITS fraction bits.

    Of `model`, only the node's own integers and the quantization of its tensors need be there.
    """
    x, z_x = operands[0], model.zero_point(node.inputs[0])
    match node:
        case Conv() | Linear():
            weighted = model.integers_of(node)
            acc = accumulate(node, weighted.weight, weighted.bias, x, z_x)
            if weighted.multiplier is None:
                return acc
            multiplier = torch.as_tensor(weighted.multiplier)
            if weighted.clamp is None:
                return arithmetic.with_fraction(acc, multiplier)
            return arithmetic.requantise(acc, multiplier, model.zero_point(node.name), *weighted.clamp)
        case Add():
            add = model.integers_of(node)
            z_b, z_y = model.zero_point(node.inputs[1]), model.zero_point(node.name)
            return arithmetic.residual_add(x, operands[1], z_x, z_b, *add.multipliers, add.shift, z_y, *add.clamp)
        case MaxPool():
            return arithmetic.max_pool(x, node.kernel, node.stride, node.padding, node.dilation)
        case AveragePool():
            pool = model.integers_of(node)
            window = node.kernel, node.stride, node.padding, node.count_include_pad
            multipliers, z_y = torch.as_tensor(pool.multipliers), model.zero_point(node.name)
            return arithmetic.average_pool(x, z_x, *window, multipliers, z_y, *pool.clamp)
        case GlobalAveragePool():
            average = model.integers_of(node)
            multiplier = torch.tensor(average.multiplier)
            return arithmetic.global_average_pool(x, z_x, multiplier, model.zero_point(node.name), *average.clamp)
        case Table():
            return arithmetic.look_up(x, torch.as_tensor(model.integers_of(node).entries))
        case Requantise():
            change = model.integers_of(node)
            multiplier = torch.tensor(change.multiplier)
            return arithmetic.change_scale(x, z_x, multiplier, model.zero_point(node.name), *change.clamp)
        case Concat():
            return _concatenated(model, node, operands)
        case Multiply():
            factor = model.integers_of(node)
            z_b, multiplier = model.zero_point(node.inputs[1]), torch.tensor(factor.multiplier)
            return arithmetic.product(x, operands[1], z_x, z_b, multiplier, model.zero_point(node.name), *factor.clamp)
        case Resize(factor=(rows, columns)):
            return x.repeat_interleave(rows, dim=2).repeat_interleave(columns, dim=3)
        case DepthToSpace(block=block, mode=mode):
            n, _, height, width = x.shape
            places = (block, block, -1) if mode == "DCR" else (-1, block, block)
            order = (0, 3, 4, 1, 5, 2) if mode == "DCR" else (0, 1, 4, 2, 5, 3)
            blocks = x.reshape(n, *places, height, width).permute(order)
            return blocks.reshape(n, -1, height * block, width * block)
        case ChannelShuffle(groups=groups):
            n, channels, height, width = x.shape
            split = x.reshape(n, groups, channels // groups, height, width)
            return split.permute(0, 2, 1, 3, 4).reshape(x.shape)
        case Slice(channels=(start, stop)):
            return x[:, start:stop].contiguous()
        case _:
            assert_never(node)


def _concatenated(model: QuantizedNetwork, node: Concat, operands: Sequence[torch.Tensor]) -> torch.Tensor:
    """Every operand in the output's quantization, one after the other."""
    integers, z_y = model.integers_of(node), model.zero_point(node.name)
    changed = [
        arithmetic.change_scale(x, z_x, torch.tensor(multiplier), z_y, *integers.clamp)
        for x, z_x, multiplier in zip(operands, model.input_zero_points(node.name), integers.multipliers, strict=True)
    ]
    return torch.cat(changed, dim=1)


def accumulate(node: Weighted, weight: np.ndarray, bias: np.ndarray, x: torch.Tensor, z_x: int) -> torch.Tensor:
    """bias + sum((x - z_x) * w) of a conv or linear, before requantisation.

    Args:
        node: The conv or linear; gives stride, padding and groups.
        weight: int8 [O, I / groups, ky, kx].
        bias: int32 [O].
        x: int8 [n, I, H, W].
        z_x: Zero point of x.

    Returns:
        int32 [n, O, H', W'].

    Raises:
        QuantizationError: If a sum does not fit 32 bits.
    """
    layer = as_convolution(node)
    top, left, bottom, right = layer.padding
    centred = functional.pad(x.float() - z_x, (left, right, top, bottom))
    total = torch.as_tensor(bias.astype(np.float64)).reshape(-1, 1, 1)
    # NNPACK may choose Winograd's algorithm, whose intermediate values are fractions.
    with torch.backends.nnpack.flags(enabled=False):
        for part, dtype in _exact_parts(weight, int(centred.abs().max())):
            products = functional.conv2d(
                _channels(centred, layer.groups, part).to(dtype),
                torch.as_tensor(weight[:, part].astype(np.float32)).to(dtype),
                stride=layer.stride,
                groups=layer.groups,
                dilation=layer.dilation,
            ).double()
            total = products.add_(total)
    low, high = int(total.min()), int(total.max())
    if low < -(2**31) or high >= 2**31:
        raise QuantizationError(
            f"layer {node.name!r}: its sums span [{low}, {high}], but must fit 32 bits; use smaller weights or split "
            "the layer's input channels"
        )
    return total.int()


def _exact_parts(weight: np.ndarray, peak: int) -> Iterator[tuple[slice, torch.dtype]]:
    """Ranges of input channels (within a group) and the dtype in which their sums of |x - z_x| * |w| are exact.

    Float32 convolutions take half to a third of the time of float64 ones, so a layer too large for float32 is cut into
    parts that are not; only a kernel whose single channel is too large takes float64.
    """
    magnitudes = np.abs(weight.astype(np.int64)).sum(axis=(2, 3)) * peak
    start, sums = 0, np.zeros(len(weight), np.int64)
    if magnitudes.max() > FLOAT32_EXACT:
        yield slice(None), torch.float64
        return
    for channel in range(weight.shape[1]):
        if (sums + magnitudes[:, channel]).max() > FLOAT32_EXACT:
            yield slice(start, channel), torch.float32
            start, sums = channel, np.zeros_like(sums)
        sums = sums + magnitudes[:, channel]
    yield slice(start, weight.shape[1]), torch.float32


def _channels(x: torch.Tensor, groups: int, part: slice) -> torch.Tensor:
    """The channels `part` of each of the groups of [n, I, H, W]."""
    n, channels, height, width = x.shape
    return x.reshape(n, groups, channels // groups, height, width)[:, :, part].reshape(n, -1, height, width)


def _checked_inputs(model: QuantizedNetwork, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.int8]]:
    checked: dict[str, NDArray[np.int8]] = {}
    for name, shape in model.network.inputs:
        array = inputs.get(name)
        if array is None:
            raise QuantizationError(f"network {model.network.name!r}: input {name!r} is missing; pass an int8 array")
        if array.dtype != np.int8 or array.ndim != 4 or array.shape[1:] != (shape.channels, shape.height, shape.width):
            raise QuantizationError(
                f"network {model.network.name!r}: input {name!r} is {array.dtype} {array.shape}, but must be int8 of "
                f"shape (n, {shape.channels}, {shape.height}, {shape.width}); quantize and reshape it"
            )
        checked[name] = np.ascontiguousarray(array)
    counts = {len(array) for array in checked.values()}
    if len(counts) != 1:
        raise QuantizationError(
            f"network {model.network.name!r}: its inputs hold {sorted(counts)} images, but must hold equally many"
        )
    return checked
