"""What a test knows and the type checker does not; asserted, so that a test that is wrong about it fails."""

from typing import TypeVar

from tcugen.model.integers import WeightedIntegers
from tcugen.model.quantized import QuantizedNetwork

T = TypeVar("T")


def typed(kind: type[T], value: object) -> T:
    """`value`, which is a `kind`."""
    assert isinstance(value, kind), f"{value!r} is no {kind.__name__}"
    return value


def present(value: T | None) -> T:
    """`value`, which is not None."""
    assert value is not None
    return value


def weighted(model: QuantizedNetwork, name: str) -> WeightedIntegers:
    """The integers of a convolution or a fully connected layer."""
    return typed(WeightedIntegers, model.integers[name])
