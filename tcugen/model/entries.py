"""The integers of one node in a file: numbers in its entry of the manifest, arrays beside it."""

from collections.abc import Mapping
from typing import Any, TypeVar, assert_never, cast

import numpy as np
import numpy.typing as npt

from tcugen.model.integers import (
    AddIntegers,
    AverageIntegers,
    AveragePoolIntegers,
    Clamp,
    ConcatIntegers,
    MaxPoolIntegers,
    MultiplyIntegers,
    NodeIntegers,
    RequantiseIntegers,
    SliceIntegers,
    TableIntegers,
    WeightedIntegers,
)
from tcugen.model.validate import broken
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

Arrays = dict[str, npt.NDArray[Any]]
Number = TypeVar("Number", bound=np.generic)


def numbers_of(integers: NodeIntegers) -> dict[str, Any]:
    """What stands in the entry itself, in the order in which it is written."""
    match integers:
        case AddIntegers():
            return {
                "add_multipliers": integers.multipliers,
                "add_shift": integers.shift,
                "clamp": integers.clamp,
            }
        case WeightedIntegers() | AverageIntegers() | RequantiseIntegers() | ConcatIntegers() | MultiplyIntegers():
            return {} if integers.clamp is None else {"clamp": integers.clamp}
        case AveragePoolIntegers():
            return {"clamp": integers.clamp}
        case MaxPoolIntegers() | TableIntegers() | SliceIntegers():
            return {}
        case _:
            assert_never(integers)


def arrays_of(integers: NodeIntegers) -> Arrays:
    """What stands beside the manifest, in the order in which it is written."""
    match integers:
        case WeightedIntegers():
            multiplier = {} if integers.multiplier is None else {"multiplier": integers.multiplier}
            return {
                "weight": integers.weight,
                "bias": integers.bias,
                **multiplier,
                "weight_scale": integers.weight_scale,
            }
        case AverageIntegers() | RequantiseIntegers() | MultiplyIntegers():
            return {"multiplier": np.asarray(integers.multiplier)}
        case TableIntegers():
            return {"table": integers.entries}
        case ConcatIntegers() | AveragePoolIntegers():
            return {"multipliers": integers.multipliers}
        case AddIntegers() | MaxPoolIntegers() | SliceIntegers():
            return {}
        case _:
            assert_never(integers)


def integers_from(node: Node, numbers: Mapping[str, Any], arrays: Arrays) -> NodeIntegers:
    """The integers of `node`, from what `numbers_of` and `arrays_of` gave.

    Raises:
        ModelError: If something is missing, of another type, or does not belong to the operator.
    """
    entry = _Entry(node, dict(numbers), dict(arrays))
    integers = entry.integers()
    entry.check_empty()
    return integers


class _Entry:
    """An entry being read: what is taken is gone, so that the rest can be refused."""

    def __init__(self, node: Node, numbers: dict[str, Any], arrays: Arrays):
        self.node = node
        self.where = f"node {node.name!r}"
        self.numbers = numbers
        self.arrays = arrays

    def integers(self) -> NodeIntegers:
        match self.node:
            case Conv() | Linear():
                return WeightedIntegers(
                    weight=self.array("weight", np.int8),
                    bias=self.array("bias", np.int32),
                    weight_scale=self.array("weight_scale", np.float32),
                    multiplier=self.array("multiplier", np.float32) if "multiplier" in self.arrays else None,
                    clamp=self.clamp() if "clamp" in self.numbers else None,
                )
            case Add():
                return AddIntegers(*self.ratios(), clamp=self.clamp())
            case MaxPool():
                return MaxPoolIntegers()
            case AveragePool():
                return AveragePoolIntegers(self.array("multipliers", np.float32), self.clamp())
            case GlobalAveragePool():
                return AverageIntegers(self.multiplier(), self.clamp())
            case Requantise():
                return RequantiseIntegers(self.multiplier(), self.clamp())
            case Table():
                return TableIntegers(self.array("table", np.int8))
            case Concat():
                return ConcatIntegers(self.array("multipliers", np.float32), self.clamp())
            case Slice() | Resize() | DepthToSpace() | ChannelShuffle():
                return SliceIntegers()
            case Multiply():
                return MultiplyIntegers(self.multiplier(), self.clamp())
            case _:
                assert_never(self.node)

    def array(self, key: str, dtype: type[Number]) -> npt.NDArray[Number]:
        array = self.arrays.pop(key, None)
        if array is None or array.dtype != dtype:
            found = None if array is None else f"{array.dtype} {list(array.shape)}"
            raise broken(self.where, f"its {key} is {found}", f"it must be {np.dtype(dtype)}")
        return cast(npt.NDArray[Number], array)

    def multiplier(self) -> np.float32:
        array = self.array("multiplier", np.float32)
        if array.shape != ():
            raise broken(self.where, f"its multiplier is float32 {list(array.shape)}", "it must be one float32")
        return np.float32(array)

    def clamp(self) -> Clamp:
        value = self.numbers.pop("clamp", None)
        match value:
            case [int(low), int(high)]:
                return low, high
            case _:
                raise broken(self.where, f"its clamp is {value!r}", "it must be two integers")

    def ratios(self) -> tuple[tuple[int, int], int]:
        multipliers, shift = self.numbers.pop("add_multipliers", None), self.numbers.pop("add_shift", None)
        match (multipliers, shift):
            case ([int(m_a), int(m_b)], int(s)):
                return (m_a, m_b), s
            case _:
                ratios = f"its ratios are {multipliers!r} / 2**{shift!r}"
                raise broken(self.where, ratios, "they must be two integers over one power of two")

    def check_empty(self) -> None:
        found = self.numbers | {key: f"{array.dtype} {list(array.shape)}" for key, array in self.arrays.items()}
        for key, value in found.items():
            raise broken(self.where, f"its {key} is {value}", f"a {self.node.op} like this has none")
