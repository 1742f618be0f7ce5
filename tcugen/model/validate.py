"""The rules that a quantized network keeps, checked on one that came from a file."""

from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from tcugen.model.errors import ModelError
from tcugen.model.integers import AddIntegers, Clamp, NodeIntegers, WeightedIntegers, clamp_of
from tcugen.model.limits import (
    ADD_MULTIPLIER_BITS,
    ADD_RATIO_EXPONENTS,
    FRACTION_BITS,
    INT8_RANGE,
    MAX_ADD_MULTIPLIER,
    MULTIPLIER_EXPONENTS,
)
from tcugen.model.quantized import Quantization, QuantizedNetwork
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
    keeps_quantization,
)
from tcugen.network.windows import divisors


def validate(model: QuantizedNetwork) -> None:
    """Check kinds, shapes and ranges of everything in `model`.

    Raises:
        ModelError: At the first thing that is wrong; names it, its value and the rule.
    """
    for name in model.network.shapes:
        if name not in model.tensors:
            raise broken(f"tensor {name!r}", "has no quantization", "every tensor needs one")
        _check_quantization(model, name, model.tensors[name])
    for node in model.network.nodes:
        _check_node(model, node)


def broken(where: str, what: str, rule: str) -> ModelError:
    """The error that says where something stands, what is there and which rule that breaks."""
    return ModelError(f"{where}: {what}, but {rule}; save the model again")


def _require(holds: bool, where: str, what: str, rule: str) -> None:
    if not holds:
        raise broken(where, what, rule)


def _check_quantization(model: QuantizedNetwork, name: str, quantization: Quantization | None) -> None:
    where, node = f"tensor {name!r}", model.network.by_name.get(name)
    if quantization is None:
        stores = isinstance(node, Weighted) and not model.network.consumers[name]
        _require(stores, where, "has no scale", "only an output of a conv or linear may be 32-bit sums")
        return
    scale = np.float32(quantization.scale)
    _require(_is_normal(scale), where, f"its scale is {scale}", "it must be a positive normal float32")
    point = quantization.zero_point
    if name in model.network.unrounded:
        add = model.network.unrounded[name]
        found = model.tensors[add]
        _require(
            found is not None and quantization == Quantization(found.scale, 0),
            where,
            f"its quantization is {quantization}",
            f"add {add!r} takes it unrounded: it has the scale of the sum and zero point 0",
        )
    _require(
        INT8_RANGE[0] <= point <= INT8_RANGE[1],
        where,
        f"its zero point is {point!r}",
        "it must be an integer from -128 to 127",
    )
    if node is not None and keeps_quantization(node):
        _require(
            quantization == model.tensors[node.inputs[0]],
            where,
            f"its quantization is {quantization}",
            f"a {node.op} keeps that of its input, {model.tensors[node.inputs[0]]}",
        )


def _check_node(model: QuantizedNetwork, node: Node) -> None:
    where, integers = f"node {node.name!r}", model.integers_of(node)
    match node:
        case Conv() | Linear():
            _check_weighted(model, node, model.integers_of(node))
        case Add():
            _check_add(where, node, model.integers_of(node))
        case AveragePool():
            multipliers = model.integers_of(node).multipliers
            counts = divisors(node, model.network.shapes[node.inputs[0]])
            _check_array(where, "multipliers", multipliers, np.float32, (len(counts),))
            _check_multipliers(where, multipliers)
        case GlobalAveragePool() | Requantise() | Multiply():
            _check_multipliers(where, model.integers_of(node).multiplier)
        case Table():
            _check_array(where, "table", model.integers_of(node).entries, np.int8, (256,))
        case Concat():
            multipliers = model.integers_of(node).multipliers
            _check_array(where, "multipliers", multipliers, np.float32, (len(node.inputs),))
            _check_multipliers(where, multipliers)
            _check_moved(model, node)
        case MaxPool() | Slice() | Resize() | DepthToSpace() | ChannelShuffle():
            pass
        case _:
            assert_never(node)
    _check_clamp(where, integers)


