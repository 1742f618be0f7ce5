"""Networks with synthetic integers that still keep the hardware busy everywhere.

Random weights alone make a deep network collapse: after a few layers every pixel is zero or saturated and a bench
compares constants. Here every node is run on the seeded input before its successor is made, biases centre the sums of
each channel and scales are fitted to what was observed, as batch normalisation and calibration would do. All statistics
are integers or order statistics of exact numbers, so the result depends on the seed alone.
"""

from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
import torch

from tcugen.golden.network import accumulate, evaluate
from tcugen.model import multipliers
from tcugen.model.errors import QuantizationError
from tcugen.model.functions import real_function, table_entries
from tcugen.model.integers import (
    AddIntegers,
    AverageIntegers,
    AveragePoolIntegers,
    ConcatIntegers,
    MaxPoolIntegers,
    MultiplyIntegers,
    NodeIntegers,
    RequantiseIntegers,
    SliceIntegers,
    TableIntegers,
    WeightedIntegers,
)
from tcugen.model.limits import INT8_RANGE
from tcugen.model.quantized import Quantization, QuantizedNetwork
from tcugen.model.shortcut import shortcut_weight
from tcugen.network.activation import Activation, limits_of
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
    Weighted,
    activation_of,
    as_convolution,
)
from tcugen.network.scales import scale_groups
from tcugen.network.windows import divisors

TAIL = 0.005
"""Share of the values beyond each end of a fitted range: enough to exercise saturation."""

SETTLED_STEPS = 40
"""Real deviation, in steps of int8, where another tensor has decided how large a step is."""

LARGEST_MULTIPLIER = 200.0
"""Multipliers and the ratios of adds stay below this, well inside their range."""


def synthesise(
    network: Network, seed: int, images: int = 1, int32_output: bool = False
) -> tuple[QuantizedNetwork, dict[str, np.ndarray]]:
    """Random integers for a network and input tensors on which they work well.

    Args:
        network: Any network.
        seed: Everything random follows from it.
        images: Images of the input tensors; scales are fitted to all of them.
        int32_output: Let a last conv or linear store its 32-bit sums.

    Returns:
        The quantized network, and an int8 [images, C, H, W] array by name of network input. Weights span [-127, 127],
        no zero point is 0 and ReLU outputs have -128 about as often as a zero point further up. On these inputs no node
        has more than a few percent of its values saturated, and each one with many elements spreads over 64 values or
        more.

    Raises:
        QuantizationError: If `int32_output` is asked of a network that does not end in a conv or linear.
    """
    last = network.nodes[-1]
    if int32_output and not isinstance(last, Weighted):
        raise QuantizationError(
            f"layer {last.name!r}: the last layer is a {last.op}, but only conv and linear can store int32 sums; "
            "leave int32_output off"
        )
    model = QuantizedNetwork(network, {}, {})
    run = _Run(model, np.random.default_rng(seed), {}, scale_groups(network))
    inputs: dict[str, np.ndarray] = {}
    for name, shape in network.inputs:
        dimensions = (images, shape.channels, shape.height, shape.width)
        inputs[name] = run.rng.integers(-128, 128, dimensions, dtype=np.int8)
        run.tensors[name] = torch.as_tensor(inputs[name])
        own = Quantization(np.float32(run.rng.uniform(0.01, 0.03)), _nonzero(run.rng, -40, 40))
        model.tensors[name] = run.settled(name) or own
    for node in network.nodes:
        stores_sums = (int32_output and node is last) or node.name in network.unrounded
        model.tensors[node.name], model.integers[node.name] = _make(run, node, stores_sums)
        run.tensors[node.name] = evaluate(model, node, [run.tensors[name] for name in node.inputs])
    return model, inputs


