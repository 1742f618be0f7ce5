"""Operators that move values, or only say what shape they have."""

import math

import numpy as np
import torch
from torch import fx

from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.quantize.from_onnx.reader import Reader
from tcugen.quantize.from_onnx.writer import shape_of

aten = torch.ops.aten
_WHOLE = "only the nearest neighbour at whole factors runs on the hardware"


def concat(reader: Reader, node: OnnxNode) -> fx.Node:
    """Concat of tensors."""
    tensors = [reader.tensor(node, index) for index in range(len(node.inputs))]
    return reader.writer.call(node, aten.cat.default, tensors, int(node.attributes.get("axis", 1)))


def split(reader: Reader, node: OnnxNode) -> tuple[fx.Node, ...]:
    """Split into parts that are slices each."""
    x, axis = reader.tensor(node, 0), int(node.attributes.get("axis", 0))
    side = shape_of(x)[axis]
    sizes = node.attributes.get("split")
    if sizes is None and node.has_input(1):
        sizes = reader.parameter(node, 1, "split").reshape(-1).tolist()
    if sizes is None:
        each = -(-side // len(node.outputs))
        sizes = [min(each, side - start) for start in range(0, side, each)]
    ends = np.cumsum(sizes).tolist()
    return tuple(
        reader.writer.call(node, aten.slice.Tensor, x, axis, end - size, end, 1)
        for size, end in zip(sizes, ends, strict=True)
    )


def slice_of(reader: Reader, node: OnnxNode) -> fx.Node:
    """Slice, dimension after dimension."""
    x = reader.tensor(node, 0)
    if "starts" in node.attributes:
        starts, ends = node.attributes["starts"], node.attributes["ends"]
        axes, steps = node.attributes.get("axes"), None
    else:
        starts, ends = (reader.parameter(node, i, name).tolist() for i, name in ((1, "starts"), (2, "ends")))
        axes, steps = reader.constant(node, 3, "axes"), reader.constant(node, 4, "steps")
    axes = range(len(starts)) if axes is None else [int(axis) for axis in axes]
    steps = [1] * len(starts) if steps is None else steps.tolist()
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if step < 1:
            raise node.refusal("steps", step, "take neighbouring channels")
        x = reader.writer.call(node, aten.slice.Tensor, x, axis, start, end, step)
    return x


def flatten(reader: Reader, node: OnnxNode) -> fx.Node:
    """Flatten to two dimensions."""
    x, axis = reader.tensor(node, 0), int(node.attributes.get("axis", 1))
    shape = shape_of(x)
    axis = axis % len(shape) if axis < 0 else axis
    return reader.writer.view(node, x, (math.prod(shape[:axis]), math.prod(shape[axis:])))


def reshape(reader: Reader, node: OnnxNode) -> fx.Node:
    """Reshape to a constant shape."""
    x = reader.tensor(node, 0)
    shape, elements = shape_of(x), math.prod(shape_of(x))
    given = node.attributes.get("shape")
    wanted = [int(side) for side in (reader.parameter(node, 1, "shape").reshape(-1) if given is None else given)]
    if not node.attributes.get("allowzero", 0):
        wanted = [shape[i] if side == 0 and i < len(shape) else side for i, side in enumerate(wanted)]
    if wanted.count(-1) == 1:
        rest = -math.prod(wanted)
        wanted = [elements // rest if side == -1 and rest else side for side in wanted]
    if math.prod(wanted) != elements or min(wanted, default=1) < 0:
        raise node.refusal("shape", wanted, f"it must have the {elements} elements of {list(shape)}")
    return reader.writer.view(node, x, wanted)


def squeeze(reader: Reader, node: OnnxNode) -> fx.Node:
    """Squeeze: dimensions of 1 are left out."""
    x = reader.tensor(node, 0)
    shape, axes = shape_of(x), _axes(reader, node)
    left = [i for i, side in enumerate(shape) if side == 1] if axes is None else [axis % len(shape) for axis in axes]
    return reader.writer.view(node, x, [side for i, side in enumerate(shape) if i not in left])


def unsqueeze(reader: Reader, node: OnnxNode) -> fx.Node:
    """Unsqueeze: dimensions of 1 come in."""
    x = reader.tensor(node, 0)
    shape, axes = list(shape_of(x)), _axes(reader, node) or []
    dimensions = len(shape) + len(axes)
    for axis in sorted(axis % dimensions for axis in axes):
        shape.insert(axis, 1)
    return reader.writer.view(node, x, shape)


def transpose(reader: Reader, node: OnnxNode) -> fx.Node:
    """Transpose."""
    x = reader.tensor(node, 0)
    order = node.attributes.get("perm", list(reversed(range(len(shape_of(x))))))
    return reader.writer.permute(node, x, order)


def identity(reader: Reader, node: OnnxNode) -> fx.Node:
    """Identity, and Dropout as it is when nothing is trained."""
    return reader.tensor(node, 0)


def cast(reader: Reader, node: OnnxNode) -> fx.Node:
    """Cast of real numbers to real numbers."""
    if node.attributes.get("to") not in (1, 11):
        raise node.refusal(
            "to", node.attributes.get("to"), "keep tensors float32: quantizing them is this command's work"
        )
    return reader.tensor(node, 0)


def resize(reader: Reader, node: OnnxNode) -> fx.Node:
    """Resize and Upsample. Refused: other than the nearest neighbour at whole factors."""
    mode, x = node.attributes.get("mode", "nearest"), reader.tensor(node, 0)
    if mode != "nearest":
        raise node.refusal("mode", mode, _WHOLE)
    shape = shape_of(x)
    factors = _factors(reader, node, shape)
    whole = [round(factor) for factor in factors]
    if len(shape) != 4 or whole != factors or whole[:2] != [1, 1]:
        raise node.refusal("scales", factors, f"{_WHOLE}: use [1, 1, y, x]")
    if node.attributes.get("coordinate_transformation_mode", "half_pixel") == "align_corners":
        raise node.refusal("coordinates", "align_corners", f"{_WHOLE}: use coordinates asymmetric")
    size = [shape[2] * whole[2], shape[3] * whole[3]]
    return reader.writer.call(node, aten.upsample_nearest2d.vec, x, size, None)


def _factors(reader: Reader, node: OnnxNode, shape: tuple[int, ...]) -> list[float]:
    if "scales" in node.attributes:
        return [float(scale) for scale in node.attributes["scales"]]
    old = node.op == "Upsample" or reader.graph.opset < 11
    scales = reader.constant(node, 1 if old else 2, "scales")
    if scales is not None and scales.size:
        return [float(scale) for scale in scales.reshape(-1)]
    sizes = reader.parameter(node, 3, "sizes").reshape(-1)
    return [float(size) / side for size, side in zip(sizes, shape, strict=False)]


def depth_to_space(reader: Reader, node: OnnxNode) -> fx.Node:
    """DepthToSpace; the mode DCR is that of ATen after a shuffle of channels."""
    x, block = reader.tensor(node, 0), int(node.attributes.get("blocksize", 1))
    if node.attributes.get("mode", "DCR") == "DCR":
        x = reader.writer.call(node, aten.channel_shuffle.default, x, block**2)
    return reader.writer.call(node, aten.pixel_shuffle.default, x, block)


def _axes(reader: Reader, node: OnnxNode) -> list[int] | None:
    if "axes" in node.attributes:
        return list(node.attributes["axes"])
    axes = reader.constant(node, 1, "axes")
    return None if axes is None else [int(axis) for axis in axes.reshape(-1)]
