"""Output channels of a convolution whose sums are too small to be requantised, and biases too large to be sums.

A trained network holds channels that are constant; quantizers give their weights whatever scale is left. Below a
multiplier of 2**-40 no 32-bit sum reaches a step of the output: such a channel is the zero point.
"""

from dataclasses import replace

import numpy as np

from tcugen.model.limits import LARGEST_BIAS, MULTIPLIER_EXPONENTS
from tcugen.onnx.importer.parameters import INT32_MAX
from tcugen.onnx.importer.values import Convolution

_VANISHES = 2.0**-9
"""In steps of the output: what the largest sum is below at the smallest multiplier."""


def without_dead_channels(base: Convolution, s_x: np.float32, s_y: np.float32) -> tuple[Convolution, int]:
    """`base` with weights, scales and biases that the hardware can requantise to an output of scale `s_y`.

    A bias of the file's own counts in the scale of the sums, in which it has 32 bits, as ONNX Runtime has it. One that
    came from an operator after the convolution is real: where it does not vanish, it gets a scale that holds it, and
    the weights are rounded to that scale.

    Returns:
        The convolution and the number of channels that are constant.
    """
    s_w = base.weight_scale.astype(np.float64)
    with np.errstate(all="ignore"):
        multiplier = (s_x * base.weight_scale) / s_y
        dead = multiplier < 2.0 ** MULTIPLIER_EXPONENTS[0]
        too_large = np.abs(base.bias) > np.float64(s_x) * s_w * INT32_MAX
    real = np.full(len(dead), base.is_joined)
    vanishing = dead & (~real | (np.abs(base.bias) < _VANISHES * np.float64(s_y)))
    moving = (dead & ~vanishing) | (too_large & ~dead)
    if not (vanishing | moving).any():
        return base, 0
    ratio = np.float64(s_y) / np.float64(s_x)
    # Any multiplier will do for a sum of zero, and none is below that of the least bias that moves.
    scale = np.where(vanishing, ratio * 2.0**-20, s_w)
    scale = np.where(moving, np.maximum(np.abs(base.bias) / (np.float64(s_x) * LARGEST_BIAS), ratio * 2.0**-39), scale)
    factor = np.where(vanishing, 0.0, s_w / scale).reshape(-1, 1, 1, 1)
    weight = np.where(moving.reshape(-1, 1, 1, 1) | (factor == 0), np.rint(base.weight * factor), base.weight)
    integers = None if base.bias_integers is None else np.where(vanishing, 0, base.bias_integers).astype(np.int32)
    changed = replace(
        base,
        weight=weight.astype(np.int8),
        weight_scale=scale.astype(np.float32),
        bias=np.where(vanishing, 0.0, base.bias),
        bias_integers=integers,
    )
    return changed, int(np.count_nonzero(vanishing))
