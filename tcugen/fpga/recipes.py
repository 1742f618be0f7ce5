"""How the open tools are called for each family, and what their cells count as."""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from tcugen.fpga.errors import SynthesisError

_NAMES = r"\$scopeinfo"
"""Cells that only remember where others came from."""


@dataclass(frozen=True)
class Recipe:
    """What Yosys is told and what it answers with.

    Attributes:
        command: The synthesis pass.
        oldest_yosys: Oldest Yosys whose netlist is right and has the family's multipliers.
        luts, multipliers, block_rams: What a cell counts as, by a pattern of its whole name.
        flip_flops: Pattern of cells that are one flip-flop.
        free: Pattern of cells that take nothing that is counted: constants, buffers, carry chains and multiplexers
            that are part of a LUT's surroundings.
        nextpnr: Name of the tool that places and routes; None if none is open.
        wrapped: The synthesis pass of the wrapper around the machine, which stays a black box: with pads.
    """

    command: str
    oldest_yosys: tuple[int, int]
    luts: dict[str, int | Fraction]
    flip_flops: str
    multipliers: dict[str, int | Fraction]
    block_rams: dict[str, int | Fraction]
    free: str
    nextpnr: str | None = None
    wrapped: str = ""

    @cached_property
    def _kinds(self) -> tuple[tuple[str, dict[str, int | Fraction]], ...]:
        return (
            ("lut", self.luts),
            ("ff", {self.flip_flops: 1}),
            ("dsp", self.multipliers),
            ("bram", self.block_rams),
            ("", {self.free: 0, _NAMES: 0}),
        )

    def kind(self, cell: str) -> tuple[str, int | Fraction]:
        """What cells of that type are counted under, "" for nothing, and as how many.

        Raises:
            SynthesisError: If they are not known.
        """
        for kind, patterns in self._kinds:
            for pattern, number in patterns.items():
                if re.fullmatch(pattern, cell):
                    return kind, number
        raise SynthesisError(
            f"Yosys made cells of type {cell}, but `{self.command}` is not known to; use another Yosys "
            f"(this flow was made with 0.23 and 0.70)"
        )


_HALF = Fraction(1, 2)
_XILINX_LUTS: dict[str, int | Fraction] = {
    "LUT[1-6]|SRL16E|SRLC16E|SRLC32E|RAM(32|64)X1S": 1,
    "RAM(32|64)X1D": 2,
    "RAM128X1S": 2,
    "RAM128X1D": 4,
    "RAM256X1S": 4,
    "RAM(32|64)M": 4,
    "RAM32M16|RAM64M8|RAM256X1D": 8,
}
_XILINX_FREE = r"CARRY[48]|MUXF[789]|INV|BUFG|GND|VCC"

RECIPES = {
    "ecp5": Recipe(
        command="synth_ecp5",
        oldest_yosys=(0, 23),
        # A carry cell is two LUTs, a small memory of 16 words four, as nextpnr packs them.
        luts={"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4},
        flip_flops="TRELLIS_FF",
        multipliers={"MULT18X18D": 1, "MULT9X9D": _HALF},
        block_rams={"DP16KD|PDPW16KD": 1},
        free="PFUMX|L6MUX21|VHI|VLO",
        nextpnr="nextpnr-ecp5",
        wrapped="synth_ecp5 -noflatten",
    ),
    "ice40": Recipe(
        command="synth_ice40 -device u -dsp",
        oldest_yosys=(0, 23),
        luts={"SB_LUT4": 1},
        flip_flops=r"SB_DFF\w*",
        multipliers={"SB_MAC16": 1},
        block_rams={r"SB_RAM40_4K\w*": 1},
        free="SB_CARRY|SB_GB",
    ),
    "nexus": Recipe(
        command="synth_nexus -noiopad",
        oldest_yosys=(0, 23),
        luts={"LUT4": 1, "INV": 1, "WIDEFN9": 2, "CCU2": 2, "DPR16X4": 4},
        flip_flops=r"FD1P3\w+",
        multipliers={"MULT9X9": _HALF, "MULT18X18": 1, "MULT18X36": 2, "MULT36X36": 4},
        block_rams={r"(PDP|PDPSC|DP|SP|ROM)16K\w*": 1},
        free="VHI|VLO",
        nextpnr="nextpnr-nexus",
        wrapped="synth_nexus -noflatten",
    ),
    "xc7": Recipe(
        command="synth_xilinx -family xc7 -noiopad -noclkbuf -flatten",
        oldest_yosys=(0, 23),
        luts=_XILINX_LUTS,
        flip_flops=r"FD[RSCP]E(_1)?",
        multipliers={"DSP48E1": 1},
        block_rams={"RAMB18E1": _HALF, "RAMB36E1": 1},
        free=_XILINX_FREE,
    ),
    "xcup": Recipe(
        command="synth_xilinx -family xcup -noiopad -noclkbuf -flatten",
        oldest_yosys=(0, 23),
        luts=_XILINX_LUTS,
        flip_flops=r"FD[RSCP]E(_1)?",
        multipliers={"DSP48E2": 1},
        block_rams={"RAMB18E2": _HALF, "RAMB36E2": 1},
        free=_XILINX_FREE,
    ),
    "gowin": Recipe(
        command="synth_gowin -noiopads",
        # Older ones build multipliers of LUTs.
        oldest_yosys=(0, 60),
        luts={"LUT[1-4]": 1, "ALU": 1, r"RAM16SDP4|RAM16S4": 4},
        flip_flops=r"DFF\w*",
        multipliers={"MULT9X9": _HALF, "MULT18X18": 1, "MULT36X36": 4},
        block_rams={r"(SDPX?9?|SDP|DPX?9?|SPX?9?|pROMX?9?)B?": 1},
        free=r"MUX2_LUT\d|MUX2_\w+|GND|VCC|GSR|INV",
        nextpnr="nextpnr-himbaechel-gowin",
        wrapped="synth_gowin -noflatten",
    ),
    "gatemate": Recipe(
        # A product's CPEs are counted when it is built of adders.
        command="synth_gatemate -noiopad -noclkbuf -nomult",
        oldest_yosys=(0, 60),
        luts={"CC_LUT[12]|CC_L2T4|CC_ADDF|CC_MX2": _HALF, "CC_L2T5|CC_MX4|CC_MX8": 1},
        flip_flops="CC_DFF",
        multipliers={},
        block_rams={"CC_BRAM_20K": _HALF, "CC_BRAM_40K": 1},
        free="CC_BUFG|GND|VCC",
    ),
}
"""By the name of the family."""
