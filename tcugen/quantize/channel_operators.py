"""Operators on ranges of channels: cat, split, chunk, slices."""

from typing import Any

import torch
from torch import fx

from tcugen.network.operators import Concat, Slice
from tcugen.quantize.arguments import arguments, channels_first, shape_of
from tcugen.quantize.node_builder import NodeBuilder, Value
from tcugen.quantize.walk import Walk, read_once, refusal

SPLITS = ("split.Tensor", "split_with_sizes.default", "chunk.default")
"""Operators of several results, each a range of channels."""


def concat(walk: Walk, node: fx.Node) -> Value:
    """Channels of several tensors. Raises Refused for another dimension, and for pixels that are flattened."""
    given = arguments(node)
    tensors = list(given["tensors"])
    values = [walk.value(node, tensor, f"tensors[{index}]") for index, tensor in enumerate(tensors)]
    _check_channels(node, given["dim"])
    for value in values:
        if value.flat and value.shape[1:] != (1, 1):
            raise refusal(node, "input", f"(1, {value.shape[0]} * {value.shape[1]} * ...)", "join before flattening")
    if len(values) == 1:
        return Value(values[0].builder, values[0].shape, values[0].flat, values[0].sole and read_once(tensors[0]))
    builder = NodeBuilder(Concat("", ("", "")), tuple(value.builder for value in values), [node])
    return walk.made(builder, channels_first(node), flat=values[0].flat)


def slice_of(walk: Walk, node: fx.Node) -> Value:
    """A range of channels, or all of another dimension. Raises Refused for parts of other dimensions and for steps."""
    given = arguments(node)
    x, before = walk.value(node, given["self"]), shape_of(given["self"])
    dimension = int(given["dim"]) % len(before)
    start, stop, _ = slice(given["start"], given["end"]).indices(int(before[dimension]))
    if given["step"] != 1:
        raise refusal(node, "step", given["step"], "take neighbouring channels")
    if (start, stop) == (0, before[dimension]):
        return walk.passed(node, x)
    _check_channels(node, given["dim"])
    return _sliced(walk, node, x, (start, stop), node)


def split(walk: Walk, node: fx.Node) -> Value:
    """The tensor as it is; what takes one of the results takes its channels. Raises Refused for other dimensions."""
    given = arguments(node)
    _check_channels(node, given["dim"])
    return walk.passed(node, walk.value(node, given["self"]))


def part_of(walk: Walk, node: fx.Node, source: fx.Node) -> Value:
    """One result of `source`, which is one of SPLITS."""
    x = walk.value(node, source)
    channels = [int(result.shape[1]) for result in source.meta["val"]]
    index = int(str(node.args[1]))
    start = sum(channels[:index])
    return _sliced(walk, node, x, (start, start + channels[index]), source)


def _sliced(walk: Walk, node: fx.Node, x: Value, channels: tuple[int, int], named_by: fx.Node) -> Value:
    if x.flat and x.shape[1:] != (1, 1):
        raise refusal(node, "input", "pixels flattened", "take the channels before flattening")
    if channels == (0, x.shape[0]):
        return walk.passed(node, x)
    builder = NodeBuilder(Slice("", ("",), channels), (x.builder,), [named_by])
    return walk.made(builder, channels_first(node), flat=x.flat)


def _check_channels(node: fx.Node, dimension: Any) -> None:
    """Raises Refused if a dimension is not that of the channels."""
    value: Any = node.meta["val"]
    first: Any = value if isinstance(value, torch.Tensor) else value[0]
    dimensions: int = first.ndim
    if dimension % dimensions != 1:
        raise refusal(node, "dim", dimension, "join and take channels only, dim = 1")