@dataclass(frozen=True, eq=False)
class _Run:
    """A network being made: `model` has the quantizations and integers of all nodes so far, `tensors` their outputs."""

    model: QuantizedNetwork
    rng: np.random.Generator
    tensors: dict[str, torch.Tensor]
    groups: dict[str, str]

    def settled(self, name: str) -> Quantization | None:
        """The quantization that a tensor must have, if an earlier one of its group decided that."""
        first = self.groups[name]
        return None if first == name else self.model.quantization(first)

    def fitted(self, node: Node, values: np.ndarray, step: float) -> Quantization:
        """That of a node's group, or one that suits its values, see `_fit`.

        What a concat takes as it is may share its quantization with tensors of both signs.
        """
        joined = any(
            isinstance(other, Concat) and any(other.moved) and self.groups[other.name] == node.name
            for other in self.model.network.nodes
        )
        return self.settled(node.name) or _fit(values, None if joined else activation_of(node), self.rng, step)

    def real(self, name: str) -> np.ndarray:
        """The real values that a tensor stands for, float64."""
        quantization = self.model.quantization(name)
        return (self.tensors[name].numpy().astype(np.int16) - quantization.zero_point) * float(quantization.scale)


def _make(run: _Run, node: Node, stores_sums: bool) -> tuple[Quantization | None, NodeIntegers]:
    match node:
        case Conv() | Linear():
            return _make_weighted(run, node, stores_sums)
        case Add():
            return _make_add(run, node)
        case MaxPool():
            return run.model.quantization(node.inputs[0]), MaxPoolIntegers()
        case AveragePool():
            return _make_average_pool(run, node)
        case GlobalAveragePool():
            return _make_average(run, node)
        case Requantise():
            return _make_requantise(run, node)
        case Table():
            return _make_table(run, node)
        case Concat():
            return _make_concat(run, node)
        case Slice() | Resize() | DepthToSpace() | ChannelShuffle():
            return run.model.quantization(node.inputs[0]), SliceIntegers()
        case Multiply():
            return _make_multiply(run, node)
        case _:
            assert_never(node)


def _make_add(run: _Run, node: Add) -> tuple[Quantization, AddIntegers]:
    if node.unrounded is not None:
        return _make_unrounded_add(run, node, node.unrounded)
    values = run.real(node.inputs[0]) + run.real(node.inputs[1])
    s_a, s_b = (run.model.scale(name) for name in node.inputs)
    y = run.fitted(node, values, float(max(s_a, s_b)))
    m_a, m_b, shift = multipliers.add_multipliers(s_a, s_b, y.scale, layer=node.name)
    limits = multipliers.clamp_limits(limits_of(node.activation), y.scale, y.zero_point)
    return y, AddIntegers((m_a, m_b), shift, limits)


def _make_unrounded_add(run: _Run, node: Add, unrounded: int) -> tuple[Quantization, AddIntegers]:
    """Settles the multipliers of the unrounded operand too: until its sum has a scale, it has its 32-bit sums only."""
    layer, other = run.model.network.by_name[node.inputs[unrounded]], node.inputs[1 - unrounded]
    assert isinstance(layer, Weighted), "the network has been checked"
    integers, x = run.model.integers_of(layer), run.model.quantization(layer.inputs[0])
    channel_scale = (integers.weight_scale * x.scale).astype(np.float64).reshape(-1, 1, 1)
    values = run.tensors[layer.name].numpy() * channel_scale + run.real(other)
    y = _fit(values, node.activation, run.rng, max(float(channel_scale.max()), float(run.model.scale(other))))
    multiplier = multipliers.convolution_multiplier(x.scale, integers.weight_scale, y.scale, layer=layer.name)
    run.model.tensors[layer.name] = Quantization(y.scale, 0)
    run.model.integers[layer.name] = replace(integers, multiplier=multiplier)
    run.tensors[layer.name] = evaluate(run.model, layer, [run.tensors[name] for name in layer.inputs])
    m_a, m_b, shift = multipliers.unrounded_add_multipliers(run.model.scale(other), y.scale, unrounded, layer=node.name)
    limits = multipliers.clamp_limits(limits_of(node.activation), y.scale, y.zero_point)
    return y, AddIntegers((m_a, m_b), shift, limits)


def _make_multiply(run: _Run, node: Multiply) -> tuple[Quantization, MultiplyIntegers]:
    values = run.real(node.inputs[0]) * run.real(node.inputs[1])
    s_a, s_b = (run.model.scale(name) for name in node.inputs)
    y = run.fitted(node, values, float(s_a) * float(s_b))
    multiplier = multipliers.product_multiplier(s_a, s_b, y.scale, layer=node.name)
    return y, MultiplyIntegers(multiplier, multipliers.clamp_limits(limits_of(node.activation), y.scale, y.zero_point))


