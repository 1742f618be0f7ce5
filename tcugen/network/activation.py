"""What may follow a convolution or a sum at no cost: its values limited, as ReLU and ReLU6 do."""

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, WrapValidator

_RULE = '"relu", "relu6" or [low, high]'


def _checked(value: Any, handler: Callable[[Any], "Activation"]) -> "Activation":
    """One finding for whatever is wrong, where pydantic has one for each form a value may have."""
    try:
        activation = handler(value)
    except ValidationError:
        raise ValueError(_RULE) from None
    low, high = limits_of(activation)
    if low >= high:
        raise ValueError(_RULE)
    return activation


Bound = Annotated[float, Field(strict=True, allow_inf_nan=False)] | None
"""A limit of real values; None if there is none on that side."""

Activation = Annotated[Literal["relu", "relu6"] | tuple[Bound, Bound] | None, WrapValidator(_checked)]
"""ReLU, ReLU6, or real limits (low, high), low below high; None if every value stays as it is."""


def limits_of(activation: Activation) -> tuple[float, float]:
    """The real limits (low, high) of an activation; infinite where there is none."""
    match activation:
        case None:
            return -math.inf, math.inf
        case "relu":
            return 0.0, math.inf
        case "relu6":
            return 0.0, 6.0
        case (low, high):
            return -math.inf if low is None else low, math.inf if high is None else high


def activation_of_limits(low: float, high: float) -> Activation:
    """The activation with these real limits; None where they are none, or no activation as they are not low < high."""
    for named in (None, "relu", "relu6"):
        if limits_of(named) == (low, high):
            return named
    if math.isnan(low) or math.isnan(high) or low >= high:
        return None
    return low if math.isfinite(low) else None, high if math.isfinite(high) else None
