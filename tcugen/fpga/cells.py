"""What the cells of a mapped netlist take of a part, family by family."""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """What a design takes.

    Attributes:
        lut: Places of look-up tables, those of carry chains and of memories in look-up tables included where a family
            makes them of such; wide multiplexers take none.
        ff: Flip-flops.
        dsp: Multipliers of the family's kind.
        bram: Block RAMs of the family's kind; half blocks count a half.
        ultra_ram: Blocks of the second kind.
        lut_ram: Of `lut`, those that are memories or delays.
    """

    lut: int
    ff: int
    dsp: int
    bram: float
    ultra_ram: int = 0
    lut_ram: int = 0


@dataclass(frozen=True)
class Kinds:
    """Regular expressions of cell types with what one takes; whatever none of them matches takes nothing."""

    lut: Mapping[str, float]
    lut_ram: Mapping[str, float]
    ff: str
    dsp: Mapping[str, float]
    bram: Mapping[str, float]
    ultra_ram: str = "(?!)"


_XILINX_LUT_RAM = {
    "SRL16E|SRLC32E": 1,
    "RAM(32|64)X1D": 2,
    "RAM128X1D|RAM32M|RAM64M": 4,
    "RAM32M16|RAM64M8|RAM256X1D": 8,
}

KINDS = {
    # Two LUT4 make the sums of a CCU2C, four hold 16 words of 4 bits; PFUMX and L6MUX21 join LUTs and are no LUT.
    "ecp5": Kinds(
        lut={"LUT4": 1, "CCU2C": 2},
        lut_ram={"TRELLIS_DPR16X4": 4},
        ff="TRELLIS_FF",
        dsp={"MULT18X18D": 1},
        bram={"DP16KD|PDPW16KD": 1},
    ),
    "ice40": Kinds(
        lut={"SB_LUT4": 1},
        lut_ram={},
        ff="SB_DFF.*",
        dsp={"SB_MAC16": 1},
        bram={"SB_RAM40_4K.*": 1},
        ultra_ram="SB_SPRAM256KA",
    ),
    # Carry chains have cells of their own beside the LUTs, and inverters merge into them.
    "xc7": Kinds(
        lut={"LUT[1-6]": 1},
        lut_ram=_XILINX_LUT_RAM,
        ff="FD[RSCP]E(_1)?",
        dsp={"DSP48E1": 1},
        bram={"RAMB36E1": 1, "RAMB18E1": 0.5},
    ),
    "xcup": Kinds(
        lut={"LUT[1-6]": 1},
        lut_ram=_XILINX_LUT_RAM,
        ff="FD[RSCP]E(_1)?",
        dsp={"DSP48E2": 1},
        bram={"RAMB36E2": 1, "RAMB18E2": 0.5},
        ultra_ram="URAM288",
    ),
    # An ALU is a LUT4 with its carry. Two MULT9X9 take the place of a MULT18X18.
    "gowin": Kinds(
        lut={"LUT[1-4]": 1, "ALU": 1},
        lut_ram={"RAM16SDP[124]": 4},
        ff="DFF.*",
        dsp={"MULT9X9": 0.5, "MULT18X18": 1, "MULT36X36": 4},
        bram={"S?DP(X9)?B?|SP(X9)?": 1},
    ),
    "nexus": Kinds(
        lut={"LUT4": 1, "WIDEFN9": 2, "CCU2": 2},
        lut_ram={"DPR16X4": 4},
        ff="FD1P3.*",
        dsp={"MULT9X9": 0.5, "MULT18X18": 1, "MULT18X36": 2, "MULT36X36": 4},
        bram={"PDPSC16K|PDP16K|DP16K": 1},
        ultra_ram="DPSC512K|PDPSC512K|SP512K",
    ),
    # Half a CPE is a LUT tree of four inputs or a bit of a sum; a multiplier takes many more, by its widths.
    "gatemate": Kinds(
        lut={"CC_LUT[1-4]|CC_L2T4|CC_ADDF|CC_MX2": 0.5, "CC_L2T5|CC_MX[48]": 1},
        lut_ram={},
        ff="CC_DFF|CC_DLT",
        dsp={},
        bram={"CC_BRAM_40K": 1, "CC_BRAM_20K": 0.5},
    ),
}
"""By family."""


def count(cells: Mapping[str, int], family: str) -> Counts:
    """What cells, given as how many there are of each type, take of a part of the family."""
    kinds = KINDS[family]
    lut_ram = _total(cells, kinds.lut_ram)
    bram = _total(cells, kinds.bram)
    return Counts(
        lut=round(_total(cells, kinds.lut) + lut_ram + 0.49),
        ff=int(_total(cells, {kinds.ff: 1})),
        dsp=round(_total(cells, kinds.dsp) + 0.49),
        bram=int(bram) if bram == int(bram) else bram,
        ultra_ram=int(_total(cells, {kinds.ultra_ram: 1})),
        lut_ram=int(lut_ram),
    )


def _total(cells: Mapping[str, int], kinds: Mapping[str, float]) -> float:
    return sum(
        number * taken for cell, number in cells.items() for kind, taken in kinds.items() if re.fullmatch(kind, cell)
    )
