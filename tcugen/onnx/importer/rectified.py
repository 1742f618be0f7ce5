"""PRelu with one slope per channel, and LeakyRelu of a convolution that nothing has rounded.

Above zero and below it the rule of a convolution holds, with two multipliers. So it is two convolutions with the same
sums, one limited to values from the zero point on and one to values up to it, and their sum: one of the two is the zero
point always, so the sum is exact.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tcugen.network.operators import Conv
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.parameters import rounded_bias
from tcugen.onnx.importer.values import BothSides, Convolution, Origin, Real, Unknown
from tcugen.onnx.importer.walk import Walk

Reals = npt.NDArray[np.float64]


def is_convolution(walk: Walk, node: OnnxNode, index: int = 0) -> bool:
    """Whether an input is what a convolution makes, refused or not, and not rounded, limited or pooled since."""
    value = walk.values[node.inputs[index]] if node.has_input(index) else None
    if isinstance(value, Unknown):
        return value.origin is Origin.CONVOLUTION
    return isinstance(value, Real) and isinstance(value.base, Convolution) and not value.is_clipped and not value.pools


def slopes_of(walk: Walk, node: OnnxNode) -> Reals:
    """The slopes of a PRelu, float64 [C], or [1] if all are equal.

    Raises:
        Refused: If they are not one finite number per channel.
    """
    array = walk.parameter(node, 1, "slope").astype(np.float64)
    if not np.isfinite(array).all():
        raise node.refusal("slope", "not finite", "export the trained model again")
    if np.unique(array).size == 1:
        return array.reshape(-1)[:1]
    other, shape = walk.activation(node, 0)
    wanted = (shape.channels,) if other.layout.flat or other.layout.channels_last else (shape.channels, 1, 1)
    if array.size != shape.channels or array.shape[-len(wanted) :] != wanted:
        raise node.refusal("slope", f"shape {list(array.shape)}", f"give one for each of {shape.channels} channels")
    return array.reshape(-1)


def rectified(walk: Walk, node: OnnxNode, slopes: Reals) -> Real:
    """slope * x where x is below zero, x elsewhere, before it is rounded.

    Args:
        slopes: float64 [C], or [1] for all channels.

    Raises:
        Refused: If the tensor is neither a convolution's nor rounded, or a slope is negative where a weight is -128.
    """
    walk.check_rounded(node, 0, joins=True)
    real = walk.real(node, 0)
    if is_convolution(walk, node):
        assert isinstance(real.base, Convolution), "is_convolution has said so"
        base, layout = real.base, real.layout
    else:
        tensor, layout = walk.tensor(node, 0)
        base = _as_it_is(walk, node, tensor)
    slopes = np.broadcast_to(slopes, (base.shape.channels,))
    if (base.weight[slopes < 0] == -128).any():
        raise node.refusal("slope", "negative where a weight is -128", "quantize the weights to -127 .. 127")
    base = _with_integers(walk, base)
    result = Real(base, low=0.0, layout=layout)
    if (slopes > 0).any():
        below = Real(_scaled(base, np.maximum(slopes, 0.0), 1), high=0.0, layout=layout)
        result = Real(BothSides(node, (result, below), base.shape), layout=layout)
    if (slopes < 0).any():
        # A negative slope turns what is below zero into something above: that of the convolution's negative.
        turned = Real(_scaled(base, np.maximum(-slopes, 0.0), -1), low=0.0, layout=layout)
        result = Real(BothSides(node, (result, turned), base.shape), layout=layout)
    return result


def _with_integers(walk: Walk, base: Convolution) -> Convolution:
    """`base` with its bias rounded once, for all that it becomes."""
    base = replace(base, steps=())
    if base.bias_integers is not None:
        return base
    builder = walk.builder
    integers, error = rounded_bias(base.node, base.node.name, base.bias, builder.scale(base.x), base.weight_scale)
    builder.bias_errors.append(error)
    return replace(base, bias_integers=integers)


def _scaled(base: Convolution, factor: Reals, sign: int) -> Convolution:
    """The sums times `sign`, in a scale `factor` times as large; channels of factor 0 are constant."""
    assert base.bias_integers is not None, "the sums are settled before they are scaled"
    live = factor > 0
    used = sign * live.astype(np.int64)
    return replace(
        base,
        weight=(base.weight * used.reshape(-1, 1, 1, 1)).astype(np.int8),
        weight_scale=np.where(live, base.weight_scale * factor, base.weight_scale).astype(np.float32),
        bias=base.bias * factor * sign,
        bias_integers=(base.bias_integers * used).astype(np.int32),
        is_joined=False,
    )


def _as_it_is(walk: Walk, node: OnnxNode, tensor: str) -> Convolution:
    """A rounded tensor as a convolution with weights of 1."""
    shape = walk.builder.shapes[tensor]
    return Convolution(
        node=node,
        layer=Conv(node.name, (tensor,), shape.channels, (1, 1), groups=shape.channels),
        weight=np.ones((shape.channels, 1, 1, 1), np.int8),
        weight_scale=np.ones(shape.channels, np.float32),
        bias=np.zeros(shape.channels),
        bias_integers=np.zeros(shape.channels, np.int32),
        shape=shape,
    )
