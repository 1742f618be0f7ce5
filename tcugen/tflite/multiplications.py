"""How many multiplications the operators of a .tflite file do, those on the hardware and others."""

import math
from typing import Literal, assert_never

from tcugen.tflite.file import TfliteModel

_Place = Literal["output", "input", "rows"]

_PLACES: dict[str, _Place] = {
    "CONV_2D": "output",
    "DEPTHWISE_CONV_2D": "output",
    "TRANSPOSE_CONV": "input",
    "FULLY_CONNECTED": "rows",
}
"""Operators with weights in input 1: of what every weight is used once for each pixel, or row."""


def multiplications(model: TfliteModel) -> dict[str, int]:
    """Products of values and weights by name of operator, of one image; operators that have none are not in it."""
    counts: dict[str, int] = {}
    for operator in model.operators:
        if operator.op not in _PLACES or not operator.has_input(1):
            continue
        weights, after = model.tensors[operator.inputs[1]].shape, model.tensors[operator.outputs[0]].shape
        place = _PLACES[operator.op]
        match place:
            case "output":
                places = math.prod(after[1:3])
            case "input":
                places = math.prod(model.tensors[operator.inputs[2]].shape[1:3]) if operator.has_input(2) else 0
            case "rows":
                places = math.prod(after) // weights[0] if weights else 0
            case _:
                assert_never(place)
        counts[operator.name] = math.prod(weights) * places
    return counts
