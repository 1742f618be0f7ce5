"""Operators that only move values: to more pixels, from channels to pixels, to other channels."""

import numpy as np

from tcugen.model.problems import Unavailable
from tcugen.network.fields import MAX_KERNEL
from tcugen.network.operators import ChannelShuffle, DepthToSpace, Moving, Resize
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.values import (
    Arrangement,
    Grouped,
    Image,
    Moved,
    Quantized,
    Real,
    Stored,
    Unknown,
    Value,
)
from tcugen.onnx.importer.walk import Walk

_WHOLE = "only the nearest neighbour at whole factors runs on the hardware"


def resize(walk: Walk, node: OnnxNode) -> Value:
    """Pixels repeated. Refused: other than whole factors, interpolation, and rounding to other neighbours."""
    mode = node.attributes.get("mode", "nearest")
    if mode != "nearest":
        raise node.refusal("mode", mode, _WHOLE)
    walk.check_planes(node, 0)
    _, shape = walk.activation(node, 0)
    before = [1, shape.channels, shape.height, shape.width]
    if node.op == "Resize" and walk.graph.opset >= 11:
        asked = _sizes(walk, node, before)
        coordinates = node.attributes.get("coordinate_transformation_mode", "half_pixel")
        nearest = node.attributes.get("nearest_mode", "round_prefer_floor")
    else:
        given = node.attributes.get("scales")
        asked = [float(s) for s in (walk.parameter(node, 1, "scales").reshape(-1) if given is None else given)]
        coordinates, nearest = "asymmetric", "floor"
    factors = [int(factor) for factor in asked]
    whole = len(factors) == 4 and factors == asked and factors[:2] == [1, 1] and min(factors) >= 1
    if not whole or max(factors) > MAX_KERNEL:
        raise node.refusal("scales", asked, f"{_WHOLE}: use [1, 1, y, x]")
    for side, factor in zip(before[2:], factors[2:], strict=True):
        if not _repeats(side, factor, coordinates, nearest):
            how = f"{coordinates}, {nearest}"
            raise node.refusal("coordinates", how, f"{_WHOLE}: use coordinates asymmetric and nearest_mode floor")
    return moved(walk, node, Resize("", ("",), (factors[2], factors[3])))


def depth_to_space(walk: Walk, node: OnnxNode) -> Value:
    """Channels to pixels."""
    mode, block = node.attributes.get("mode", "DCR"), int(node.attributes.get("blocksize", 1))
    if mode not in ("DCR", "CRD"):
        raise node.refusal("mode", mode, "use DCR or CRD")
    return moved(walk, node, DepthToSpace("", ("",), block, "CRD" if mode == "CRD" else "DCR"))


def moved(walk: Walk, node: OnnxNode, operator: Moving) -> Value:
    """Input 0 as `operator` moves it."""
    walk.check_planes(node, 0)
    value, shape = walk.activation(node, 0)
    operator.output_shape([shape])
    return arranged(walk, node, value, Moved(node, operator))


def arranged(walk: Walk, node: OnnxNode, value: Real | Quantized | Unknown, how: Arrangement) -> Real | Quantized:
    """A tensor in another arrangement, real or on integers. Refused: the image before it is rounded."""
    if isinstance(value, Unknown):
        raise Unavailable
    if isinstance(value, Quantized):
        own = walk.builder.quantization(value.tensor)
        tensor = walk.builder.quantise(Real(Stored(value.tensor), pools=(how,)), own, node)
        return Quantized(tensor, value.unsigned, value.layout)
    if isinstance(value.base, Image):
        raise node.refusal("input", "the image, not quantized", "put QuantizeLinear at the input")
    return value.pooled(how, node)


def grouped(walk: Walk, node: OnnxNode, wanted: list[int]) -> Grouped | None:
    """Input 0 with its channels in two dimensions, if that is what a Reshape to `wanted` does."""
    value, shape = walk.activation(node, 0)
    sides = [shape.height, shape.width]
    if isinstance(value, Unknown) or len(wanted) != 5 or wanted[0] != 1 or wanted[3:] != sides:
        return None
    walk.check_planes(node, 0)
    return Grouped(value, wanted[1]) if wanted[1] * wanted[2] == shape.channels else None


def swapped(node: OnnxNode, value: Grouped) -> Grouped:
    """The two dimensions of channels in the other order. Refused: any other order."""
    order = list(node.attributes.get("perm", []))
    if order != [0, 2, 1, 3, 4] or value.swapped:
        raise node.refusal("perm", order, "of channels in groups, only [0, 2, 1, 3, 4] runs, once: a channel shuffle")
    return Grouped(value.value, value.groups, swapped=True)


def joined(walk: Walk, node: OnnxNode, value: Grouped) -> Value:
    """Channels in one dimension again: shuffled, if they were swapped."""
    before = walk.values[node.inputs[0]]
    walk.values[node.inputs[0]] = value.value
    try:
        _, shape = walk.activation(node, 0)
        wanted = walk.parameter(node, 1, "shape").reshape(-1).tolist()
        sides = [1, shape.channels, shape.height, shape.width]
        fits = len(wanted) == 4 and all(size in (side, -1) for size, side in zip(wanted[1:], sides[1:], strict=True))
        if not fits or wanted[0] not in (1, 0, -1):
            raise node.refusal("shape", wanted, f"of channels in groups, only a Reshape to {sides} runs")
        return moved(walk, node, ChannelShuffle("", ("",), value.groups)) if value.swapped else value.value
    finally:
        walk.values[node.inputs[0]] = before


def _sizes(walk: Walk, node: OnnxNode, before: list[int]) -> list[float]:
    """Factors of the dimensions, from the scales or from the sizes asked for."""
    axes: list[int] = list(node.attributes.get("axes", range(4)))
    scales = walk.constant(node, 2, "scales")
    if scales is not None and scales.size:
        given = [float(scale) for scale in scales.reshape(-1)]
    else:
        sizes = walk.parameter(node, 3, "sizes").reshape(-1)
        given = [int(size) / before[axis] for size, axis in zip(sizes, axes, strict=False)]
    if len(given) != len(axes):
        return given
    factors = [1.0] * 4
    for axis, factor in zip(axes, given, strict=True):
        factors[axis] = factor
    return factors


def _repeats(side: int, factor: int, coordinates: str, nearest: str) -> bool:
    """Whether every pixel comes `factor` times, one after the other."""
    outputs = np.arange(side * factor)
    match coordinates:
        case "asymmetric":
            places = outputs / factor
        case "half_pixel" | "half_pixel_symmetric":
            places = (outputs + 0.5) / factor - 0.5
        case "pytorch_half_pixel":
            places = (outputs + 0.5) / factor - 0.5 if len(outputs) > 1 else outputs * 0.0
        case "tf_half_pixel_for_nn":
            places = (outputs + 0.5) / factor
        case _:
            return factor == 1
    match nearest:
        case "round_prefer_floor":
            found = np.ceil(places - 0.5)
        case "round_prefer_ceil":
            found = np.floor(places + 0.5)
        case "floor":
            found = np.floor(places)
        case _:
            found = np.ceil(places)
    return bool(np.array_equal(np.clip(found, 0, side - 1), outputs // factor))
