"""A factor and a term per channel on int8 values, as integers: those that round as the file's own arithmetic does."""

from dataclasses import replace
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from tcugen.model.limits import INT8_RANGE, LARGEST_BIAS, LARGEST_WEIGHT, MULTIPLIER_EXPONENTS
from tcugen.model.quantized import Quantization
from tcugen.onnx.importer.values import Convolution, Step, StepOperator

_OPERANDS = np.arange(INT8_RANGE[0], INT8_RANGE[1] + 1)


def integers_of(
    factor: npt.NDArray[np.float64], term: npt.NDArray[np.float64], s_x: float, largest: int = LARGEST_WEIGHT
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Weights [C] and their scales, float32 [C], for factor * x + term.

    The weight is `largest` with the factor's sign, less only where the term would not fit the sums.
    """
    with np.errstate(all="ignore"):
        scale = np.maximum(np.abs(factor) / largest, np.abs(term) / (s_x * LARGEST_BIAS))
        scale = np.where(scale == 0, 1 / largest, scale)
        scale = np.maximum(scale, np.finfo(np.float32).tiny).astype(np.float32)
        weight = np.clip(np.rint(factor / scale.astype(np.float64)), -largest, largest)
    return weight.astype(np.int8), scale


def fitted(base: Convolution, x: Quantization, y: Quantization) -> Convolution:
    """`base`, which is a chain of steps on int8 values, with the weights that round most operands as the chain does.

    Of every channel all 256 operands are tried: with each the file's own arithmetic, step by step in single precision,
    and the hardware's, with weights from 127 down. Of equal ones the largest weight is taken.
    """
    factor, term = _composed(base.steps, len(base.weight))
    wanted = _by_steps(base.steps, len(base.weight), x, y)
    weight, scale = integers_of(factor, term, float(x.scale))
    fewest = np.full(len(factor), len(_OPERANDS) + 1)
    for largest in range(LARGEST_WEIGHT, 0, -1):
        open_channels = np.flatnonzero(fewest)
        if not len(open_channels):
            break
        f, t = factor[open_channels], term[open_channels]
        w, s = integers_of(f, t, float(x.scale), largest)
        apart = (_by_hardware(w, s, t, x, y) != wanted[open_channels]).sum(axis=1)
        better = apart < fewest[open_channels]
        chosen = open_channels[better]
        weight[chosen], scale[chosen], fewest[chosen] = w[better], s[better], apart[better]
    return replace(base, weight=weight.reshape(-1, 1, 1, 1), weight_scale=scale, bias=term)


def _applied(operator: StepOperator, operand: npt.NDArray[Any], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """One step, in the precision of its operands."""
    match operator:
        case "Add":
            return operand + values
        case "Sub":
            return operand - values
        case "Sub from":
            return values - operand
        case "Mul":
            return operand * values
        case "Div":
            return operand / values
        case _:
            assert_never(operator)


def _composed(steps: tuple[Step, ...], channels: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Factor and term of a chain of steps."""
    factor, term = np.ones(channels), np.zeros(channels)
    for step in steps:
        values = step.values.astype(np.float64)
        factor = _applied(step.operator, factor, values if step.operator in ("Mul", "Div") else np.zeros(1))
        term = _applied(step.operator, term, values)
    return factor, term


def _by_steps(steps: tuple[Step, ...], channels: int, x: Quantization, y: Quantization) -> npt.NDArray[np.float64]:
    """What the file makes of every operand, [C, 256]."""
    real = (_OPERANDS - x.zero_point).astype(np.float32) * x.scale
    real = np.broadcast_to(real, (channels, len(_OPERANDS)))
    with np.errstate(all="ignore"):
        for step in steps:
            real = _applied(step.operator, real, step.values.astype(np.float32).reshape(-1, 1))
        return _rounded(real / y.scale, y)


def _by_hardware(
    weight: npt.NDArray[np.int8],
    scale: npt.NDArray[np.float32],
    term: npt.NDArray[np.float64],
    x: Quantization,
    y: Quantization,
) -> npt.NDArray[np.float64]:
    """What the hardware makes of every operand, [C, 256]; nothing that equals anything where it cannot."""
    bias = np.rint(term / (np.float64(x.scale) * scale.astype(np.float64)))
    sums = weight.astype(np.float64).reshape(-1, 1) * (_OPERANDS - x.zero_point) + bias.reshape(-1, 1)
    with np.errstate(all="ignore"):
        multiplier = (x.scale * scale) / y.scale
        made = _rounded(sums.astype(np.float32) * multiplier.reshape(-1, 1), y)
    low, high = MULTIPLIER_EXPONENTS
    return np.where(((multiplier >= 2.0**low) & (multiplier < 2.0**high)).reshape(-1, 1), made, np.nan)


def _rounded(steps: npt.NDArray[np.floating], y: Quantization) -> npt.NDArray[np.float64]:
    return np.clip(np.rint(steps).astype(np.float64) + y.zero_point, *INT8_RANGE)
