"""Transposed convolutions: a convolution that makes every phase of the stride as channels, which then become pixels."""

from dataclasses import dataclass

import numpy as np

from tcugen.model.problems import Unavailable
from tcugen.network.graph import Shape
from tcugen.network.operators import Conv, DepthToSpace
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.parameters import bias_of, checked_bias, weights_of
from tcugen.onnx.importer.values import Constant, Convolution, Crop, Moved, QuantizedConstant, Real, Unknown
from tcugen.onnx.importer.walk import Review, Walk


@dataclass(frozen=True)
class Axis:
    """Rows or columns of a transposed convolution.

    Attributes:
        side, kernel, stride: Of the input, of its taps, of the output.
        before: Output pixels that the file's padding takes away in front.
        outputs: Of the output.
    """

    side: int
    kernel: int
    stride: int
    before: int
    outputs: int

    @property
    def taps(self) -> list[list[tuple[int, int]]]:
        """For each phase, (tap, distance from output pixel // stride to the input pixel that it multiplies)."""
        found: list[list[tuple[int, int]]] = []
        for phase in range(self.stride):
            offset, first = divmod(phase + self.before, self.stride)
            found.append([(tap, offset - j) for j, tap in enumerate(range(first, self.kernel, self.stride))])
        return found

    @property
    def reach(self) -> tuple[int, int]:
        """The least and the largest of these distances, 0 among them."""
        distances = [0, *(distance for phase in self.taps for _, distance in phase)]
        return min(distances), max(distances)

    @property
    def padding(self) -> tuple[int, int]:
        """Pixels before and after the input, for a window over `reach` at every output pixel // stride."""
        low, high = self.reach
        return -low, max(0, -(-self.outputs // self.stride) + high - self.side)


def conv_transpose(walk: Walk, node: OnnxNode) -> Real:
    """A transposed convolution of a rounded tensor.

    Refused: dilation, unequal strides, an output shape that is stated, weights or bias that do not fit.
    """
    weight = walk.value(node, 1)
    given = walk.values[node.inputs[2]] if node.has_input(2) else None
    if not isinstance(weight, QuantizedConstant | Constant):
        raise node.refusal("weights", "computed at run time", "use constant weights")
    array, scale, recoded = weights_of(node, weight, 1)
    groups = int(node.attributes.get("group", 1))
    _review(node, array)
    scale = np.tile(scale, groups)
    bias = checked_bias(node, given, len(scale), broadcast=False)
    walk.check_planes(node, 0)
    shape = walk.activation(node, 0)[1]
    if array.shape[0] != shape.channels:
        raise node.refusal(
            "weights", list(array.shape), f"they do not fit {shape.channels} input channels: export the model again"
        )
    axes = _axes(node, array, shape)
    x = walk.planes(node, 0)
    if isinstance(bias, Unknown):
        raise Unavailable
    if recoded:
        walk.recoded.append(node.name)
    real, integers = bias_of(node, bias, len(scale), walk.builder.scale(x) * scale)
    stride, mode = axes[0].stride, "DCR" if groups == 1 else "CRD"
    phases = stride**2

    def spread(values: np.ndarray) -> np.ndarray:
        # Place in the block first, or last where the channels of a group must stay together.
        return np.tile(values, phases) if mode == "DCR" else np.repeat(values, phases)

    kernel, padding = [axis.reach[1] - axis.reach[0] + 1 for axis in axes], [axis.padding for axis in axes]
    layer = Conv(
        node.name,
        (x,),
        len(scale) * phases,
        (kernel[0], kernel[1]),
        padding=(padding[0][0], padding[1][0], padding[0][1], padding[1][1]),
        groups=groups,
    )
    made = layer.output_shape([shape])
    whole = _phased_weights(array, groups, axes, mode == "DCR")
    convolution = Convolution(
        node=node,
        layer=layer,
        weight=whole,
        weight_scale=spread(scale),
        bias=spread(real),
        bias_integers=None if integers is None else spread(integers),
        shape=made,
    )
    value = Real(convolution)
    if stride > 1:
        value = value.pooled(Moved(node, DepthToSpace("", ("",), stride, mode)), node)
    rest = made.height * stride - axes[0].outputs, made.width * stride - axes[1].outputs
    return value.pooled(Crop(node, *rest), node) if any(rest) else value


def _review(node: OnnxNode, weight: np.ndarray) -> None:
    attributes, review = node.attributes, Review(node)
    kernel = list(weight.shape[2:])
    review.require(len(kernel) == 2 and weight.size > 0, "weights", f"shape {list(weight.shape)}", "use two dimensions")
    review.require(
        attributes.get("kernel_shape", kernel) == kernel, "kernel_shape", kernel, f"the weights have {kernel}"
    )
    review.fixed("auto_pad", "NOTSET", "give the padding in pads")
    review.require(
        "output_shape" not in attributes, "output_shape", attributes.get("output_shape"), "give pads instead"
    )
    dilations = attributes.get("dilations", [1, 1])
    review.require(set(dilations) == {1}, "dilations", dilations, "use taps that are neighbours")
    strides = attributes.get("strides", [1, 1])
    equal = len(strides) == 2 and strides[0] == strides[1] >= 1
    review.require(equal, "strides", strides, "use one stride for rows and columns")
    pads = attributes.get("pads", [0] * 4)
    review.require(len(pads) == 4 and min(pads) >= 0, "pads", pads, "give [top, left, bottom, right] of at least 0")
    review.done()


def _axes(node: OnnxNode, weight: np.ndarray, shape: Shape) -> tuple[Axis, Axis]:
    strides, more = node.attributes.get("strides", [1, 1]), node.attributes.get("output_padding", [0, 0])
    pads = node.attributes.get("pads", [0] * 4)
    axes: list[Axis] = []
    for axis, side in enumerate((shape.height, shape.width)):
        kernel, stride = int(weight.shape[2 + axis]), int(strides[axis])
        outputs = (side - 1) * stride + kernel + int(more[axis]) - pads[axis] - pads[axis + 2]
        if outputs < 1:
            raise node.refusal("pads", pads, "they leave no pixel: use less")
        axes.append(Axis(side, kernel, stride, int(pads[axis]), outputs))
    return axes[0], axes[1]


def _phased_weights(weight: np.ndarray, groups: int, axes: tuple[Axis, Axis], places_first: bool) -> np.ndarray:
    """int8 [O * phases, I / groups, ky, kx] from [I, O / groups, kernel]; taps that a phase does not have are 0."""
    inputs, outputs = weight.shape[:2]
    by_output = weight.reshape(groups, inputs // groups, outputs, *weight.shape[2:]).transpose(0, 2, 1, 3, 4)
    by_output = by_output.reshape(groups * outputs, inputs // groups, *weight.shape[2:])
    sides = [axis.reach[1] - axis.reach[0] + 1 for axis in axes]
    stride = axes[0].stride
    whole = np.zeros((stride, stride, *by_output.shape[:2], *sides), np.int8)
    for y, rows in enumerate(axes[0].taps):
        for x, columns in enumerate(axes[1].taps):
            for ky, dy in rows:
                for kx, dx in columns:
                    place = dy - axes[0].reach[0], dx - axes[1].reach[0]
                    whole[y, x, :, :, place[0], place[1]] = by_output[:, :, ky, kx]
    whole = whole.reshape(stride**2, *whole.shape[2:])
    return (whole if places_first else whole.transpose(1, 0, 2, 3, 4)).reshape(-1, *whole.shape[2:])
