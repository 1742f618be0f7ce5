"""The integers of a float network for given quantizations of its tensors."""

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

import numpy as np

from tcugen.model import multipliers
from tcugen.model.errors import QuantizationError
from tcugen.model.file_form import FLOAT_NCHW
from tcugen.model.functions import Entries, input_reals, output_entries, table_entries
from tcugen.model.integers import (
    AddIntegers,
    AverageIntegers,
    AveragePoolIntegers,
    Clamp,
    ConcatIntegers,
    MaxPoolIntegers,
    MultiplyIntegers,
    NodeIntegers,
    RequantiseIntegers,
    SliceIntegers,
    TableIntegers,
    WeightedIntegers,
)
from tcugen.model.limits import LARGEST_BIAS, LARGEST_WEIGHT, MULTIPLIER_EXPONENTS
from tcugen.model.quantized import Quantization, QuantizedNetwork
from tcugen.network.operators import (
    Add,
    AveragePool,
    ChannelShuffle,
    Concat,
    DepthToSpace,
    GlobalAveragePool,
    MaxPool,
    Multiply,
    Node,
    Requantise,
    Resize,
    Slice,
    Table,
    Weighted,
)
from tcugen.network.windows import divisors
from tcugen.quantize.float_network import FloatNetwork, Parameters


def quantised(
    model: FloatNetwork, quantizations: Mapping[str, Quantization], int32_output: bool = False
) -> QuantizedNetwork:
    """The quantized network.

    Args:
        model: The network.
        quantizations: Of every tensor; a max-pool must have that of its input.
        int32_output: Let the last node, a conv or linear without limits, store its sums. All its channels then have
            one weight scale, so that the largest sum is the largest output.

    Raises:
        QuantizationError: If scales or sums leave the arithmetic's limits.
    """
    tensors: dict[str, Quantization | None] = dict(quantizations)
    last = model.network.nodes[-1]
    if int32_output:
        check_stores_sums(model)
        tensors[last.name] = None
    forms = {} if model.form == FLOAT_NCHW else {model.network.inputs[0][0]: model.form}
    made = QuantizedNetwork(model.network, tensors, {}, forms)
    return replace(made, integers={node.name: _integers(model, node, made) for node in model.network.nodes})


def stores_sums(model: FloatNetwork) -> bool:
    """Whether the last node can store its 32-bit sums."""
    last = model.network.nodes[-1]
    return isinstance(last, Weighted) and last.name not in model.limits


def check_stores_sums(model: FloatNetwork) -> None:
    """Raises QuantizationError if the last node cannot store its 32-bit sums."""
    if not stores_sums(model):
        last = model.network.nodes[-1]
        kind = f"{last.op} with an activation" if isinstance(last, Weighted) else last.op
        raise QuantizationError(
            f"layer {last.name!r}: the last layer is a {kind}, but only a conv or linear without activation can store "
            "32-bit sums; choose int8 output"
        )


def _integers(model: FloatNetwork, node: Node, made: QuantizedNetwork) -> NodeIntegers:
    """The integers of one node; of `made`, its tensors are used."""
    if isinstance(node, Weighted):
        return _weighted(model, node, made)
    if isinstance(node, MaxPool):
        return MaxPoolIntegers()
    if isinstance(node, Slice | Resize | DepthToSpace | ChannelShuffle):
        return SliceIntegers()
    x, y = made.quantization(node.inputs[0]), made.quantization(node.name)
    limits = _limits(model, node, y)
    match node:
        case Add():
            assert node.unrounded is None, "every tensor of a float network gets a scale of its own"
            m_a, m_b, shift = multipliers.add_multipliers(x.scale, made.scale(node.inputs[1]), y.scale, layer=node.name)
            return AddIntegers((m_a, m_b), shift, limits)
        case Multiply():
            s_b = made.scale(node.inputs[1])
            return MultiplyIntegers(multipliers.product_multiplier(x.scale, s_b, y.scale, layer=node.name), limits)
        case AveragePool():
            counts = divisors(node, model.network.shapes[node.inputs[0]])
            factors = multipliers.average_multipliers(x.scale, y.scale, counts, layer=node.name)
            return AveragePoolIntegers(factors, limits)
        case GlobalAveragePool():
            shape = model.network.shapes[node.inputs[0]]
            pixels = shape.height * shape.width
            return AverageIntegers(multipliers.average_multiplier(x.scale, y.scale, pixels, layer=node.name), limits)
        case Table():
            return TableIntegers(np.clip(_entries(model, node, x, y), *limits))
        case Requantise():
            return RequantiseIntegers(multipliers.requantise_multiplier(x.scale, y.scale, layer=node.name), limits)
        case Concat():
            scales = [made.scale(name) for name in node.inputs]
            return ConcatIntegers(multipliers.concat_multipliers(scales, y.scale, layer=node.name), limits)
        case _:
            assert_never(node)


def _entries(model: FloatNetwork, node: Table, x: Quantization, y: Quantization) -> Entries:
    """A table's entries; the function is evaluated in float64 and rounded to float32."""
    if node.function != "custom":
        return table_entries(node.function, node.alpha, (x.scale, x.zero_point), (y.scale, y.zero_point))
    reals = input_reals(x.scale, x.zero_point)
    with np.errstate(over="ignore"):
        results = model.function(node)(reals.astype(np.float64)).astype(np.float32)
    if np.isnan(results).any():
        raise QuantizationError(
            f"layer {node.name!r}: its function gives no number for {reals[np.isnan(results)][0]}, which its input may "
            "hold; limit the tensor before it"
        )
    return output_entries(results, y.scale, y.zero_point)


def _limits(model: FloatNetwork, node: Node, y: Quantization) -> Clamp:
    """A node's real limits as integers."""
    return multipliers.clamp_limits(model.limits.get(node.name, (-np.inf, np.inf)), y.scale, y.zero_point)


def _weighted(model: FloatNetwork, node: Weighted, made: QuantizedNetwork) -> WeightedIntegers:
    parameters, y = model.parameters[node.name], made.tensors[node.name]
    s_x = float(made.scale(node.inputs[0]))
    scale = _weight_scale(parameters, s_x, y)
    weight = np.rint(parameters.weight / scale.astype(np.float64).reshape(-1, 1, 1, 1))
    bias = np.rint(parameters.bias / (s_x * scale.astype(np.float64)))
    return WeightedIntegers(
        weight=np.clip(weight, -LARGEST_WEIGHT, LARGEST_WEIGHT).astype(np.int8),
        bias=bias.astype(np.int32),
        weight_scale=scale,
        multiplier=None if y is None else multipliers.convolution_multiplier(s_x, scale, y.scale, layer=node.name),
        clamp=None if y is None else _limits(model, node, y),
    )


def _weight_scale(parameters: Parameters, s_x: float, y: Quantization | None) -> np.ndarray:
    """float32 [O]: what lets the largest weight of each channel become 127.

    A channel of zeros or nearly so takes the smallest scale at which its bias fits 32 bits and its multiplier is in
    range; its weights then round to fewer steps, which its bias outweighs by far.
    """
    scale = np.abs(parameters.weight).max(axis=(1, 2, 3)) / LARGEST_WEIGHT
    scale = np.maximum(scale, np.abs(parameters.bias) / (s_x * LARGEST_BIAS))
    if y is None:
        scale = np.full_like(scale, scale.max())
    else:
        scale = np.maximum(scale, 2.0 ** (MULTIPLIER_EXPONENTS[0] + 1) * float(y.scale) / s_x)
    scale = np.where(scale == 0, 1.0, scale)
    return np.maximum(scale, np.finfo(np.float32).tiny).astype(np.float32)
