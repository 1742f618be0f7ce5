"""What each operator of an exported module becomes."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import fx

from tcugen.network.operators import Conv, Linear, MaxPool, Requantise, Slice
from tcugen.quantize import affine, channel_operators, elementwise_operators, moving_operators, window_operators
from tcugen.quantize.arguments import arguments, channels_first, pair_of, shape_of
from tcugen.quantize.float_network import Parameters
from tcugen.quantize.node_builder import NodeBuilder, Value
from tcugen.quantize.walk import Walk, read_once, refusal


def convolution(walk: Walk, node: fx.Node) -> Value:
    """conv2d with numbers or words for padding."""
    given = arguments(node)
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
    x, sides = window_operators.convolution_padding(walk, node, given["input"], sides)
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


def passed_on(walk: Walk, node: fx.Node) -> Value:
    """Dropout and copies do nothing."""
    dtype = node.meta["val"].dtype
    if dtype != torch.float32:
        raise refusal(node, "dtype", dtype, "keep tensors float32: quantizing them is this command's work")
    return walk.passed(node, walk.pending(node, node.args[0]))


def reshape(walk: Walk, node: fx.Node) -> Value:
    """Flattening, and shapes that differ in dimensions of 1 only."""
    shuffled = moving_operators.regrouped(walk, node)
    if shuffled is not None:
        return shuffled
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
    "_native_batch_norm_legit_no_training.default": affine.batch_norm,
    "relu.default": limit,
    "relu6.default": limit,
    "hardtanh.default": limit,
    "clamp.default": limit,
    "clamp_min.default": limit,
    "clamp_max.default": limit,
    "add.Tensor": elementwise_operators.add,
    "sub.Tensor": elementwise_operators.subtract,
    "mul.Tensor": elementwise_operators.multiply,
    "rsub.Scalar": elementwise_operators.subtract,
    "div.Tensor": affine.divide,
    **{f"{name}.default": elementwise_operators.function_of for name in elementwise_operators.FUNCTIONS},
    "cat.default": channel_operators.concat,
    "slice.Tensor": channel_operators.slice_of,
    **dict.fromkeys(channel_operators.SPLITS, channel_operators.split),
    "pad.default": window_operators.pad,
    "constant_pad_nd.default": window_operators.pad,
    "max_pool2d.default": window_operators.max_pool,
    "mean.dim": window_operators.mean,
    "adaptive_avg_pool2d.default": window_operators.average_pool,
    "avg_pool2d.default": window_operators.average_pool,
    "upsample_nearest2d.vec": moving_operators.resize,
    "pixel_shuffle.default": moving_operators.pixel_shuffle,
    "channel_shuffle.default": moving_operators.channel_shuffle,
    "transpose.int": moving_operators.transpose,
    "permute.default": moving_operators.transpose,
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
}
"""What would help with operators that are often met, by ATen's name without overload."""
