"""What a machine takes of a part."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from tcugen.fpga.parts import Part
from tcugen.fpga.recipes import Recipe


@dataclass(frozen=True)
class Counts:
    """LUTs, flip-flops, multipliers and block RAMs, in the units of a family; multipliers and block RAMs may be
    halves."""

    lut: int
    ff: int
    dsp: float
    bram: float

    def to_dict(self) -> dict[str, float]:
        return dataclasses.asdict(self)

    def shares(self, part: Part) -> dict[str, float]:
        """Of what the part has, by count; infinite where it has none and some are needed."""
        have = {"lut": part.luts, "ff": part.flip_flops, "dsp": part.multipliers, "bram": part.block_rams}
        return {
            name: need / have[name] if have[name] else (float("inf") if need else 0.0)
            for name, need in self.to_dict().items()
        }


def count_cells(cells: Mapping[str, int], recipe: Recipe) -> Counts:
    """Counts of a netlist.

    Args:
        cells: How many there are, by type.

    Raises:
        SynthesisError: If a type is not known.
    """
    sums: dict[str, Fraction] = dict.fromkeys(["lut", "ff", "dsp", "bram", ""], Fraction(0))
    for cell, number in cells.items():
        kind, one = recipe.kind(cell)
        sums[kind] += number * one
    return Counts(lut=_up(sums["lut"]), ff=_up(sums["ff"]), dsp=_plain(sums["dsp"]), bram=_plain(sums["bram"]))


def cells_of(stat: str, top: str) -> dict[str, int]:
    """Cells by type in what Yosys' `stat -json` wrote of a flat design."""
    modules = json.loads(stat[stat.index("{") :])["modules"]
    return {name: int(number) for name, number in modules[f"\\{top}"]["num_cells_by_type"].items()}


def _up(number: Fraction) -> int:
    return -int(-number // 1)


def _plain(number: Fraction) -> float:
    return int(number) if number.denominator == 1 else float(number)
