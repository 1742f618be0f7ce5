"""Functions of one real number, and the tables of int8 values that stand for them."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tcugen.network.fields import Function

Reals = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]
Entries = npt.NDArray[np.int8]
"""int8 [256]: entry x + 128 is the result for x."""


def real_function(function: Function, alpha: float | None) -> Callable[[Reals], Reals]:
    """A function by its name, elementwise in float64; `alpha` None is the function's own.

    Raises:
        ValueError: For `custom`, of which only the table is known.
    """
    a = default_alpha(function) if alpha is None else alpha
    match function:
        case "sigmoid":
            return _sigmoid
        case "tanh":
            return np.tanh
        case "leaky_relu":
            return lambda x: np.where(x < 0, a * x, x)
        case "hard_sigmoid":
            return lambda x: np.clip(a * x + 0.5, 0, 1)
        case "hard_swish":
            return lambda x: x * np.clip(x / 6 + 0.5, 0, 1)
        case "silu":
            return lambda x: x * _sigmoid(x)
        case "gelu":
            return lambda x: 0.5 * x * (1 + _erf(x / math.sqrt(2)))
        case "exp":
            return _exp
        case "elu":
            return lambda x: np.where(x < 0, a * np.expm1(np.minimum(x, 0)), x)
        case "softplus":
            return lambda x: np.logaddexp(x, 0)
        case "custom":
            raise ValueError("a custom function has no formula, only a table")


def default_alpha(function: Function) -> float:
    """What `alpha` is where none is given; 0 for functions without."""
    return {"leaky_relu": 0.01, "hard_sigmoid": 1 / 6, "elu": 1.0}.get(function, 0.0)


def input_reals(scale: np.float32, zero_point: int) -> Float32s:
    """What all int8 values of a tensor stand for, float32 [256]: f32(x - z_x) * s_x, from x = -128 on."""
    with np.errstate(over="ignore"):
        return (np.arange(-128, 128) - zero_point).astype(np.float32) * np.float32(scale)


def output_entries(values: Float32s, scale: np.float32, zero_point: int) -> Entries:
    """Real results as entries, as QuantizeLinear rounds them: clamp(rint(values / s_y) + z_y), none of them NaN."""
    with np.errstate(over="ignore"):
        steps = np.rint(values / np.float32(scale))
    return np.clip(steps.astype(np.float64) + zero_point, -128, 127).astype(np.int8)


def table_entries(
    function: Function, alpha: float | None, x: tuple[np.float32, int], y: tuple[np.float32, int]
) -> Entries:
    """The table of a function between two quantizations, (scale, zero point) each.

    The function is evaluated in float64 and rounded to float32. Raises ValueError as `real_function`.
    """
    reals = real_function(function, alpha)(input_reals(*x).astype(np.float64))
    with np.errstate(over="ignore"):
        return output_entries(reals.astype(np.float32), *y)


def _exp(x: Reals) -> Reals:
    with np.errstate(over="ignore"):
        return np.exp(x)


def _sigmoid(x: Reals) -> Reals:
    # exp of a negative number only, which cannot overflow.
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1) / (1 + small)


def _erf(x: Reals) -> Reals:
    return np.vectorize(math.erf, otypes=[np.float64])(x)
