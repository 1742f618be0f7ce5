"""How many elements an operator on constants makes: known before they are made, as a few bytes of a file can ask for
any number of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

FREE_ELEMENTS = 1 << 20
"""A result of so many is made whatever there is already."""

MOST_ELEMENTS = 1 << 24
MOST_TIMES = 4
"""Constants may have MOST_ELEMENTS together, or as many times the elements that are in the file."""

_SHAPE_ELEMENTS = 64
"""An input of so many may be a shape, on which the size of the result depends."""


def result_elements(model: onnx.ModelProto, inputs: Mapping[str, np.ndarray]) -> int:
    """Elements of the result of a model of one node, as ONNX infers its shape; 0 if that is not known.

    Args:
        model: Its inputs are arrays of `inputs`.
        inputs: By name.
    """
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    small = {name: array for name, array in inputs.items() if array.size <= _SHAPE_ELEMENTS}
    copy.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in small.items())
    try:
        inferred = onnx.shape_inference.infer_shapes(copy)
    except Exception:  # Whatever it stumbles over, the reference implementation will too.
        return 0
    kind = inferred.graph.output[0].type.tensor_type
    sides = [side.dim_value for side in kind.shape.dim]
    return math.prod(sides) if kind.HasField("shape") else 0


def too_many(elements: int, there: Iterable[np.ndarray], in_file: Iterable[np.ndarray]) -> bool:
    """Whether a result of `elements` is more than a file may ask for.

    Args:
        elements: Of the result.
        there: All constants that there are already.
        in_file: Those that are in the file.
    """
    if elements <= FREE_ELEMENTS:
        return False
    held, most = sum(array.size for array in there), MOST_TIMES * sum(array.size for array in in_file)
    return held + elements > max(MOST_ELEMENTS, most)
