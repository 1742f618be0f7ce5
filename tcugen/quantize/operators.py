"""What each operator of an exported module becomes."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import fx

from tcugen.network.operators import (
    Add,
    AveragePool,
    Conv,
    GlobalAveragePool,
    Linear,
    MaxPool,
    Requantise,
    Slice,
    Weighted,
)
from tcugen.quantize import channel_operators, elementwise_operators
from tcugen.quantize.arguments import arguments, channels_first, pair_of, shape_of
from tcugen.quantize.float_network import Parameters
from tcugen.quantize.fold import Normalisation, alone, folded
from tcugen.quantize.node_builder import NodeBuilder, Value
from tcugen.quantize.walk import Walk, read_once, refusal


def convolution(walk: Walk, node: fx.Node) -> Value:
    """conv2d with numbers or words for padding."""
    given = arguments(node)
    x = walk.image(node, given["input"])
    weight = walk.array(node, given["weight"], "weight")
    channels = len(weight)
    bias = np.zeros(channels) if given["bias"] is None else walk.array(node, given["bias"], "bias")
    dilation = pair_of(given["dilation"])
    kernel = (weight.shape[2], weight.shape[3])
    padding = given["padding"]
    if isinstance(padding, str):
        total = [(side - 1) * d if padding == "same" else 0 for side, d in zip(kernel, dilation, strict=True)]
        top, left = (pixels // 2 for pixels in total)
        sides = (top, left, total[0] - top, total[1] - left)
    else:
        top, left = pair_of(padding)
        sides = (top, left, top, left)
    operator = Conv("", ("",), channels, kernel, pair_of(given["stride"]), sides, given["groups"], dilation=dilation)
    return walk.made(NodeBuilder(operator, (x.builder,), [node], Parameters(weight, bias)), channels_first(node))


def linear(walk: Walk, node: fx.Node) -> Value:
    """A fully connected layer; over several pixels it is a convolution whose kernel covers them all."""
    given = arguments(node)
    x = walk.value(node, given["input"])
    if not x.flat:
        raise refusal(node, "input", list(x.shape), "flatten the tensor in front of the linear layer")
    weight = walk.array(node, given["weight"], "weight")
    if weight.shape[1] != math.prod(x.shape):
        raise refusal(node, "input", f"rows of {weight.shape[1]}", "flatten the tensor in front of the linear layer")
    bias = np.zeros(len(weight)) if given["bias"] is None else walk.array(node, given["bias"], "bias")
    parameters = Parameters(weight.reshape(len(weight), *x.shape), bias)
    one_pixel, channels = x.shape[1:] == (1, 1), len(weight)
    operator = Linear("", ("",), channels) if one_pixel else Conv("", ("",), channels, x.shape[1:])
    return walk.made(NodeBuilder(operator, (x.builder,), [node], parameters), channels_first(node), flat=True)


def batch_norm(walk: Walk, node: fx.Node) -> Value:
    """Folded into the convolution that it alone reads, else a convolution of its own."""
    given = arguments(node)
    x = walk.value(node, given["input"])
    channels = x.shape[0]
    scale = np.ones(channels) if given["weight"] is None else walk.array(node, given["weight"], "weight")
    shift = np.zeros(channels) if given["bias"] is None else walk.array(node, given["bias"], "bias")
    mean = walk.array(node, given["running_mean"], "running_mean")
    variance = walk.array(node, given["running_var"], "running_var")
    if (variance + given["eps"] <= 0).any():
        raise refusal(node, "running_var", variance.min(), "a variance is not negative: load the trained weights")
    normalisation = Normalisation(scale, shift, mean, variance, given["eps"])
    builder = x.builder
    if x.sole and read_once(given["input"]) and builder is not None and isinstance(builder.operator, Weighted):
        parameters = None if builder.is_limited else builder.parameters
        if parameters is not None:
            builder.parameters = folded(parameters, normalisation)
            builder.sources.append(node)
            return Value(builder, x.shape, x.flat)
    operator = Conv("", ("",), channels, (1, 1), groups=channels)
    return walk.made(NodeBuilder(operator, (builder,), [node], alone(normalisation)), x.shape, x.flat)


def first_result(walk: Walk, node: fx.Node) -> Value:
    """The first of several results, the others of a normalisation are for training; any range of channels."""
    source = node.args[0]
    if isinstance(source, fx.Node) and str(source.target).removeprefix("aten.") in channel_operators.SPLITS:
        return channel_operators.part_of(walk, node, source)
    if node.args[1] != 0:
        raise refusal(node, "output", node.args[1], "use only the first result")
    return walk.passed(node, walk.value(node, node.args[0]))


def limit(walk: Walk, node: fx.Node) -> Value:
    """ReLU and its kin: limits of the node in front, or a node of its own where others need the value without."""
    given = arguments(node)
    name = str(node.target).split(".")[1]
    if name == "relu":
        low, high = 0.0, math.inf
    elif name == "relu6":
        low, high = 0.0, 6.0
    else:
        low, high = (given.get(key) for key in (("min_val", "max_val") if name == "hardtanh" else ("min", "max")))
    low, high = -math.inf if low is None else float(low), math.inf if high is None else float(high)
    x = walk.value(node, node.args[0])
    alone_here = x.sole and read_once(node.args[0])
    builder = x.builder
    # A maximum over windows and a clipping may change places.
    while alone_here and builder is not None and isinstance(builder.operator, MaxPool):
        alone_here, builder = builder.reads_alone, builder.inputs[0]
    if alone_here and builder is not None and not isinstance(builder.operator, Slice):
        builder.limit(low, high, node)
        return Value(x.builder, x.shape, x.flat)
    builder = NodeBuilder(Requantise("", ("",)), (x.builder,), [node], low=low, high=high)
    return walk.made(builder, channels_first(node), flat=x.flat)


def add(walk: Walk, node: fx.Node) -> Value:
    """Sum of two tensors of one shape, or of one value per channel. Raises Refused for a factor and other shapes."""
    first, second = elementwise_operators.two_tensors(walk, node)
    builder = NodeBuilder(Add("", ("", "")), (first.builder, second.builder), [node])
    return walk.made(builder, channels_first(node), flat=first.flat)


def max_pool(walk: Walk, node: fx.Node) -> Value:
    """Max-pool, also with `ceil_mode`. Raises Refused for a dilation."""
    given = arguments(node)
    x = walk.image(node, given["self"])
    kernel = pair_of(given["kernel_size"])
    stride, padding = pair_of(given["stride"] or kernel), pair_of(given["padding"])
    if set(pair_of(given["dilation"])) != {1}:
        raise refusal(node, "dilation", given["dilation"], "use a dilation of 1")
    sides = _sides(node, x, kernel, stride, padding)
    reads_alone = x.sole and read_once(given["self"])
    builder = NodeBuilder(MaxPool("", ("",), kernel, stride, sides), (x.builder,), [node], reads_alone=reads_alone)
    return walk.made(builder, channels_first(node))


def mean(walk: Walk, node: fx.Node) -> Value:
    """The mean over all pixels."""
    given = arguments(node)
    x = walk.image(node, given["self"])
    if given["dim"] is None or sorted(dimension % 4 for dimension in given["dim"]) != [2, 3]:
        raise refusal(node, "dim", given["dim"], "take the mean over height and width, dim = (2, 3)")
    builder = NodeBuilder(GlobalAveragePool("", ("",)), (x.builder,), [node])
    return walk.made(builder, channels_first(node), flat=not given["keepdim"])


def average_pool(walk: Walk, node: fx.Node) -> Value:
    """An average over windows or all pixels, or one that covers one pixel each and thereby does nothing."""
    x = walk.image(node, node.args[0])
    out, given = shape_of(node)[2:], arguments(node)
    adaptive = "output_size" in given
    if adaptive and out == x.shape[1:]:
        return walk.passed(node, x)
    covers = adaptive or (pair_of(given["kernel_size"]) == x.shape[1:] and not any(pair_of(given["padding"])))
    if not adaptive and not covers and not given["divisor_override"]:
        return _window_average(walk, node, x)
    if out != (1, 1) or not covers or given.get("divisor_override"):
        raise refusal(node, "output size", f"{out[0]}x{out[1]}", "average over the whole image: AdaptiveAvgPool2d(1)")
    return walk.made(NodeBuilder(GlobalAveragePool("", ("",)), (x.builder,), [node]), channels_first(node))


def _window_average(walk: Walk, node: fx.Node, x: Value) -> Value:
    given = arguments(node)
    kernel, padding = pair_of(given["kernel_size"]), pair_of(given["padding"])
    stride, sides = (
        pair_of(given["stride"] or kernel),
        _sides(node, x, kernel, pair_of(given["stride"] or kernel), padding),
    )
    counts = bool(given["count_include_pad"]) and any(padding)
    if counts and sides != (*padding, *padding):
        # PyTorch does not count what a window sticks out by, but counts the padding.
        raise refusal(node, "ceil_mode", True, "set count_include_pad=False, or leave padding or ceil_mode out")
    operator = AveragePool("", ("",), kernel, stride, sides, counts)
    return walk.made(NodeBuilder(operator, (x.builder,), [node]), channels_first(node))


def _sides(
    node: fx.Node, x: Value, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Padding of a pool. With ceil_mode a last window may stick out: as much more at the bottom and on the right."""
    out = shape_of(node)[2:]
    rest = [(out[i] - 1) * stride[i] + kernel[i] - x.shape[1 + i] - padding[i] for i in range(2)]
    return (*padding, max(padding[0], rest[0]), max(padding[1], rest[1]))


