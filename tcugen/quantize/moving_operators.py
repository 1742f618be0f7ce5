"""Operators that only move values: to more pixels, from channels to pixels, to other channels."""

from dataclasses import replace

from torch import fx

from tcugen.network.operators import ChannelShuffle, DepthToSpace, Resize
from tcugen.quantize.arguments import arguments, channels_first, shape_of
from tcugen.quantize.node_builder import NodeBuilder, Value
from tcugen.quantize.walk import Walk, read_once, refusal

_SWAPPED = [0, 2, 1, 3, 4]


def resize(walk: Walk, node: fx.Node) -> Value:
    """Pixels repeated. Raises Refused for other than whole factors."""
    x = _image(walk, node)
    out = shape_of(node)[2:]
    factors = out[0] // x.shape[1], out[1] // x.shape[2]
    if (x.shape[1] * factors[0], x.shape[2] * factors[1]) != out or min(factors) < 1:
        raise refusal(node, "output size", f"{out[0]}x{out[1]}", "use whole factors")
    return walk.made(NodeBuilder(Resize("", ("",), factors), (x.builder,), [node]), channels_first(node))


def pixel_shuffle(walk: Walk, node: fx.Node) -> Value:
    """Channels to pixels; after a shuffle of channels for it alone, in the other order of channels."""
    x, block = _image(walk, node), int(arguments(node)["upscale_factor"])
    before = x.builder
    shuffle = before.operator if before is not None and x.sole and read_once(node.args[0]) else None
    if before is not None and isinstance(shuffle, ChannelShuffle) and shuffle.groups == block**2:
        operator = DepthToSpace("", ("",), block, "DCR")
        return walk.made(NodeBuilder(operator, before.inputs, [node, *before.sources]), channels_first(node))
    return walk.made(NodeBuilder(DepthToSpace("", ("",), block, "CRD"), (x.builder,), [node]), channels_first(node))


def channel_shuffle(walk: Walk, node: fx.Node) -> Value:
    """Channels of groups in turn."""
    return _shuffled(walk, node, _image(walk, node), int(arguments(node)["groups"]))


def regrouped(walk: Walk, node: fx.Node) -> Value | None:
    """What a reshape makes of channels in one or two dimensions: the other; None if it is another reshape."""
    x, out = walk.pending(node, node.args[0]), shape_of(node)
    if x.groups:
        if out != (1, *x.shape):
            raise refusal(node, "shape", list(out), f"of channels in groups, only a reshape to {[1, *x.shape]} runs")
        whole = replace(x, groups=0, swapped=False)
        return _shuffled(walk, node, whole, x.groups) if x.swapped else walk.passed(node, whole)
    groups = out[1] if len(out) == 5 else 0
    if not groups or x.flat or any(x.padding) or out != (1, groups, x.shape[0] // groups, *x.shape[1:]):
        return None
    return replace(walk.passed(node, x), groups=groups)


def transpose(walk: Walk, node: fx.Node) -> Value:
    """Of channels in two dimensions the two. Raises Refused for all others that move something."""
    given, x = arguments(node), walk.pending(node, node.args[0])
    dimensions = len(shape_of(node))
    if "dims" in given:
        order = [int(dimension) % dimensions for dimension in given["dims"]]
    else:
        order = list(range(dimensions))
        one, other = int(given["dim0"]) % dimensions, int(given["dim1"]) % dimensions
        order[one], order[other] = other, one
    if order == list(range(dimensions)):
        return walk.passed(node, x)
    if x.groups and not x.swapped and order == _SWAPPED:
        return replace(walk.passed(node, x), swapped=True)
    raise refusal(node, "order", order, "only a channel shuffle may turn dimensions: let the host do it at the ends")


def _image(walk: Walk, node: fx.Node) -> Value:
    x = walk.value(node, node.args[0])
    if x.flat:
        raise refusal(node, "input", "flat", "give it four dimensions")
    return x


def _shuffled(walk: Walk, node: fx.Node, x: Value, groups: int) -> Value:
    builder = NodeBuilder(ChannelShuffle("", ("",), groups), (x.builder,), [node])
    return walk.made(builder, channels_first(node))
