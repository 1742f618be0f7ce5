"""The integers of each operator: a closed union, one frozen dataclass per kind, each with exactly its fields."""

from dataclasses import dataclass
from typing import assert_never

import numpy as np
import numpy.typing as npt

from tcugen.network.operators import (
    Add,
    AveragePool,
    ChannelShuffle,
    Concat,
    Conv,
    DepthToSpace,
    GlobalAveragePool,
    Linear,
    MaxPool,
    Multiply,
    Node,
    Requantise,
    Resize,
    Slice,
    Table,
)

Clamp = tuple[int, int]
"""(lo, hi): the int8 limits of an output."""


@dataclass(frozen=True, eq=False)
class WeightedIntegers:
    """Of a conv or linear.

    Attributes:
        weight: int8 [O, I / groups, kernel_y, kernel_x]; of a linear, kernel 1x1.
        bias: int32 [O], before folding the input's zero point.
        weight_scale: float32 [O]. Not used by the hardware; files that other tools read need it.
        multiplier, clamp: float32 [O] and limits; both None for a last layer that stores its int32 sums. Where an add
            takes the result unrounded, there are no limits.
    """

    weight: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    weight_scale: npt.NDArray[np.float32]
    multiplier: npt.NDArray[np.float32] | None
    clamp: Clamp | None


@dataclass(frozen=True, eq=False)
class AddIntegers:
    """Of an add.

    Attributes:
        multipliers: (m_a, m_b), each in [1, MAX_ADD_MULTIPLIER].
        shift: s; operand a counts m_a / 2**s. An unrounded operand has s = FRACTION_BITS fraction bits and m = 1.
    """

    multipliers: tuple[int, int]
    shift: int
    clamp: Clamp


@dataclass(frozen=True, eq=False)
class MaxPoolIntegers:
    """Of a max_pool: none."""


@dataclass(frozen=True, eq=False)
class AverageIntegers:
    """Of a global_average_pool; the multiplier has the division by the number of pixels in it."""

    multiplier: np.float32
    clamp: Clamp


@dataclass(frozen=True, eq=False)
class AveragePoolIntegers:
    """Of an average_pool.

    Attributes:
        multipliers: float32, one for each of `divisors`, with the division by it.
    """

    multipliers: npt.NDArray[np.float32]
    clamp: Clamp


@dataclass(frozen=True, eq=False)
class RequantiseIntegers:
    """Of a change of scale and zero point."""

    multiplier: np.float32
    clamp: Clamp


@dataclass(frozen=True, eq=False)
class TableIntegers:
    """Of a table.

    Attributes:
        entries: int8 [256]; entry x + 128 is the result for x.
    """

    entries: npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class ConcatIntegers:
    """Of a concat.

    Attributes:
        multipliers: float32, one per input; 1 where it has the scale of the output.
    """

    multipliers: npt.NDArray[np.float32]
    clamp: Clamp


@dataclass(frozen=True, eq=False)
class SliceIntegers:
    """Of a slice, resize, depth_to_space or channel_shuffle: none."""


@dataclass(frozen=True, eq=False)
class MultiplyIntegers:
    """Of a multiply: what the exact product of both centred values is multiplied by."""

    multiplier: np.float32
    clamp: Clamp


NodeIntegers = (
    WeightedIntegers
    | AddIntegers
    | MaxPoolIntegers
    | AveragePoolIntegers
    | AverageIntegers
    | RequantiseIntegers
    | TableIntegers
    | ConcatIntegers
    | SliceIntegers
    | MultiplyIntegers
)
"""The integers of one node."""


def integers_kind(node: Node) -> type[NodeIntegers]:
    """What kind of integers an operator has."""
    match node:
        case Conv() | Linear():
            return WeightedIntegers
        case Add():
            return AddIntegers
        case MaxPool():
            return MaxPoolIntegers
        case AveragePool():
            return AveragePoolIntegers
        case GlobalAveragePool():
            return AverageIntegers
        case Requantise():
            return RequantiseIntegers
        case Table():
            return TableIntegers
        case Concat():
            return ConcatIntegers
        case Slice() | Resize() | DepthToSpace() | ChannelShuffle():
            return SliceIntegers
        case Multiply():
            return MultiplyIntegers
        case _:
            assert_never(node)


def clamp_of(integers: NodeIntegers) -> Clamp | None:
    """Limits of the output; None if it has none: 32-bit sums, and maxima."""
    match integers:
        case WeightedIntegers() | AddIntegers() | AverageIntegers() | RequantiseIntegers() | ConcatIntegers():
            return integers.clamp
        case AveragePoolIntegers() | MultiplyIntegers():
            return integers.clamp
        case TableIntegers():
            return -128, 127
        case MaxPoolIntegers() | SliceIntegers():
            return None
        case _:
            assert_never(integers)
