"""Concat, Split and Slice along channels, of tensors that are rounded already and of those that are yet to be."""

import math

from tcugen.model.problems import Problem, Refused
from tcugen.network.graph import Shape
from tcugen.network.operators import Concat
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.values import Concatenation, Image, Layout, Quantized, Real, Stored, Value
from tcugen.onnx.importer.walk import Review, Walk, check_layouts

_CHANNELS_ONLY = "only channels can be joined or cut"


def concat(walk: Walk, node: OnnxNode) -> Value:
    """Channels of several tensors; real ones need not be rounded. Refused: other axes, constants, and int8 tensors that
    stand for different reals."""
    if len(node.inputs) == 1:
        return walk.value(node, 0)
    layout, shape = _joined(walk, node, tuple(range(len(node.inputs))))
    values = [walk.value(node, index) for index in range(len(node.inputs))]
    if any(isinstance(value, Quantized) for value in values):
        return _joined_integers(walk, node, layout, shape)
    operands = tuple(walk.real(node, index) for index in range(len(values)))
    for index, operand in enumerate(operands):
        if isinstance(operand.base, Image):
            walk.tensor(node, index)
    return Real(Concatenation(node, operands, shape), layout=layout)


def qlinear_concat(walk: Walk, node: OnnxNode) -> Quantized:
    """Channels of several int8 tensors, each with its own scale. Refused: other axes, and constants."""
    quantization, unsigned = walk.quantization(node, 0, False)
    indices = tuple(range(2, len(node.inputs), 3))
    layout, shape = _joined(walk, node, indices)
    tensors = [walk.quantized(node, index, stated=index + 1).tensor for index in indices]
    operands = tuple(Real(Stored(tensor), layout=layout) for tensor in tensors)
    return walk.quantise(node, Real(Concatenation(node, operands, shape), layout=layout), quantization, unsigned)


def split(walk: Walk, node: OnnxNode) -> Value:
    """Ranges of channels, one for each output, of a rounded tensor. Refused: other axes."""
    value, shape = walk.activation(node, 0)
    axis = int(node.attributes.get("axis", 0))
    _check_axis(node, axis, value.layout, shape)
    sizes = _split_sizes(walk, node, shape.channels)
    if len(sizes) != len(node.outputs) or sum(sizes) != shape.channels or min(sizes) < 1:
        text = f"give {len(node.outputs)} sizes, one for each output, that add up to {shape.channels} channels"
        raise node.refusal("split", sizes, text)
    ends = [sum(sizes[: index + 1]) for index in range(len(sizes))]
    made = [_cut(walk, node, (end - size, end)) for size, end in zip(sizes, ends, strict=True)]
    walk.values |= dict(zip(node.outputs, made, strict=True))
    return made[0]


def slice_of(walk: Walk, node: OnnxNode) -> Value:
    """A range of channels of a rounded tensor. Refused: ranges of rows or columns, and steps."""
    value, shape = walk.activation(node, 0)
    dimensions = value.layout.dimensions(shape)
    starts, ends, axes, steps = _slice_inputs(walk, node)
    if len({len(starts), len(ends), len(axes), len(steps)}) != 1:
        raise node.refusal("starts", starts, "starts, ends, axes and steps need equally many values")
    review = Review(node)
    review.require(all(step == 1 for step in steps), "steps", steps, "only neighbouring channels can be taken: use 1")
    channels = (0, shape.channels)
    for start, end, axis in zip(starts, ends, axes, strict=True):
        size = dimensions[axis % len(dimensions)]
        low, high = (min(max(bound + size if bound < 0 else bound, 0), size) for bound in (start, end))
        if (low, high) == (0, size):
            continue
        is_channels = axis % len(dimensions) == _channel_axis(node, value.layout, shape)
        review.require(is_channels, "axes", axis, f"{_CHANNELS_ONLY}: let the host cut rows and columns")
        review.require(low < high, "ends", end, f"take at least one of {size} channels")
        channels = (low, high)
    review.done()
    return _cut(walk, node, channels) if channels != (0, shape.channels) else walk.value(node, 0)


