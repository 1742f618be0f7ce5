"""Pools, and padding that is not part of the operator after it."""

import math

from torch import fx

from tcugen.network.operators import AveragePool, GlobalAveragePool, MaxPool
from tcugen.quantize.arguments import arguments, channels_first, pair_of, shape_of
from tcugen.quantize.node_builder import NodeBuilder, Value
from tcugen.quantize.walk import Walk, padded, read_once, refusal

Sides = tuple[int, int, int, int]


def pad(walk: Walk, node: fx.Node) -> Value:
    """Values around the pixels, which the operator after it takes for its padding, or a convolution of its own adds.

    Raises Refused for other dimensions than height and width, other modes and negative padding.
    """
    given = arguments(node)
    x = walk.image(node, given["self"])
    right_to_left = [*given["pad"], 0, 0, 0, 0]
    left, right, top, bottom = right_to_left[:4]
    value = float(given["value"] or 0.0)
    if given.get("mode", "constant") != "constant":
        raise refusal(node, "mode", given["mode"], "pad with zeros")
    if any(right_to_left[4:]) or min(right_to_left) < 0:
        raise refusal(node, "pad", given["pad"], "pad height and width only, by 0 pixels or more")
    if any(x.padding) and value != x.padded_with:
        x = padded(walk, node, node.all_input_nodes[0], x)
    added = tuple(a + b for a, b in zip(x.padding, (top, left, bottom, right), strict=True))
    sole = x.sole and read_once(given["self"])
    return Value(x.builder, x.shape, sole=sole, padding=(added[0], added[1], added[2], added[3]), padded_with=value)


def max_pool(walk: Walk, node: fx.Node) -> Value:
    """Max-pool, also with `ceil_mode` and dilation."""
    given = arguments(node)
    x = walk.image(node, given["self"])
    kernel = pair_of(given["kernel_size"])
    stride, padding = pair_of(given["stride"] or kernel), pair_of(given["padding"])
    dilation = pair_of(given["dilation"])
    reach = (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1
    if any(x.padding) and x.padded_with != -math.inf and not (x.padded_with == 0 and _is_positive(x.builder)):
        x = walk.value(node, given["self"])
    operator = MaxPool("", ("",), kernel, stride, _joined(x, _sides(node, x, reach, stride, padding)), dilation)
    reads_alone = x.sole and read_once(given["self"])
    builder = NodeBuilder(operator, (x.builder,), [node], reads_alone=reads_alone)
    return walk.made(builder, channels_first(node))


def mean(walk: Walk, node: fx.Node) -> Value:
    """The mean over all pixels."""
    given = arguments(node)
    x = walk.value(node, given["self"])
    if x.flat:
        raise refusal(node, "input", f"(1, {math.prod(x.shape)})", "give it four dimensions")
    if given["dim"] is None or sorted(dimension % 4 for dimension in given["dim"]) != [2, 3]:
        raise refusal(node, "dim", given["dim"], "take the mean over height and width, dim = (2, 3)")
    builder = NodeBuilder(GlobalAveragePool("", ("",)), (x.builder,), [node])
    return walk.made(builder, channels_first(node), flat=not given["keepdim"])


def average_pool(walk: Walk, node: fx.Node) -> Value:
    """An average over windows or all pixels, or one that covers one pixel each and thereby does nothing."""
    x = walk.image(node, node.args[0])
    out, given = shape_of(node)[2:], arguments(node)
    adaptive = "output_size" in given
    if adaptive and out == x.sides:
        return walk.passed(node, x)
    covers = adaptive or (pair_of(given["kernel_size"]) == x.sides and not any(pair_of(given["padding"])))
    if not adaptive and not covers and not given["divisor_override"]:
        return _window_average(walk, node, x)
    if out != (1, 1) or not covers or given.get("divisor_override"):
        raise refusal(node, "output size", f"{out[0]}x{out[1]}", "average over the whole image: AdaptiveAvgPool2d(1)")
    x = walk.value(node, node.args[0])
    return walk.made(NodeBuilder(GlobalAveragePool("", ("",)), (x.builder,), [node]), channels_first(node))


def _window_average(walk: Walk, node: fx.Node, x: Value) -> Value:
    given = arguments(node)
    kernel, padding = pair_of(given["kernel_size"]), pair_of(given["padding"])
    include = bool(given["count_include_pad"])
    if any(x.padding) and (x.padded_with != 0 or (any(padding) and not include)):
        x = walk.value(node, node.args[0])
    sides = _sides(node, x, kernel, pair_of(given["stride"] or kernel), padding)
    # What is padded before the pool is counted as well.
    counts = (include and any(padding)) or any(x.padding)
    if counts and sides != (*padding, *padding):
        # PyTorch does not count what a window sticks out by, but counts the padding.
        raise refusal(node, "ceil_mode", True, "set count_include_pad=False, or leave padding or ceil_mode out")
    operator = AveragePool("", ("",), kernel, pair_of(given["stride"] or kernel), _joined(x, sides), counts)
    return walk.made(NodeBuilder(operator, (x.builder,), [node]), channels_first(node))


def _sides(node: fx.Node, x: Value, reach: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> Sides:
    """Padding of a pool whose windows span `reach`.

    With ceil_mode a last window may stick out: as much more at the bottom and on the right.
    """
    out = shape_of(node)[2:]
    rest = [(out[i] - 1) * stride[i] + reach[i] - x.sides[i] - padding[i] for i in range(2)]
    return (*padding, max(padding[0], rest[0]), max(padding[1], rest[1]))


def _joined(x: Value, sides: Sides) -> Sides:
    """An operator's own padding and that of the tensor in front."""
    top, left, bottom, right = (a + b for a, b in zip(x.padding, sides, strict=True))
    return top, left, bottom, right


def convolution_padding(walk: Walk, node: fx.Node, argument: fx.Node, sides: Sides) -> tuple[Value, Sides]:
    """What a convolution reads, and its padding with that of the tensor in front."""
    x = walk.image(node, argument)
    if any(x.padding) and x.padded_with != 0:
        x = walk.value(node, argument)
    return x, _joined(x, sides)


def _is_positive(builder: NodeBuilder | None) -> bool:
    """Whether nothing that a node makes is below zero."""
    while builder is not None and isinstance(builder.operator, MaxPool):
        builder = builder.inputs[0]
    return builder is not None and builder.low >= 0
