"""Arguments and shapes of an exported module's operators."""

from collections.abc import Sequence
from typing import Any

from torch import fx


def arguments(node: fx.Node) -> dict[str, Any]:
    """All arguments by name, defaults included."""
    operator: Any = node.target
    schema = operator._schema.arguments
    given = dict(zip((argument.name for argument in schema), node.args, strict=False)) | dict(node.kwargs)
    return {a.name: given.get(a.name, a.default_value if a.has_default_value() else None) for a in schema}


def pair_of(value: int | Sequence[int]) -> tuple[int, int]:
    """(y, x) of one number for both, or of two."""
    values = [value] if isinstance(value, int) else list(value)
    return (values[0], values[-1])


def channels_first(node: fx.Node) -> tuple[int, int, int]:
    """Channels, height and width of an operator's output; 1x1 pixels if it is flat."""
    channels, height, width, *_ = (*shape_of(node)[1:], 1, 1)
    return channels, height, width


def shape_of(node: fx.Node) -> tuple[int, ...]:
    """Dimensions of an operator's output, batch included."""
    return tuple(node.meta["val"].shape)
