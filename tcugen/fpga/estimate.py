"""What a machine will take of a family, from its architecture alone.

Block RAMs are those of its memories, multipliers those of its array and its output lanes, and of depthwise convolutions
beside the array: exact. LUTs and flip-flops are sums of terms that mean something, each with a weight from the machines
that were synthesised (`calibration`); those of depthwise convolutions are left out.
"""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
from tcugen.fpga.calibration import Measurement, measurements
from tcugen.fpga.counts import Counts
from tcugen.fpga.errors import PartError
from tcugen.fpga.families import FAMILIES
from tcugen.fpga.memories import block_rams, block_select_luts, memories, small_memory_luts

Vector = NDArray[np.float64]


TERMS: dict[str, Callable[[Architecture], int]] = {
    "control": lambda _: 1,
    "per multiplier": lambda a: a.multipliers,
    "per output lane": lambda a: a.output_lanes,
    "per bit of a sum across the columns": lambda a: a.columns * a.accumulator_bits,
    "per row": lambda a: a.rows,
    "per byte of the bus": lambda a: a.bus_bytes,
}
"""What LUTs and flip-flops are spent on, and how often; those that tell most first."""

_REQUANTISE = 4
"""Hard multipliers of a lane that requantises alone, as for depthwise convolutions: a product of 24 by 24 bits."""

FEWEST_MACHINES = 5
"""Machines that must be measured before a family is calibrated."""


def calibrated_families() -> tuple[str, ...]:
    """Families with enough machines measured."""
    return tuple(family for family in FAMILIES if len(measurements(family)) >= FEWEST_MACHINES)


def estimate(architecture: Architecture, family: str) -> Counts | None:
    """Counts of the machine; None if the family is not calibrated."""
    if family not in calibrated_families():
        return None
    lut, ff = _weights(family)
    cell, lane = _multipliers(family)
    terms = _terms(architecture)
    kept = memories(architecture)
    beside = cell * architecture.depthwise_multipliers + _REQUANTISE * architecture.depthwise
    return Counts(
        lut=round(float(terms @ lut)) + _memory_luts(architecture, family),
        ff=round(float(terms @ ff)),
        dsp=_whole(cell * architecture.multipliers + lane * architecture.output_lanes + beside),
        bram=_whole(block_rams(kept, FAMILIES[family])),
    )


def term_weights(family: str) -> dict[str, tuple[float, float]]:
    """LUTs and flip-flops of one of each term, for a calibrated family."""
    lut, ff = _weights(family)
    return {name: (float(a), float(b)) for name, a, b in zip(TERMS, lut, ff, strict=True)}


def _terms(architecture: Architecture) -> Vector:
    return np.array([float(term(architecture)) for term in TERMS.values()])


@functools.cache
def _weights(family: str) -> tuple[Vector, Vector]:
    """Weights by least squares of relative errors, so that small machines count as much as large ones.

    Of n machines n - 1 terms can be told. A weight below zero means nothing: that term is left out.
    """
    measured = measurements(family)
    terms = np.stack([_terms(one.architecture) for one in measured])

    def fitted(values: list[int]) -> Vector:
        counts = np.array(values, dtype=np.float64)
        used = list(range(min(len(TERMS), len(measured) - 1)))
        weights = np.zeros(len(TERMS), dtype=np.float64)
        while used:
            found = np.linalg.lstsq(terms[:, used] / counts[:, None], np.ones(len(values)), rcond=None)[0]
            if found.min() >= 0:
                weights[used] = found
                break
            del used[int(found.argmin())]
        return weights

    return fitted([_logic(one, family) for one in measured]), fitted([one.counts.ff for one in measured])


def _logic(one: Measurement, family: str) -> int:
    """LUTs that have nothing to do with memories."""
    return one.counts.lut - _memory_luts(one.architecture, family)


def _memory_luts(architecture: Architecture, family: str) -> int:
    """LUTs that are memories or choose among their blocks."""
    kept = memories(architecture)
    return small_memory_luts(kept, FAMILIES[family]) + block_select_luts(kept, FAMILIES[family])


@functools.cache
def _multipliers(family: str) -> tuple[float, float]:
    """Hard multipliers per multiplier of the array and per output lane: the same in every machine that was measured.

    Raises:
        PartError: If they are not.
    """
    measured = measurements(family)
    terms = np.array(
        [[one.architecture.multipliers, one.architecture.output_lanes] for one in measured], dtype=np.float64
    )
    counts = np.array([one.counts.dsp for one in measured])
    found = np.round(2 * np.linalg.lstsq(terms, counts, rcond=None)[0]) / 2
    if not np.array_equal(terms @ found, counts):
        raise PartError(
            f"the calibration of {family} has multipliers that are not per cell and lane; run `make calibrate` again"
        )
    return float(found[0]), float(found[1])


def _whole(number: float) -> float:
    return int(number) if number == int(number) else number
