"""What cells count as, and how that compares with a part."""

import math
from dataclasses import replace

import pytest

from tcugen.fpga.counts import Counts, cells_of, count_cells
from tcugen.fpga.errors import SynthesisError
from tcugen.fpga.families import FAMILIES
from tcugen.fpga.parts import find_part
from tcugen.fpga.recipes import RECIPES

STAT = """
Removed nothing.
{ "modules": { "\\\\tcu_top": { "num_cells": 3, "num_cells_by_type": { "LUT4": 2, "TRELLIS_FF": 1 } } } }
"""


def test_every_family_has_a_recipe():
    assert set(RECIPES) == set(FAMILIES)


@pytest.mark.parametrize("family", RECIPES)
def test_a_family_counts_multipliers_and_block_rams_where_it_has_them(family):
    assert bool(RECIPES[family].multipliers) == (FAMILIES[family].multiplier is not None)
    assert bool(RECIPES[family].block_rams) == (FAMILIES[family].block_ram is not None)


@pytest.mark.parametrize(
    "family,cells,counts",
    [
        (
            "ecp5",
            {"LUT4": 10, "CCU2C": 3, "TRELLIS_DPR16X4": 2, "PFUMX": 7, "TRELLIS_FF": 5, "DP16KD": 1, "PDPW16KD": 2},
            Counts(lut=24, ff=5, dsp=0, bram=3),
        ),
        ("xc7", {"LUT6": 4, "CARRY4": 9, "RAM32M": 1, "FDRE": 2, "RAMB18E1": 3, "DSP48E1": 6}, Counts(8, 2, 6, 1.5)),
        ("gowin", {"LUT3": 1, "ALU": 2, "MULT9X9": 3, "SDPX9B": 2, "DFFRE": 4}, Counts(3, 4, 1.5, 2)),
        ("gatemate", {"CC_L2T4": 3, "CC_L2T5": 1, "CC_DFF": 2, "CC_BRAM_20K": 1}, Counts(3, 2, 0, 0.5)),
        (
            "nexus",
            {"LUT4": 1, "WIDEFN9": 2, "CCU2": 1, "FD1P3IX": 3, "MULT18X36": 1, "PDPSC16K": 2},
            Counts(7, 3, 2, 2),
        ),
    ],
)
def test_cells_are_counted(family, cells, counts):
    assert count_cells(cells, RECIPES[family]) == counts


def test_a_cell_that_is_not_known_is_not_left_out():
    with pytest.raises(SynthesisError, match="type ODDRX1F, but `synth_ecp5` is not known to"):
        count_cells({"LUT4": 1, "ODDRX1F": 1}, RECIPES["ecp5"])


def test_cells_are_read_from_what_yosys_wrote():
    assert cells_of(STAT, "tcu_top") == {"LUT4": 2, "TRELLIS_FF": 1}


def test_shares_of_a_part():
    part = replace_counts(find_part("XC7Z020"), luts=1000, flip_flops=500, multipliers=0, block_rams=4)
    assert Counts(250, 500, 1, 1.5).shares(part) == {"lut": 0.25, "ff": 1.0, "dsp": math.inf, "bram": 0.375}
    assert replace(Counts(0, 0, 1, 0), dsp=0).shares(part)["dsp"] == 0


def replace_counts(part, **counts):
    return part.model_copy(update=counts)
