"""A factor and a term per channel: BatchNormalization, and Add, Sub, Mul, Div of a constant.

After a convolution that is not rounded yet they become part of it. A tensor that is rounded already gets a convolution
of its own, 1x1 with one channel per group.
"""

from dataclasses import replace

import numpy as np

from tcugen.model.problems import Refused
from tcugen.network.graph import Shape
from tcugen.network.operators import Conv
from tcugen.onnx.importer.affine import integers_of
from tcugen.onnx.importer.elementwise import joint_curve, joint_real
from tcugen.onnx.importer.layout_operators import EXPORT_FOR_INFERENCE
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.parameters import checked_bias
from tcugen.onnx.importer.values import Constant, Convolution, Layout, Quantized, QuantizedConstant, Real, Step
from tcugen.onnx.importer.walk import Walk


def with_constant(walk: Walk, node: OnnxNode, constant: int) -> Real:
    """A real tensor and one value per channel, or one for all, in Add, Sub, Mul or Div; input `constant` holds them.

    One value for all and a function of one tensor are a table where they cannot be a convolution.

    Raises:
        Refused: If the constant has another shape, is divided by the tensor or is a divisor of zero, or if the tensor
            is neither a convolution's nor rounded nor a function of one that is.
    """
    try:
        real = _with_constant(walk, node, constant)
    except Refused as refused:
        try:
            table = joint_real(walk, node)
        except Refused:
            table = None  # what is in the way of a convolution says more
        if table is None:
            raise refused from None
        return table
    curve = joint_curve(walk, node)
    return replace(real, curve=None if curve is None else curve[0])


def _with_constant(walk: Walk, node: OnnxNode, constant: int) -> Real:
    if node.op == "Div" and constant == 0:
        raise node.refusal("input 0", "a constant", "the hardware does not divide by a tensor: let the host do it")
    walk.check_rounded(node, 1 - constant, joins=True)
    array = walk.parameter(node, constant, "constant").astype(np.float64)
    other, shape = walk.activation(node, 1 - constant)
    values = _one_per_channel(node, array, shape, other.layout)
    if node.op == "Div" and not values.all():
        raise node.refusal("constant", 0.0, "nothing can be divided by it: export the trained model again")
    zeros, ones = np.zeros(len(values)), np.ones(len(values))
    match node.op:
        case "Mul":
            return _applied(walk, node, 1 - constant, values, zeros, (Step("Mul", values),))
        case "Div":
            return _applied(walk, node, 1 - constant, 1 / values, zeros, (Step("Div", values),))
        case "Sub" if constant == 0:
            return _applied(walk, node, 1, -ones, values, (Step("Sub from", values),))
        case "Sub":
            return _applied(walk, node, 0, ones, -values, (Step("Sub", values),))
        case _:
            return _applied(walk, node, 1 - constant, ones, values, (Step("Add", values),))


def add_constant_to_integers(walk: Walk, node: OnnxNode, x: Quantized, constant: QuantizedConstant) -> Real:
    """An int8 tensor plus one value per channel, or one for all, before it is rounded.

    Raises:
        Refused: If the constant has another shape.
    """
    term = _one_per_channel(node, constant.real(), walk.builder.shapes[x.tensor], x.layout)
    return _own_convolution(walk, node, x.tensor, x.layout, np.ones(len(term)), term, (Step("Add", term),))


def multiply_integers_by_constant(walk: Walk, node: OnnxNode, x: Quantized, constant: QuantizedConstant) -> Real:
    """An int8 tensor times one value per channel, or one for all, before it is rounded.

    Raises:
        Refused: If the constant has another shape.
    """
    factor = _one_per_channel(node, constant.real(), walk.builder.shapes[x.tensor], x.layout)
    steps = (Step("Mul", factor),)
    return _own_convolution(walk, node, x.tensor, x.layout, factor, np.zeros(len(factor)), steps)


def batch_normalization(walk: Walk, node: OnnxNode) -> Real:
    """Folded into the convolution before it: the integers of the weights stay, their scales and the bias change.

    Raises:
        Refused: For training mode, parameters of another shape or without finite factor and term, and if the tensor is
            neither a convolution's nor rounded.
    """
    factor, term = _factor_and_term(walk, node)
    walk.check_rounded(node, 0, joins=True)
    value = walk.values[node.inputs[0]]
    if isinstance(value, Real) and value.layout.channels_last:
        walk.check_planes(node, 0)
    channels = walk.activation(node, 0)[1].channels
    if len(factor) != channels:
        raise node.refusal(
            "scale", f"{len(factor)} values", f"give one for each of {channels} channels: export the model again"
        )
    return _applied(walk, node, 0, factor, term, (Step("Mul", factor), Step("Add", term)))


