"""The ways in which one DRAIN may make a tensor: what the array sums up, and what the output stage does to it."""

from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import FRACTION_BITS
from tcugen.certify.affine import Affine, affine_of, unchanged
from tcugen.certify.errors import NotCertified
from tcugen.model.quantized import QuantizedNetwork
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
    Requantise,
    Resize,
    Slice,
    Table,
)


@dataclass(frozen=True, eq=False)
class Derivation:
    """One way.

    Attributes:
        affine: What the array sums up; its multipliers, zero point and clamp are those of the DRAIN.
        residual: Tensor of the residual operand, or None.
        fields: What further fields of the DRAIN must be.
        table: int8 [256] that every result passes through, or None.
    """

    affine: Affine
    residual: str | None
    fields: dict[str, int]
    table: NDArray[np.int8] | None = None

    @property
    def required(self) -> dict[str, int]:
        """Every field of DRAIN that decides about values, with the value that it must have."""
        sums = self.affine.multiplier is None
        flags = {
            "int32": int(sums),
            "residual": int(self.residual is not None),
            "multiply": 0,
            "unrounded": 0,
            "table": int(self.table is not None),
        }
        limits = {
            "zero_point": self.affine.zero_point,
            "clamp_low": self.affine.clamp[0],
            "clamp_high": self.affine.clamp[1],
        }
        return flags | ({} if sums else limits) | self.fields


def derivations(model: QuantizedNetwork, tensor: str) -> tuple[Derivation, ...]:
    """All ways in which the array and the output stage may make a tensor; none for a max pool or an input, nor for what
    an add takes unrounded, which is never made."""
    if tensor in model.network.unrounded:
        return ()
    node = model.network.by_name.get(tensor)
    match node:
        case None | MaxPool():
            return ()
        case Add():
            return _add(model, node)
        case Multiply():
            return _multiply(model, node)
        case Table():
            return _table(model, node)
        case Conv() | Linear() | Requantise() | AveragePool() | GlobalAveragePool() | Concat() | Slice():
            affine = affine_of(model, node)
        case Resize() | DepthToSpace() | ChannelShuffle():
            affine = affine_of(model, node)
        case _:
            assert_never(node)
    return () if affine is None else (Derivation(affine, None, {}),)


def _operand(model: QuantizedNetwork, tensor: str) -> list[Affine]:
    """A tensor of int8 values as what comes out of the requantisation: computed there, or passed through."""
    node = model.network.by_name.get(tensor)
    computed = None if node is None else affine_of(model, node)
    return [unchanged(model, tensor)] + ([] if computed is None or computed.multiplier is None else [computed])


def _add(model: QuantizedNetwork, node: Add) -> tuple[Derivation, ...]:
    integers = model.integers_of(node)
    found: list[Derivation] = []
    for first in (0, 1) if node.unrounded is None else (node.unrounded,):
        other = node.inputs[1 - first]
        fields = {
            "add_multiplier": int(integers.multipliers[first]),
            "residual_multiplier": int(integers.multipliers[1 - first]),
            "add_shift": int(integers.shift),
            "residual_zero_point": model.zero_point(other),
            "add_zero_point": model.zero_point(node.name),
            "add_clamp_low": integers.clamp[0],
            "add_clamp_high": integers.clamp[1],
        }
        if node.unrounded is None:
            found += [Derivation(affine, other, fields) for affine in _operand(model, node.inputs[first])]
            continue
        # The ratio of the sums is in what the machine does with `unrounded`: 1 / 2**FRACTION_BITS and no other.
        if (integers.multipliers[first], integers.shift) != (1, FRACTION_BITS):
            raise NotCertified(f"{node.name!r} takes an input unrounded at a ratio that the machine does not have")
        computed = affine_of(model, model.network.by_name[node.inputs[first]])
        if computed is not None and computed.multiplier is not None:
            found.append(Derivation(computed, other, fields | {"add_multiplier": 0, "unrounded": 1}))
    return tuple(found)


def _multiply(model: QuantizedNetwork, node: Multiply) -> tuple[Derivation, ...]:
    """The sums are one operand less its zero point; the product is requantised."""
    integers = model.integers_of(node)
    bits = np.full(1, integers.multiplier, np.float32).view(np.uint32)
    found: list[Derivation] = []
    for first in (0, 1):
        passed, other = unchanged(model, node.inputs[first]), node.inputs[1 - first]
        affine = Affine(
            passed.sources,
            passed.kernel,
            passed.dilation,
            passed.origin,
            passed.support,
            passed.bias,
            lambda channels, _: np.repeat(bits, len(channels)),
            model.zero_point(node.name),
            integers.clamp,
        )
        found.append(Derivation(affine, other, {"multiply": 1, "residual_zero_point": model.zero_point(other)}))
    return tuple(found)


def _table(model: QuantizedNetwork, node: Table) -> tuple[Derivation, ...]:
    """After its operand has passed through the array, or after what makes its operand."""
    entries, operand = model.integers_of(node).entries, node.inputs[0]
    inner = [
        Derivation(unchanged(model, operand), None, {}),
        *(way for way in derivations(model, operand) if way.affine.multiplier is not None and way.table is None),
    ]
    return tuple(Derivation(way.affine, way.residual, way.fields, entries) for way in inner)
