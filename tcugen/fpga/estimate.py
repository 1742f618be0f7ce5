"""What a machine will take of a part, from its architecture alone.

Multipliers and block RAMs are counted: the array has one multiplier per cell, each lane of the output stage some for
its products, and each memory becomes what `ram` says. Look-up tables and flip-flops are a sum of terms that is fitted
to syntheses of several machines, `calibration.json`: one for the machine whatever its size, one per cell of the array,
one per lane, and, where enough machines were measured, one per column and one per row.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypedDict, cast

import numpy as np

from tcugen.arch import Architecture
from tcugen.fpga.memories import memories
from tcugen.fpga.part import Part
from tcugen.fpga.ram import map_memory
from tcugen.fpga.table import family_of

TERMS: Mapping[str, Callable[[Architecture], int]] = {
    "machine": lambda _: 1,
    "lane": lambda a: a.output_lanes,
    "cell": lambda a: a.multipliers,
    "column": lambda a: a.columns,
    "row": lambda a: a.rows,
}
"""What look-up tables and flip-flops grow with, most telling first: with n machines measured, n terms are fitted."""

FEWEST_ROWS = 3
"""Machines that must have been measured on a family before its look-up tables are estimated."""

MULTIPLIERS: Mapping[str, tuple[int, int]] = {"ecp5": (1, 8), "xc7": (1, 8), "xcup": (1, 8)}
"""Multipliers per cell of the array and per lane, by family; of others none is known."""


class Row(TypedDict):
    """One synthesis: what a machine took on a family."""

    family: str
    yosys: str
    architecture: dict[str, int]
    lut: int
    lut_ram: int
    ff: int
    dsp: int
    bram: float


@dataclass(frozen=True)
class Estimate:
    """What a machine will take; None where that is not known for the family."""

    lut: int | None
    ff: int | None
    dsp: int | None
    bram: float


def calibration() -> list[Row]:
    """Every synthesis that estimates are fitted to."""
    return cast(list[Row], json.loads(files("tcugen.fpga").joinpath("calibration.json").read_text())["rows"])


def estimate(architecture: Architecture, part: Part) -> Estimate:
    """What a machine will take of a part."""
    fitted = _fitted(part.family)
    multipliers = MULTIPLIERS.get(part.family)
    cell_lane = (architecture.multipliers, architecture.output_lanes)
    return Estimate(
        lut=round(_logic(architecture, fitted["lut"]) + lut_memories(architecture, part)) if fitted else None,
        ff=round(_logic(architecture, fitted["ff"])) if fitted else None,
        dsp=sum(a * b for a, b in zip(multipliers, cell_lane, strict=True)) if multipliers else None,
        bram=block_rams(architecture, part),
    )


def block_rams(architecture: Architecture, part: Part) -> float:
    """Block RAMs of a machine, in those of the part's family."""
    family = family_of(part)
    total = sum(n * map_memory(memory, family, part.family).brams for memory, n in memories(architecture).items())
    return int(total) if total == int(total) else total


def lut_memories(architecture: Architecture, part: Part) -> int:
    """Look-up tables that are memories of `tcu_sram_1r1w`, in those of the part's family."""
    family = family_of(part)
    return sum(n * map_memory(memory, family, part.family).luts for memory, n in memories(architecture).items())


def fit(architectures: Sequence[Architecture], taken: Sequence[float]) -> dict[str, float]:
    """Coefficients by term that come closest to what machines took, each machine weighed by its size."""
    terms = list(TERMS)[: len(architectures)]
    weights = 1 / np.asarray(taken, dtype=np.float64)
    matrix = np.array([[TERMS[term](one) for term in terms] for one in architectures], dtype=np.float64)
    found = np.linalg.lstsq(matrix * weights[:, None], np.ones(len(architectures)), rcond=None)[0]
    return {term: float(value) for term, value in zip(terms, found, strict=True)}


@cache
def _fitted(family: str) -> dict[str, dict[str, float]] | None:
    rows = [row for row in calibration() if row["family"] == family]
    if len(rows) < FEWEST_ROWS:
        return None
    architectures = [Architecture.from_dict(row["architecture"]) for row in rows]
    part = Part(name=family, family=family, luts=1, flip_flops=1, dsps=1, brams=1, source="calibration")
    logic = [
        row["lut"] - lut_memories(architecture, part) for row, architecture in zip(rows, architectures, strict=True)
    ]
    return {"lut": fit(architectures, logic), "ff": fit(architectures, [row["ff"] for row in rows])}


def _logic(architecture: Architecture, coefficients: Mapping[str, float]) -> float:
    return sum(value * TERMS[term](architecture) for term, value in coefficients.items())