def _make_average(run: _Run, node: GlobalAveragePool) -> tuple[Quantization, AverageIntegers]:
    x, tensor = run.model.quantization(node.inputs[0]), run.tensors[node.inputs[0]]
    pixels = tensor.shape[2] * tensor.shape[3]
    # Sums of integers, so that the mean does not depend on the order of the additions.
    sums = (tensor.long() - x.zero_point).sum(dim=(2, 3)).numpy()
    step = float(x.scale) / pixels
    y = run.fitted(node, sums * step, step)
    multiplier = multipliers.average_multiplier(x.scale, y.scale, pixels, layer=node.name)
    return y, AverageIntegers(multiplier, INT8_RANGE)


def _make_average_pool(run: _Run, node: AveragePool) -> tuple[Quantization, AveragePoolIntegers]:
    """Fitted to the values that it averages: their means lie between them."""
    x, counts = run.model.quantization(node.inputs[0]), divisors(node, run.model.network.shapes[node.inputs[0]])
    y = run.fitted(node, run.real(node.inputs[0]) / 2, float(x.scale) / counts[0])
    factors = multipliers.average_multipliers(x.scale, y.scale, counts, layer=node.name)
    return y, AveragePoolIntegers(factors, INT8_RANGE)


def _make_requantise(run: _Run, node: Requantise) -> tuple[Quantization, RequantiseIntegers]:
    x = run.model.quantization(node.inputs[0])
    y = run.fitted(node, run.real(node.inputs[0]), float(x.scale))
    multiplier = multipliers.requantise_multiplier(x.scale, y.scale, layer=node.name)
    return y, RequantiseIntegers(multiplier, INT8_RANGE)


def _make_table(run: _Run, node: Table) -> tuple[Quantization, TableIntegers]:
    """A table of the node's function; a custom one takes every value to any other."""
    x = run.model.quantization(node.inputs[0])
    if node.function == "custom":
        return run.settled(node.name) or x, TableIntegers(run.rng.permutation(np.arange(-128, 128)).astype(np.int8))
    values = real_function(node.function, node.alpha)(run.real(node.inputs[0]))
    y = run.fitted(node, np.nan_to_num(values), float(x.scale))
    entries = table_entries(node.function, node.alpha, (x.scale, x.zero_point), (y.scale, y.zero_point))
    return y, TableIntegers(entries)


def _make_concat(run: _Run, node: Concat) -> tuple[Quantization, ConcatIntegers]:
    scales = [run.model.scale(name) for name in node.inputs]
    values = np.concatenate([run.real(name).reshape(-1) for name in node.inputs])
    y = run.fitted(node, values, float(max(scales)))
    factors = multipliers.concat_multipliers(scales, y.scale, layer=node.name)
    return y, ConcatIntegers(factors, INT8_RANGE)


