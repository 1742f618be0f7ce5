"""Types of the operators' fields, with the limits that a layer-config file must keep.

A type checker sees `int`, `str` and tuples of them; pydantic sees the limits too, see `schema`.
"""

from typing import Annotated, Literal

from pydantic import Field

MAX_SIZE = 65535
"""Largest channel count, height, width or group count; the machine's own limits are the compiler's to check."""
MAX_KERNEL = 255
"""Largest kernel side, stride and padding."""

# Strict, since `true`, 8.0 and "8" are no sizes.
Name = Annotated[str, Field(pattern=r"^[^\s,\x00-\x1f\x7f]{1,200}$")]
Size = Annotated[int, Field(strict=True, ge=1, le=MAX_SIZE)]
Side = Annotated[int, Field(strict=True, ge=1, le=MAX_KERNEL)]
Border = Annotated[int, Field(strict=True, ge=0, le=MAX_KERNEL)]

Pair = tuple[Side, Side]
"""(y, x)."""
Borders = tuple[Border, Border, Border, Border]
"""(top, left, bottom, right)."""
BlockMode = Literal["DCR", "CRD"]
"""Which comes first in the channels of a depth_to_space: place in the block and then output channel, or vice versa."""

Flag = Annotated[bool, Field(strict=True)]
Function = Literal[
    "sigmoid",
    "tanh",
    "leaky_relu",
    "hard_sigmoid",
    "hard_swish",
    "silu",
    "gelu",
    "exp",
    "elu",
    "softplus",
    "custom",
]
"""What a table computes; of a custom one, only the model that it came with knows."""

Alpha = Annotated[float, Field(allow_inf_nan=False)] | None
"""A function's one number, None for its usual one."""

OneInput = tuple[Name]
"""Name of the tensor that is read: a node's or the network's input."""
TwoInputs = tuple[Name, Name]
OneOfTwo = Annotated[int, Field(strict=True, ge=0, le=1)] | None
"""Index of one of two inputs, None for neither."""
SeveralInputs = Annotated[tuple[Name, ...], Field(min_length=2)]
Flags = tuple[Flag, ...]
"""One for each input, or none at all."""
ChannelRange = tuple[Annotated[int, Field(strict=True, ge=0, le=MAX_SIZE)], Size]
"""[start, stop]: channels start .. stop - 1."""