def _joined(walk: Walk, node: OnnxNode, indices: tuple[int, ...]) -> tuple[Layout, Shape]:
    """Layout and shape of the inputs `indices` one after the other. Raises Refused if they do not fit."""
    problems: list[Problem] = []
    found: list[tuple[Layout, Shape]] = []
    for index in indices:
        try:
            value, shape = walk.activation(node, index)
            found.append((value.layout, shape))
        except Refused as refused:
            problems += refused.problems
    if problems:
        raise Refused(problems)
    layouts, shapes = [layout for layout, _ in found], [shape for _, shape in found]
    for index, layout in zip(indices[1:], layouts[1:], strict=True):
        check_layouts(node, (indices[0], index), (layouts[0], layout))
    _check_axis(node, node.attributes.get("axis"), layouts[0], shapes[0])
    return layouts[0], Concat(node.name, tuple(node.inputs[index] for index in indices)).output_shape(shapes)


def _joined_integers(walk: Walk, node: OnnxNode, layout: Layout, shape: Shape) -> Quantized:
    """Int8 tensors as they are, which has a meaning if all stand for reals alike."""
    values = [walk.quantized(node, index) for index in range(len(node.inputs))]
    own = walk.builder.quantization(values[0].tensor)
    for index, value in enumerate(values):
        other = walk.builder.quantization(value.tensor)
        if other != own or value.unsigned != values[0].unsigned:
            raise node.refusal(
                f"scale and zero point of {node.inputs[index]!r}",
                f"{other.scale!s}, {other.zero_point}",
                f"those before it have {own.scale!s}, {own.zero_point}: use QLinearConcat or DequantizeLinear",
            )
    operands = tuple(Real(Stored(value.tensor), layout=layout) for value in values)
    real = Real(Concatenation(node, operands, shape), layout=layout)
    return walk.quantise(node, real, own, values[0].unsigned)


def _cut(walk: Walk, node: OnnxNode, channels: tuple[int, int]) -> Quantized | Real:
    """A range of channels of input 0."""
    value = walk.value(node, 0)
    if isinstance(value, Quantized):
        return Quantized(walk.builder.sliced(value.tensor, channels, node), value.unsigned, value.layout)
    tensor, layout = walk.tensor(node, 0)
    return Real(Stored(walk.builder.sliced(tensor, channels, node)), layout=layout)


def _check_axis(node: OnnxNode, axis: int | None, layout: Layout, shape: Shape) -> None:
    """Raises Refused if `axis` is not that of the channels; None where the file does not say."""
    wanted, rank = _channel_axis(node, layout, shape), len(layout.dimensions(shape))
    if axis not in (wanted, wanted - rank):
        raise node.refusal("axis", "missing" if axis is None else axis, f"{_CHANNELS_ONLY}: use axis {wanted}")


def _channel_axis(node: OnnxNode, layout: Layout, shape: Shape) -> int:
    """The dimension that channels have in the file. Raises Refused if they share it with rows and columns."""
    if not layout.flat:
        return 3 if layout.channels_last else 1
    if (shape.height, shape.width) != (1, 1):
        pixels = f"flattened {shape.channels}x{shape.height}x{shape.width}"
        raise node.refusal("input", pixels, f"{_CHANNELS_ONLY}: put it in front of Flatten")
    return 1


def _split_sizes(walk: Walk, node: OnnxNode, channels: int) -> list[int]:
    given = walk.constant(node, 1, "split")
    if given is not None:
        return [int(size) for size in given.reshape(-1)]
    if "split" in node.attributes:
        return [int(size) for size in node.attributes["split"]]
    count = len(node.outputs)
    if "num_outputs" not in node.attributes:
        return [channels // count] * count
    # The last part is the smaller one.
    size = math.ceil(channels / count)
    return [min(size, channels - index * size) for index in range(count)]


def _slice_inputs(walk: Walk, node: OnnxNode) -> tuple[list[int], list[int], list[int], list[int]]:
    """starts, ends, axes and steps; before opset 10 the first three were attributes."""
    given: dict[str, list[int]] = {}
    for index, what in enumerate(("starts", "ends", "axes", "steps"), 1):
        array = walk.constant(node, index, what)
        values = node.attributes.get(what) if array is None else array.reshape(-1).tolist()
        if values is not None:
            given[what] = [int(value) for value in values]
    starts = given.get("starts", [])
    count = len(starts)
    return starts, given.get("ends", []), given.get("axes", list(range(count))), given.get("steps", [1] * count)
