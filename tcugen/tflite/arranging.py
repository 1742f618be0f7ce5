"""Operators of a .tflite file that only move values."""

import numpy as np

from tcugen.tflite.file import TfliteOperator
from tcugen.tflite.translation import Translation

_PLACES = {2: (0, 1), 4: (0, 2, 3, 1)}
"""By number of dimensions: where the graph has each dimension of the file."""


def reshape(t: Translation, op: TfliteOperator) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: other dimensions, which the output states."""
    name, y = t.integers(op, 0), t.output(op)
    t.check_activation(op, y)
    t.store(op, t.relaid(op, name, t.tensor(op, 0).shape, y.shape))


def concatenation(t: Translation, op: TfliteOperator) -> None:
    """Channels of several tensors one after the other."""
    rank = len(t.output(op).shape)
    reals = [t.real(op, index) for index in range(len(op.inputs))]
    t.finish(op, t.main(op, "Concat", reals, axis=_axis(op, int(op.options.get("Axis", 0)), rank)))


def split(t: Translation, op: TfliteOperator) -> None:
    """Ranges of channels; the axis is input 0."""
    name, x = t.real(op, 1), t.tensor(op, 1)
    axis = t.values(op, 0, "axis").reshape(-1).tolist()
    _cut(t, op, name, _axis(op, int(axis[0]) if axis else 0, len(x.shape)))


def split_v(t: Translation, op: TfliteOperator) -> None:
    """Ranges of channels; the axis is input 2, the sizes are those of the outputs."""
    name, x = t.real(op, 0), t.tensor(op, 0)
    axis = t.values(op, 2, "axis").reshape(-1).tolist()
    _cut(t, op, name, _axis(op, int(axis[0]) if axis else 0, len(x.shape)))


def slice_of(t: Translation, op: TfliteOperator) -> None:
    """A range of every dimension, by begin and size; a size of -1 is all of the rest."""
    x = t.tensor(op, 0)
    begin, size = (t.values(op, i, what).reshape(-1).tolist() for i, what in ((1, "begin"), (2, "size")))
    if not len(begin) == len(size) == len(x.shape):
        raise op.refusal("begin", begin, f"give {len(x.shape)} numbers, one to each dimension")
    ends = [side if n < 0 else b + n for b, n, side in zip(begin, size, x.shape, strict=True)]
    _sliced(t, op, begin, ends, [1] * len(begin))


def strided_slice(t: Translation, op: TfliteOperator) -> None:
    """A range of every dimension, by begin, end and step; masks stand for a begin or end that is left out."""
    x = t.tensor(op, 0)
    for mask in ("EllipsisMask", "NewAxisMask", "ShrinkAxisMask", "Offset"):
        if op.options.get(mask, 0):
            raise op.refusal(mask, op.options[mask], "only ranges of dimensions that stay can be taken")
    begin, end, steps = (
        t.values(op, i, what).reshape(-1).tolist() for i, what in ((1, "begin"), (2, "end"), (3, "strides"))
    )
    if not len(begin) == len(end) == len(steps) == len(x.shape):
        raise op.refusal("begin", begin, f"give {len(x.shape)} numbers, one to each dimension")
    for index, side in enumerate(x.shape):
        if op.options.get("BeginMask", 0) >> index & 1:
            begin[index] = 0
        if op.options.get("EndMask", 0) >> index & 1:
            end[index] = side
    _sliced(t, op, begin, end, steps)


def resize_nearest_neighbor(t: Translation, op: TfliteOperator) -> None:
    """Pixels repeated. At whole factors, the only ones that run, centres and corners of pixels give the same."""
    before, after = t.tensor(op, 0).shape, t.output(op).shape
    if op.options.get("AlignCorners", False):
        raise op.refusal("align_corners", True, "only the nearest neighbour at whole factors runs: use False")
    if len(before) != 4 or len(after) != 4:
        raise op.refusal("input", f"of shape {list(before)}", "use [1, height, width, channels]")
    scales = t.constant([1, 1, after[1] / before[1], after[2] / before[2]], np.float32)
    modes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    t.round(op, t.main(op, "Resize", [t.real(op, 0), "", scales], **modes))


def depth_to_space(t: Translation, op: TfliteOperator) -> None:
    """Channels to pixels: those of a block are apart by the channels of the output."""
    block = int(op.options.get("BlockSize", 1))
    t.round(op, t.main(op, "DepthToSpace", [t.real(op, 0)], blocksize=block, mode="DCR"))


def _axis(op: TfliteOperator, axis: int, rank: int) -> int:
    """Where the graph has dimension `axis` of the file."""
    if rank not in _PLACES or not -rank <= axis < rank:
        raise op.refusal("axis", axis, "only channels can be joined or cut: use the last dimension")
    return _PLACES[rank][axis % rank]


def _cut(t: Translation, op: TfliteOperator, name: str, axis: int) -> None:
    outputs = [t.output(op, index) for index in range(len(op.outputs))]
    places = _PLACES.get(len(outputs[0].shape), ())
    if axis not in places or any(len(y.shape) != len(outputs[0].shape) for y in outputs):
        raise op.refusal("outputs", [list(y.shape) for y in outputs], "use [1, height, width, channels]")
    sizes = [y.shape[places.index(axis)] for y in outputs]
    parts = t.several(op, "Split", [name, t.constant(sizes)], len(outputs), axis=axis)
    for index, part in enumerate(parts):
        t.round(op, part, index)


def _sliced(t: Translation, op: TfliteOperator, begin: list[int], end: list[int], steps: list[int]) -> None:
    axes = [_axis(op, axis, len(begin)) for axis in range(len(begin))]
    inputs = [t.real(op, 0), *(t.constant(values) for values in (begin, end, axes, steps))]
    t.round(op, t.main(op, "Slice", inputs))