def _check_moved(model: QuantizedNetwork, node: Concat) -> None:
    """Operands of a concat that `same_scale` names come through as they are."""
    where, integers = f"node {node.name!r}", model.integers_of(node)
    for tensor, multiplier, moved in zip(node.inputs, integers.multipliers, node.moved, strict=True):
        if moved:
            _require(
                model.tensors[tensor] == model.tensors[node.name],
                where,
                f"the quantization of {tensor!r} is {model.tensors[tensor]}",
                f"same_scale says that it is that of the node, {model.tensors[node.name]}",
            )
            _require(
                multiplier == 1 and integers.clamp == INT8_RANGE,
                where,
                f"{tensor!r} has multiplier {multiplier} and clamp {integers.clamp!r}",
                "same_scale says that it only moves: 1, and all of int8",
            )


def _check_clamp(where: str, integers: NodeIntegers) -> None:
    clamp: Clamp | None = clamp_of(integers)
    if clamp is not None:
        _require(
            INT8_RANGE[0] <= clamp[0] <= clamp[1] <= INT8_RANGE[1],
            where,
            f"its clamp is {clamp!r}",
            "it must be two ascending integers from -128 to 127",
        )


def _check_weighted(model: QuantizedNetwork, node: Weighted, integers: WeightedIntegers) -> None:
    where, layer = f"node {node.name!r}", as_convolution(node)
    channels = model.network.shapes[layer.inputs[0]].channels // layer.groups
    _check_array(where, "weight", integers.weight, np.int8, (layer.out_channels, channels, *layer.kernel))
    _check_array(where, "bias", integers.bias, np.int32, (layer.out_channels,))
    scale = integers.weight_scale
    _check_array(where, "weight_scale", scale, np.float32, (layer.out_channels,))
    _require(_is_normal(scale), where, f"weight scales span {_span(scale)}", "they must be positive and normal")
    if model.tensors[node.name] is None:
        _require(integers.multiplier is None, where, "has a multiplier", "its output is 32-bit sums")
        _require(integers.clamp is None, where, f"its clamp is {integers.clamp}", f"a {node.op} like this has none")
        return
    multiplier, unrounded = integers.multiplier, node.name in model.network.unrounded
    _require(not unrounded or integers.clamp is None, where, f"its clamp is {integers.clamp}", "nothing rounds it")
    if multiplier is None or (integers.clamp is None and not unrounded):
        raise broken(where, "has no multiplier or clamp", "its output is int8")
    _check_array(where, "multiplier", multiplier, np.float32, (layer.out_channels,))
    _check_multipliers(where, multiplier)


def _check_multipliers(where: str, multiplier: npt.NDArray[np.float32] | np.float32) -> None:
    low, high = MULTIPLIER_EXPONENTS
    inside = bool(np.all((multiplier >= 2.0**low) & (multiplier < 2.0**high)))
    _require(inside, where, f"multipliers span {_span(multiplier)}", f"[2**{low}, 2**{high})")


def _check_add(where: str, node: Add, integers: AddIntegers) -> None:
    multipliers, shift = integers.multipliers, integers.shift
    low, high = ADD_RATIO_EXPONENTS
    _require(
        all(0 < m <= MAX_ADD_MULTIPLIER for m in multipliers)
        and 0 < shift < 64
        and all(2.0**low <= m / 2.0**shift < 2.0**high for m in multipliers),
        where,
        f"its ratios are {multipliers!r} / 2**{shift!r}",
        f"they must be two integers of {ADD_MULTIPLIER_BITS} bits over one power of two, in [2**{low}, 2**{high})",
    )
    if node.unrounded is not None:
        _require(
            multipliers[node.unrounded] == 1 and shift == FRACTION_BITS,
            where,
            f"its ratios are {multipliers!r} / 2**{shift!r}",
            f"that of its unrounded input must be 1 / 2**{FRACTION_BITS}",
        )


def _check_array(
    where: str, what: str, array: npt.NDArray[Any], dtype: type[np.generic], shape: tuple[int, ...]
) -> None:
    _require(
        array.dtype == dtype and array.shape == shape,
        where,
        f"its {what} is {array.dtype} {list(array.shape)}",
        f"it must be {np.dtype(dtype)} {list(shape)}",
    )


def _is_normal(scale: npt.NDArray[np.float32] | np.float32) -> bool:
    return bool(np.all(np.isfinite(scale) & (scale >= np.finfo(np.float32).tiny)))


def _span(values: npt.NDArray[np.float32] | np.float32) -> str:
    return f"[{np.min(values)}, {np.max(values)}]"
