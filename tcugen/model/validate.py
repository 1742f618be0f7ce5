"""The rules that a quantized network keeps, checked on one that came from a file."""

import numpy as np

from tcugen.model.errors import ModelError
from tcugen.model.limits import ADD_RATIO_EXPONENTS, INT8_RANGE, MULTIPLIER_EXPONENTS
from tcugen.model.quantized import NodeIntegers, Quantization, QuantizedNetwork
from tcugen.network.graph import Network, Node
from tcugen.network.operators import Add, Conv, GlobalAveragePool, Linear, MaxPool, Requantise, Weighted, as_convolution


def validate(model: QuantizedNetwork) -> None:
    """Check types, shapes and ranges of everything in `model`.

    Raises:
        ModelError: At the first thing that is wrong; names it, its value and the rule.
    """
    for name in model.network.shapes:
        if name not in model.tensors:
            raise ModelError(f"tensor {name!r}: has no quantization, but every tensor needs one; save the model again")
        _check_quantization(model, name, model.tensors[name])
    for node in model.network.nodes:
        if node.name not in model.integers:
            raise ModelError(f"node {node.name!r}: has no integers, but every node needs them; save the model again")
        _check_node(model, node, model.integers[node.name])


def _require(holds: bool, where: str, what: str, rule: str) -> None:
    if not holds:
        raise ModelError(f"{where}: {what}, but {rule}; save the model again")


def _check_quantization(model: QuantizedNetwork, name: str, quantization: Quantization | None) -> None:
    where, node = f"tensor {name!r}", model.network.by_name.get(name)
    if quantization is None:
        stores = node is not None and isinstance(node, Weighted) and not model.network.consumers[name]
        _require(stores, where, "has no scale", "only an output of a conv or linear may be 32-bit sums")
        return
    scale = np.float32(quantization.scale)
    normal = bool(np.isfinite(scale) and scale >= np.finfo(np.float32).tiny)
    _require(normal, where, f"its scale is {scale}", "it must be a positive normal float32")
    point = quantization.zero_point
    _require(
        isinstance(point, int) and INT8_RANGE[0] <= point <= INT8_RANGE[1],
        where,
        f"its zero point is {point!r}",
        "it must be an integer from -128 to 127",
    )
    if isinstance(node, MaxPool):
        _require(
            quantization == model.tensors[node.inputs[0]],
            where,
            f"its quantization is {quantization}",
            f"a max_pool keeps that of its input, {model.tensors[node.inputs[0]]}",
        )


def _check_node(model: QuantizedNetwork, node: Node, integers: NodeIntegers) -> None:
    where, sums = f"node {node.name!r}", model.tensors[node.name] is None
    if isinstance(node, Weighted):
        _check_weights(model.network, node, integers)
    if isinstance(node, Conv | Linear | GlobalAveragePool | Requantise) and not sums:
        shape = (node.out_channels,) if isinstance(node, Weighted) else ()
        multiplier = _array(where, "multiplier", integers.multiplier, np.float32, shape)
        low, high = MULTIPLIER_EXPONENTS
        inside = bool(((multiplier >= 2.0**low) & (multiplier < 2.0**high)).all())
        _require(inside, where, f"multipliers span [{multiplier.min()}, {multiplier.max()}]", f"[2**{low}, 2**{high})")
    if sums:
        _require(integers.multiplier is None, where, "has a multiplier", "its output is 32-bit sums")
    if isinstance(node, Add):
        _check_add(where, integers)
    if isinstance(node, MaxPool) or sums:
        _require(integers.clamp is None, where, f"its clamp is {integers.clamp}", f"a {node.op} like this has none")
        return
    _require(
        isinstance(integers.clamp, tuple)
        and len(integers.clamp) == 2
        and INT8_RANGE[0] <= integers.clamp[0] <= integers.clamp[1] <= INT8_RANGE[1],
        where,
        f"its clamp is {integers.clamp!r}",
        "it must be two ascending integers from -128 to 127",
    )


def _check_weights(network: Network, node: Weighted, integers: NodeIntegers) -> None:
    where, channels = f"node {node.name!r}", network.shapes[node.inputs[0]].channels
    layer = as_convolution(node)
    shape = (layer.out_channels, channels // layer.groups, *layer.kernel)
    _array(where, "weight", integers.weight, np.int8, shape)
    _array(where, "bias", integers.bias, np.int32, (node.out_channels,))
    scale = _array(where, "weight_scale", integers.weight_scale, np.float32, (node.out_channels,))
    normal = bool((np.isfinite(scale) & (scale >= np.finfo(np.float32).tiny)).all())
    _require(normal, where, f"weight scales span [{scale.min()}, {scale.max()}]", "they must be positive and normal")


def _check_add(where: str, integers: NodeIntegers) -> None:
    multipliers, shift = integers.add_multipliers, integers.add_shift
    whole = isinstance(multipliers, tuple) and len(multipliers) == 2 and isinstance(shift, int)
    low, high = ADD_RATIO_EXPONENTS
    _require(
        whole
        and all(isinstance(m, int) and 0 < m <= 1 << 24 for m in multipliers)
        and 0 < shift < 64
        and all(2.0**low <= m / 2.0**shift < 2.0**high for m in multipliers),
        where,
        f"its ratios are {multipliers!r} / 2**{shift!r}",
        f"they must be two integers of 24 bits over one power of two, in [2**{low}, 2**{high})",
    )


def _array(where: str, what: str, array: object, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
    found = f"{array.dtype} {list(array.shape)}" if isinstance(array, np.ndarray | np.generic) else repr(array)
    _require(
        isinstance(array, np.ndarray | np.generic) and array.dtype == dtype and array.shape == shape,
        where,
        f"its {what} is {found}",
        f"it must be {np.dtype(dtype)} {list(shape)}",
    )
    return np.asarray(array)
