"""Shapes as ONNX's own inference finds them, for tensors downstream of operators that are not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcugen.onnx.importer.value_sizes import most_values

if TYPE_CHECKING:
    import onnx

_STANDARD_FORMS = {
    "QuantizeLinear": ("Identity", (0,)),
    "DequantizeLinear": ("Identity", (0,)),
    "QLinearConv": ("Conv", (0, 3)),
    "QLinearMatMul": ("MatMul", (0, 3)),
    "QGemm": ("Gemm", (0, 3)),
    "QLinearAdd": ("Add", (0, 3)),
    "QLinearMul": ("Mul", (0, 3)),
    "QLinearAveragePool": ("AveragePool", (0,)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QLinearLeakyRelu": ("Identity", (0,)),
    "QLinearSigmoid": ("Identity", (0,)),
    "QLinearSoftmax": ("Identity", (0,)),
    "QLinearConcat": ("Concat", None),
    "Gelu": ("Identity", (0,)),
    "FusedConv": ("Conv", (0, 1)),
    "FusedGemm": ("Gemm", (0, 1)),
}
"""A standard operator whose result has the same shape, and the inputs it takes; None for every third from the third."""

_SHAPE_ATTRIBUTES = {
    "Identity": (),
    "Conv": ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"),
    "MatMul": (),
    "Gemm": ("transA", "transB"),
    "Add": (),
    "Mul": (),
    "AveragePool": ("auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides"),
    "GlobalAveragePool": (),
    "Concat": ("axis",),
}


MOST_VALUES = 4096
"""Of one tensor, that inference may look into to find the shapes that they stand for."""


def inferred_shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Shapes by tensor, with a batch of 1; those only that are known. Empty if the inference fails."""
    import onnx

    carried = most_values(model.graph) <= MOST_VALUES
    try:
        model = onnx.shape_inference.infer_shapes(_in_standard_operators(model), data_prop=carried)
    except Exception:  # Whatever it stumbles over, the shapes are then unknown.
        return {}
    shapes: dict[str, tuple[int, ...]] = {}
    for value in model.graph.value_info:
        dimensions = [d.dim_value if d.HasField("dim_value") else 0 for d in value.type.tensor_type.shape.dim]
        if dimensions and all(size > 0 for size in dimensions[1:]):
            shapes[value.name] = (1, *dimensions[1:])
    return shapes


def _in_standard_operators(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that inference can look through: operators on integers, of whatever domain, as what they stand for."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for node in copy.graph.node:
        if node.op_type not in _STANDARD_FORMS or (node.domain in ("", "ai.onnx") and node.op_type == "Gelu"):
            continue
        op, kept = _STANDARD_FORMS[node.op_type]
        inputs = list(node.input[2::3]) if kept is None else [node.input[index] for index in kept]
        attributes = [attribute for attribute in node.attribute if attribute.name in _SHAPE_ATTRIBUTES[op]]
        if op == "Concat" and not attributes:
            # The attribute must be there, but joining channels is what all such nodes do.
            attributes = [onnx.helper.make_attribute("axis", 1)]
        twin = onnx.NodeProto(op_type=op, name=node.name, input=inputs, output=node.output[:1], attribute=attributes)
        node.CopyFrom(twin)
    return copy
