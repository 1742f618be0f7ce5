"""Operators all of whose inputs are known: computed when the file is read."""

import numpy as np

from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.values import Constant, QuantizedConstant, Value
from tcugen.onnx.importer.walk import Walk

FOLDABLE = frozenset(
    "Add Cast Concat Constant ConstantOfShape Div Expand Flatten Floor Gather Identity Mul Neg Range Reciprocal "
    "Reshape Slice Sqrt Squeeze Sub Transpose Unsqueeze".split()
)
"""Operators whose value on constants is computed by the reference implementation in the package onnx."""


def foldable(walk: Walk, node: OnnxNode) -> bool:
    """Whether `node` is a constant."""
    return node.op in FOLDABLE and all(
        isinstance(walk.values[name], Constant | QuantizedConstant) for name in node.inputs if name
    )


def fold(walk: Walk, node: OnnxNode) -> Value:
    """The constant that `node` makes. Integers with a scale stay such when they are only turned round.

    Raises:
        Refused: If the values do not fit the operator.
    """
    first = walk.values[node.inputs[0]] if node.inputs else None
    if isinstance(first, QuantizedConstant):
        if node.op == "Identity":
            return first
        if node.op == "Transpose":
            return _transposed(node, first)
    inputs = [_array(walk.values[name]) if name else None for name in node.inputs]
    try:
        return Constant(_evaluate(walk.graph.opset, node, inputs))
    except Exception as error:  # The reference implementation raises whatever NumPy does.
        raise node.refusal("constant inputs", type(error).__name__, "they do not fit: export the model again") from None


def _array(value: Value) -> np.ndarray:
    return value.array if isinstance(value, Constant) else value.real().astype(np.float32)


def _transposed(node: OnnxNode, value: QuantizedConstant) -> QuantizedConstant:
    dimensions = value.integers.ndim
    order = list(node.attributes.get("perm", reversed(range(dimensions))))
    return QuantizedConstant(
        np.transpose(value.integers, order), value.scale, value.zero_point, order.index(value.axis)
    )


def _evaluate(opset: int, node: OnnxNode, inputs: list[np.ndarray | None]) -> np.ndarray:
    import onnx
    from onnx.reference import ReferenceEvaluator

    attributes = {
        name: onnx.numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        for name, value in node.attributes.items()
    }
    names = [f"x{index}" if array is not None else "" for index, array in enumerate(inputs)]
    proto = onnx.helper.make_node(node.op, names, ["y"], **attributes)
    known = {name: array for name, array in zip(names, inputs, strict=True) if name}
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in known.items()
    ]
    result = onnx.helper.make_empty_tensor_value_info("y")
    graph = onnx.helper.make_graph([proto], "constant", values, [result])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    return np.asarray(ReferenceEvaluator(model).run(None, known)[0])