def _applied(
    walk: Walk, node: OnnxNode, index: int, factor: np.ndarray, term: np.ndarray, steps: tuple[Step, ...]
) -> Real:
    """factor * x + term of input `index`, as part of the convolution that makes it or as one of its own."""
    real = walk.real(node, index)
    base = _joined(real, factor, term)
    if base is None:
        return _own_convolution(walk, node, *walk.tensor(node, index), factor, term, steps)
    sign = np.sign(factor).astype(np.int16).reshape(-1, 1, 1, 1)
    weight = base.weight * sign
    if weight.max(initial=0) > 127:
        raise node.refusal(
            "scale", "negative where a weight is -128", "fold it into the convolution before it, then quantize"
        )
    with np.errstate(all="ignore"):
        bias = base.bias * factor + term
        # A channel that is switched off keeps a scale, with weights of 0.
        scale = (base.weight_scale * np.where(factor == 0, 1.0, np.abs(factor))).astype(np.float32)
    if not np.isfinite(bias).all():
        raise node.refusal("scale, bias, mean, variance", "not finite", "export the trained model again")
    if node.op == "BatchNormalization":
        walk.folded.append(node.name)
    chain = (*base.steps, *steps) if base.steps else ()
    joined = replace(base, weight=weight.astype(np.int8), weight_scale=scale, bias=bias, bias_integers=None)
    return replace(real, base=replace(joined, steps=chain, is_joined=True), curve=None)


def _factor_and_term(walk: Walk, node: OnnxNode) -> tuple[np.ndarray, np.ndarray]:
    """What a BatchNormalization multiplies with and then adds, float64 [C]."""
    if node.attributes.get("training_mode", 0):
        raise node.refusal("training_mode", 1, EXPORT_FOR_INFERENCE)
    names = ("scale", "bias", "mean", "variance")
    values = [walk.parameter(node, index, name).astype(np.float64) for index, name in enumerate(names, 1)]
    for name, array in zip(names, values, strict=True):
        if array.ndim != 1 or array.shape != values[0].shape:
            raise node.refusal(
                name,
                f"shape {list(array.shape)}",
                f"scale has {list(values[0].shape)}, and all four need one value per channel: export the model again",
            )
    gamma, beta, mean, variance = values
    with np.errstate(all="ignore"):
        factor = gamma / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
        term = beta - mean * factor
    if not (np.isfinite(factor).all() and np.isfinite(term).all()):
        raise node.refusal("scale, bias, mean, variance", "not finite", "export the trained model again")
    return factor, term


def _joined(real: Real, factor: np.ndarray, term: np.ndarray) -> Convolution | None:
    """The convolution that makes `real`, if factor and term can become part of it.

    A limit of zero stays one under factors that are not negative.
    """
    if not isinstance(real.base, Convolution) or real.pools:
        return None
    keeps_zero = real.low in (0.0, -np.inf) and real.high in (0.0, np.inf) and bool((factor > 0).all())
    return real.base if not real.is_clipped or (keeps_zero and not term.any()) else None


def _one_per_channel(node: OnnxNode, array: np.ndarray, shape: Shape, layout: Layout) -> np.ndarray:
    """float64 [C]. Raises Refused if `array` is not one finite value per channel, or one for all."""
    channels = shape.channels * shape.height * shape.width if layout.flat else shape.channels
    wanted = (channels,) if layout.flat or layout.channels_last else (channels, 1, 1)
    fits = array.size == 1 or (array.size == channels and array.shape[-len(wanted) :] == wanted)
    if not fits or array.ndim > (2 if layout.flat else 4) or (layout.flat and channels != shape.channels):
        text = ", ".join(map(str, wanted)) + ("," if len(wanted) == 1 else "")
        raise node.refusal(
            "constant", f"shape {list(array.shape)}", f"give one value per channel, a constant of shape ({text})"
        )
    checked_bias(node, Constant(array), channels, broadcast=True)
    return np.broadcast_to(array.reshape(-1), (channels,))


def _own_convolution(
    walk: Walk,
    node: OnnxNode,
    x: str,
    layout: Layout,
    factor: np.ndarray,
    term: np.ndarray,
    steps: tuple[Step, ...],
) -> Real:
    """factor * x + term of the int8 tensor `x`; how it rounds is settled when its output's scale is known."""
    shape, s_x = walk.builder.shapes[x], float(walk.builder.scale(x))
    weight, scale = integers_of(factor, term, s_x)
    base = Convolution(
        node=node,
        layer=Conv(node.name, (x,), shape.channels, (1, 1), groups=shape.channels),
        weight=weight.reshape(-1, 1, 1, 1),
        weight_scale=scale,
        bias=term,
        bias_integers=None,
        shape=shape,
        steps=steps,
        is_joined=True,
    )
    return Real(base, layout=layout)
