"""What mapped cells take, on netlists as Yosys wrote them."""

import pytest

from tcugen.fpga.cells import KINDS, Counts, count
from tcugen.fpga.errors import ToolError
from tcugen.fpga.synthesis import read_cells
from tcugen.fpga.table import parts

ECP5 = {"CCU2C": 2310, "DP16KD": 56, "L6MUX21": 78, "LUT4": 10857, "MULT18X18D": 24, "PFUMX": 1730,
        "TRELLIS_DPR16X4": 613, "TRELLIS_FF": 12370}  # fmt: skip
XC7 = {"CARRY4": 980, "DSP48E1": 24, "FDRE": 11374, "FDSE": 29, "INV": 426, "LUT2": 1680, "LUT3": 1142, "LUT4": 818,
       "LUT5": 2847, "LUT6": 2304, "MUXF7": 3, "MUXF8": 1, "RAM32M": 438, "RAM64M": 55, "RAMB18E1": 13, "RAMB36E1": 19,
       "SRL16E": 61}  # fmt: skip


def test_ecp5():
    lut_ram = 4 * 613
    assert count(ECP5, "ecp5") == Counts(10857 + 2 * 2310 + lut_ram, 12370, 24, 56, 0, lut_ram)


def test_xc7_counts_half_blocks_and_no_carry_cells():
    lut_ram = 61 + 4 * (438 + 55)
    logic = 1680 + 1142 + 818 + 2847 + 2304
    assert count(XC7, "xc7") == Counts(logic + lut_ram, 11374 + 29, 24, 19 + 13 / 2, 0, lut_ram)


def test_a_multiplier_of_half_the_size_takes_half_a_place_rounded_up():
    assert count({"MULT9X9": 3}, "gowin").dsp == 2
    assert count({"MULT9X9": 16, "MULT18X36": 2, "MULT18X18": 1}, "nexus").dsp == 13


def test_halves_of_a_cpe_are_rounded_up():
    assert count({"CC_L2T4": 3, "CC_L2T5": 2, "CC_BRAM_20K": 1}, "gatemate") == Counts(4, 0, 0, 0.5)


def test_every_family_of_the_table_is_counted():
    assert {part.family for part in parts()} == set(KINDS)


def test_statistics_are_read_after_lines_of_a_log():
    text = 'Warning: x\n{"modules": {"\\\\tcu_top": {"num_cells_by_type": {"LUT4": 3, "$scopeinfo": 9}}}}'
    assert read_cells(text, "tcu_top") == {"LUT4": 3}


@pytest.mark.parametrize("text", ["", "{}", '{"modules": {}}', "{"])
def test_statistics_that_are_none_are_refused(text):
    with pytest.raises(ToolError, match="statistics that cannot be read"):
        read_cells(text, "tcu_top")
