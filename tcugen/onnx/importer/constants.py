"""Operators all of whose inputs are known: computed when the file is read."""

from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from tcugen.onnx.importer.folded_size import result_elements, too_many
from tcugen.onnx.importer.onnx_file import OnnxGraph, OnnxNode
from tcugen.onnx.importer.values import Constant, Known, QuantizedConstant
from tcugen.onnx.importer.walk import Walk
from tcugen.onnx.untyped import evaluate

FOLDABLE = frozenset(
    "Abs Add And Cast Ceil Clip Concat Constant ConstantOfShape Div Equal Exp Expand Flatten Floor Gather Greater "
    "Identity Less Log Max Min Mul Neg Not Or Pad Pow Range Reciprocal ReduceMax ReduceMean ReduceMin ReduceSum Relu "
    "Reshape Round Shape Sign Size Slice Sqrt Squeeze Sub Sum Tile Transpose Trilu Unsqueeze Where".split()
)
"""Operators whose value on constants is computed by the reference implementation in the package onnx."""


_MOVES = frozenset(("Flatten", "Reshape", "Slice", "Squeeze", "Unsqueeze"))
"""Operators that move elements and change none."""


def known_inputs(walk: Walk, node: OnnxNode) -> list[Known | None] | None:
    """The inputs of a node that is a constant, None for one that is left out; None for any other node."""
    values = [walk.values[name] if name else None for name in node.inputs]
    known = [value for value in values if value is None or isinstance(value, Constant | QuantizedConstant)]
    return known if node.op in FOLDABLE and len(known) == len(values) else None


def fold(walk: Walk, node: OnnxNode, inputs: list[Known | None]) -> Known:
    """The constant that `node` makes. Integers with a scale stay such when they are only turned round.

    Raises:
        Refused: If the values do not fit the operator.
    """
    first = inputs[0] if inputs else None
    if isinstance(first, QuantizedConstant):
        if node.op == "Identity":
            return first
        if node.op == "Transpose":
            return _transposed(node, first)
        if node.op in _MOVES and first.scale.ndim == first.zero_point.ndim == 0:
            moved = fold(walk, node, [Constant(first.integers), *inputs[1:]])
            return QuantizedConstant(_array(moved), first.scale, first.zero_point)
    arrays = [None if value is None else _array(value) for value in inputs]
    held = (_held(value) for value in walk.values.values() if isinstance(value, Constant | QuantizedConstant))
    try:
        return Constant(evaluate_node(walk.graph, node, arrays, held))
    except TooLarge as error:
        raise node.refusal("result", str(error), "no network needs so many: export the model again") from None
    except Exception as error:  # The reference implementation raises whatever NumPy does.
        raise node.refusal("constant inputs", type(error).__name__, "they do not fit: export the model again") from None


def _held(value: Known) -> np.ndarray:
    return value.array if isinstance(value, Constant) else value.integers


def _array(value: Known) -> np.ndarray:
    return value.array if isinstance(value, Constant) else value.real().astype(np.float32)


def _transposed(node: OnnxNode, value: QuantizedConstant) -> QuantizedConstant:
    dimensions = value.integers.ndim
    order = list(node.attributes.get("perm", reversed(range(dimensions))))
    return QuantizedConstant(
        np.transpose(value.integers, order), value.scale, value.zero_point, order.index(value.axis)
    )


class TooLarge(Exception):
    """The result would have more elements than a file may ask for; says how many."""


def evaluate_node(
    graph: OnnxGraph, node: OnnxNode, inputs: list[np.ndarray | None], held: Iterable[np.ndarray]
) -> np.ndarray:
    """What a node of a file makes of constants, None for an input that is left out.

    `held` are all constants that there are already.

    Raises:
        TooLarge: See there.
        Exception: Whatever NumPy raises.
    """
    import onnx

    attributes: dict[str, Any] = {
        name: onnx.numpy_helper.from_array(cast(np.ndarray, value)) if isinstance(value, np.ndarray) else value
        for name, value in node.attributes.items()
    }
    names = [f"x{index}" if array is not None else "" for index, array in enumerate(inputs)]
    proto = onnx.helper.make_node(node.op, names, ["y"], **attributes)
    known = {name: array for name, array in zip(names, inputs, strict=True) if array is not None}
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in known.items()
    ]
    result = onnx.helper.make_empty_tensor_value_info("y")
    alone = onnx.helper.make_graph([proto], "constant", values, [result])
    model = onnx.helper.make_model(alone, opset_imports=[onnx.helper.make_opsetid("", graph.opset)])
    elements = result_elements(model, known)
    if too_many(elements, held, graph.constants.values()):
        raise TooLarge(f"{elements:,} elements")
    return evaluate(model, known)[0]