def passed_on(walk: Walk, node: fx.Node) -> Value:
    """Dropout and copies do nothing."""
    dtype = node.meta["val"].dtype
    if dtype != torch.float32:
        raise refusal(node, "dtype", dtype, "keep tensors float32: quantizing them is this command's work")
    return walk.passed(node, walk.value(node, node.args[0]))


def reshape(walk: Walk, node: fx.Node) -> Value:
    """Flattening, and shapes that differ in dimensions of 1 only."""
    x = walk.value(node, node.args[0])
    out, elements = shape_of(node), math.prod(x.shape)
    if out == (1, *x.shape):
        return walk.passed(node, x, flat=False)
    one_pixel = x.shape[1:] == (1, 1) and out[0] == 1 and max(out) == elements
    if out == (1, elements) or one_pixel:
        return walk.passed(node, x, flat=True)
    raise refusal(node, "shape", list(out), f"flatten to (n, {elements}) only")


Operator = Callable[[Walk, fx.Node], Value]
"""What an operator makes of its inputs. Raises Refused or Unavailable."""

OPERATORS: dict[str, Operator] = {
    "conv2d.default": convolution,
    "conv2d.padding": convolution,
    "linear.default": linear,
    "_native_batch_norm_legit_no_training.default": batch_norm,
    "relu.default": limit,
    "relu6.default": limit,
    "hardtanh.default": limit,
    "clamp.default": limit,
    "clamp_min.default": limit,
    "clamp_max.default": limit,
    "add.Tensor": add,
    "sub.Tensor": elementwise_operators.subtract,
    "mul.Tensor": elementwise_operators.multiply,
    **{f"{name}.default": elementwise_operators.function_of for name in elementwise_operators.FUNCTIONS},
    "cat.default": channel_operators.concat,
    "slice.Tensor": channel_operators.slice_of,
    **dict.fromkeys(channel_operators.SPLITS, channel_operators.split),
    "max_pool2d.default": max_pool,
    "mean.dim": mean,
    "adaptive_avg_pool2d.default": average_pool,
    "avg_pool2d.default": average_pool,
    "dropout.default": passed_on,
    "clone.default": passed_on,
    "alias.default": passed_on,
    "to.dtype": passed_on,
    "_to_copy.default": passed_on,
    "contiguous.default": passed_on,
    "view.default": reshape,
    "_unsafe_view.default": reshape,
    "reshape.default": reshape,
    "flatten.using_ints": reshape,
    "squeeze.default": reshape,
    "squeeze.dim": reshape,
    "squeeze.dims": reshape,
    "unsqueeze.default": reshape,
    "<built-in function getitem>": first_result,
}
"""What is understood, by ATen's name."""

REMEDIES = {
    "softmax": "end the model in front of it: the host does what comes after the logits",
    "_softmax": "end the model in front of it: the host does what comes after the logits",
    "log_softmax": "end the model in front of it: the host does what comes after the logits",
    "_native_batch_norm_legit": "train with running statistics (track_running_stats=True)",
    "pad": "give the padding to the convolution after it",
    "constant_pad_nd": "give the padding to the convolution after it",
    "sub": "let the host prepare the image: the model must begin with a convolution or a pool",
    "div": "let the host prepare the image: the model must begin with a convolution or a pool",
}
"""What would help with operators that are often met, by ATen's name without overload."""
