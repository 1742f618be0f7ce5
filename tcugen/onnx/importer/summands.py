"""Sums of two tensors of which one is what a convolution makes, not rounded before the sum."""

from tcugen.model.problems import Unavailable
from tcugen.network.operators import Add
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.rectified import is_convolution
from tcugen.onnx.importer.values import Addition, Convolution, Real, Unknown
from tcugen.onnx.importer.walk import Walk, check_layouts


def unrounded_operand(walk: Walk, node: OnnxNode) -> int | None:
    """Which operand of an Add, Sum or Sub may stay unrounded; None if neither.

    It is what a convolution or fully connected layer makes, as it is, with all pixels of the sum. What Sub subtracts is
    rounded.
    """
    operands = (0,) if node.op == "Sub" else (0, 1)
    return next((index for index in operands if _may_stay(walk, node, index)), None)


def unrounded_sum(walk: Walk, node: OnnxNode, index: int) -> Real:
    """The sum of input `index`, which stays as it is, and the other one, which was rounded.

    Raises:
        Refused, NetworkError: If that one was not rounded, or they do not fit together.
        Unavailable: If one is downstream of a refused node.
    """
    tensor, _ = walk.tensor(node, 1 - index)
    inputs = [walk.activation(node, operand) for operand in range(2)]
    check_layouts(node, (0, 1), (inputs[0][0].layout, inputs[1][0].layout))
    shape = Add(node.name, (node.inputs[0], node.inputs[1])).output_shape([shape for _, shape in inputs])
    value = inputs[index][0]
    if isinstance(value, Unknown):
        raise Unavailable
    assert isinstance(value, Real) and isinstance(value.base, Convolution), "`_may_stay` has said so"
    if node.op == "Sub":
        tensor = walk.builder.negated(tensor, node)
    operands = (value.base, tensor) if index == 0 else (tensor, value.base)
    return Real(Addition(node, operands, shape), layout=value.layout)


def _may_stay(walk: Walk, node: OnnxNode, index: int) -> bool:
    if not is_convolution(walk, node, index):
        return False
    value = walk.values[node.inputs[index]]
    if isinstance(value, Real) and isinstance(value.base, Convolution) and value.base.steps:
        # What only scales and moves int8 values has no integers of its own until it is rounded.
        return False
    own, other = (_pixels(walk, node, operand) for operand in (index, 1 - index))
    return own is None or other is None or own >= other


def _pixels(walk: Walk, node: OnnxNode, index: int) -> int | None:
    """Pixels of an operand; None if they are not known."""
    try:
        shape = walk.activation(node, index)[1]
    except Unavailable:
        return None
    return shape.height * shape.width