def _make_weighted(run: _Run, node: Weighted, stores_sums: bool) -> tuple[Quantization | None, WeightedIntegers]:
    rng, x = run.rng, run.model.quantization(node.inputs[0])
    in_channels = run.model.network.shapes[node.inputs[0]].channels
    layer = as_convolution(node)
    dimensions = (layer.out_channels, in_channels // layer.groups, *layer.kernel)
    weight = shortcut_weight(run.model.network, node)
    is_constant = weight is not None
    if not is_constant:
        weight = rng.integers(-127, 128, dimensions, dtype=np.int8)
    no_bias = np.zeros(node.out_channels, np.int32)
    sums = accumulate(node, weight, no_bias, run.tensors[node.inputs[0]], x.zero_point).long()
    if is_constant:
        bias, weight_scale = no_bias.astype(np.int64), np.ones(node.out_channels, np.float32)
    else:
        bias, weight_scale = _normalise(run, node, sums)
    integers = WeightedIntegers(weight, bias.astype(np.int32), weight_scale, multiplier=None, clamp=None)
    if stores_sums:
        return None, integers
    channel_scale = (weight_scale * x.scale).astype(np.float64)
    values = (sums.numpy() + bias.reshape(-1, 1, 1)) * channel_scale.reshape(-1, 1, 1)
    y = run.fitted(node, values, float(channel_scale.max()))
    multiplier = multipliers.convolution_multiplier(x.scale, weight_scale, y.scale, layer=node.name)
    limits = multipliers.clamp_limits(limits_of(node.activation), y.scale, y.zero_point)
    return y, replace(integers, multiplier=multiplier, clamp=limits)


def _normalise(run: _Run, node: Weighted, sums: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Bias (int64) and weight scale (float32) per channel, as batch normalisation gives them.

    Each channel's sums are centred a little off zero and its weights scaled to a similar spread.
    """
    rng, x = run.rng, run.model.quantization(node.inputs[0])
    mean, deviation = _channel_statistics(sums)
    bias = np.rint(rng.uniform(-0.5, 1.0, node.out_channels) * deviation).astype(np.int64) - mean
    target = _target_deviation(run, node) * rng.uniform(0.6, 1.5, node.out_channels)
    return bias, (target / (deviation * float(x.scale))).astype(np.float32)


def _channel_statistics(sums: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean (int64) and mean absolute deviation (float64, at least a tenth of the layer's) per channel of int64 sums."""
    elements = sums.shape[0] * sums.shape[2] * sums.shape[3]
    if elements < 16:
        # Too few values per channel: centring each of them would leave nothing but the bias.
        mean = (sums.sum() // sums.numel()).expand(sums.shape[1])
        deviation = (sums - mean[0]).abs().sum().expand(sums.shape[1]).numpy() / sums.numel()
    else:
        mean = sums.sum(dim=(0, 2, 3)) // elements
        deviation = (sums - mean.reshape(-1, 1, 1)).abs().sum(dim=(0, 2, 3)).numpy() / elements
    floor = max(1.0, int(np.sort(deviation)[len(deviation) // 2]) / 10)
    return mean.numpy(), np.maximum(deviation, floor)


def _target_deviation(run: _Run, node: Weighted) -> float:
    """Real deviation for a convolution's output: 1, or about that of the tensor that it will be added to, or what suits
    the quantization that it must have."""
    if (settled := run.settled(node.name)) is not None:
        return SETTLED_STEPS * float(settled.scale)
    for reader in (run.model.network.by_name[name] for name in run.model.network.consumers[node.name]):
        for other in reader.inputs:
            if isinstance(reader, Add) and other != node.name and run.model.tensors.get(other) is not None:
                _, deviation = _channel_statistics(run.tensors[other].long())
                return float(np.sort(deviation)[len(deviation) // 2]) * float(run.model.scale(other))
    return 1.0


def _fit(values: np.ndarray, activation: Activation, rng: np.random.Generator, step: float) -> Quantization:
    """A quantization under which all but the tails of `values` fit int8, with a random zero point other than 0.

    `step` is what the values are multiples of, or the largest such: few or constant values would fit a scale so fine
    that the multiplier, their ratio, leaves its range.
    """
    ordered = np.sort(values, axis=None)
    tail = int(len(ordered) * TAIL)
    low, high = min(float(ordered[tail]), 0.0), max(float(ordered[-1 - tail]), 0.0)
    least, most = limits_of(activation)
    low, high = min(max(low, least), 0.0), max(min(high, most), 0.0)
    if high == low:
        low, high = -1.0, 1.0
    if low > -0.1 * high:
        zero_point = -128 if least == 0 and rng.random() < 0.5 else int(rng.integers(-110, -20))
    elif high < -0.1 * low:
        zero_point = int(rng.integers(20, 110))
    else:
        zero_point = _nonzero(rng, -40, 40)
    # One step inside the ends of int8: a tensor too small to have tails does not saturate.
    scale = max(high / (126 - zero_point), -low / max(127 + zero_point, 1), step / LARGEST_MULTIPLIER)
    return Quantization(np.float32(scale), zero_point)


def _nonzero(rng: np.random.Generator, low: int, high: int) -> int:
    """A random integer in [low, high] other than 0; low < 0 < high."""
    value = int(rng.integers(low, high))
    return value if value < 0 else value + 1
