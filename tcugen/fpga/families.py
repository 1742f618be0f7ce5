"""Families of FPGAs: what one LUT, multiplier and block RAM of them is. Counts of a part are in `parts`.

Shapes of a block RAM are those with one read and one write port, as `tcu_sram_1r1w` needs.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class BlockRam:
    """One block RAM.

    Attributes:
        kind: The primitive that is counted.
        bits: Of one block, parity included.
        shapes: Width and depth of every way in which it is used as a whole, narrowest first.
        halves: Whether half a block is counted too, with each shape at half its width or depth.
        cost: Of the smallest one that is counted, in Yosys' library, where a memory goes to what costs least.
        select_luts: LUTs per bit and further block where blocks are stacked; about, from lone memories in Yosys 0.23.
    """

    kind: str
    bits: int
    shapes: tuple[tuple[int, int], ...]
    halves: bool = False
    cost: int = 128
    select_luts: float = 1.25


@dataclass(frozen=True)
class SmallMemory:
    """A memory built of LUTs: so many of them for one shape, with a cost as that of a block RAM."""

    luts: int
    cost: int
    shapes: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Multiplier:
    """One hard multiplier; `operands` are the widths of both factors, signed, `int8_products` it can make at once."""

    kind: str
    operands: tuple[int, int]
    int8_products: int


@dataclass(frozen=True)
class Family:
    """A family.

    Attributes:
        title: As its vendor calls it.
        lut: What is counted as one LUT.
        multiplier, block_ram: None where it has none.
        small_memory: What LUTs make of a memory; None if they cannot.
        source: Documents of the figures here.
    """

    title: str
    lut: str
    multiplier: Multiplier | None
    block_ram: BlockRam | None
    small_memory: SmallMemory | None
    source: str


_RAM_16X4 = SmallMemory(4, 4, ((4, 16),))
_RAM_XILINX = SmallMemory(4, 8, ((6, 32), (3, 64)))
_RAMB36 = ((1, 32768), (2, 16384), (4, 8192), (9, 4096), (18, 2048), (36, 1024), (72, 512))
_BLOCK_18K = ((1, 16384), (2, 8192), (4, 4096), (9, 2048), (18, 1024), (36, 512))

ASSUMED_CLOCK_MHZ = 100.0
"""What speeds are reckoned with where the user gives no clock. It is an assumption: no family's clock was measured for
the machines of now, and only place-and-route can."""

FAMILIES = {
    "ecp5": Family(
        title="Lattice ECP5",
        lut="LUT4",
        multiplier=Multiplier("MULT18X18D", (18, 18), 2),
        block_ram=BlockRam("DP16KD", 18432, _BLOCK_18K),
        small_memory=_RAM_16X4,
        source="Lattice FPGA-DS-02012, ECP5 and ECP5-5G Family; FPGA-TN-02204, memory; FPGA-TN-02205, sysDSP",
    ),
    "ice40": Family(
        title="Lattice iCE40 UltraPlus",
        lut="LUT4",
        multiplier=Multiplier("SB_MAC16", (16, 16), 2),
        block_ram=BlockRam("SB_RAM40_4K", 4096, ((2, 2048), (4, 1024), (8, 512), (16, 256))),
        small_memory=None,
        source="Lattice FPGA-DS-02008, iCE40 UltraPlus Family",
    ),
    "nexus": Family(
        title="Lattice Nexus",
        lut="LUT4",
        multiplier=Multiplier("MULT18X18", (18, 18), 2),
        block_ram=BlockRam("EBR", 18432, _BLOCK_18K),
        small_memory=_RAM_16X4,
        source="Lattice FPGA-DS-02049, CrossLink-NX Family; FPGA-TN-02094, memory; FPGA-TN-02096, sysDSP",
    ),
    "xc7": Family(
        title="AMD 7 series",
        lut="LUT6",
        multiplier=Multiplier("DSP48E1", (25, 18), 1),
        block_ram=BlockRam("RAMB36E1", 36864, _RAMB36, halves=True, cost=129, select_luts=0.85),
        small_memory=_RAM_XILINX,
        source="AMD UG473, 7 Series Memory Resources; UG479, 7 Series DSP48E1",
    ),
    "xcup": Family(
        title="AMD UltraScale+",
        lut="LUT6",
        multiplier=Multiplier("DSP48E2", (27, 18), 2),
        block_ram=BlockRam("RAMB36E2", 36864, _RAMB36, halves=True, cost=129, select_luts=0.85),
        small_memory=_RAM_XILINX,
        source="AMD UG573, UltraScale Memory Resources; UG579, UltraScale DSP",
    ),
    "gowin": Family(
        title="Gowin Arora",
        lut="LUT4",
        multiplier=Multiplier("MULT18X18", (18, 18), 2),
        block_ram=BlockRam("BSRAM", 18432, _BLOCK_18K),
        small_memory=_RAM_16X4,
        source="Gowin DS102, GW2A series; SUG283, primitives",
    ),
    "gatemate": Family(
        title="Cologne Chip GateMate",
        lut="CPE",
        multiplier=None,
        block_ram=BlockRam(
            "CC_BRAM_40K",
            40960,
            ((1, 32768), (2, 16384), (5, 8192), (10, 4096), (20, 2048), (40, 1024), (80, 512)),
            halves=True,
        ),
        small_memory=None,
        source="Cologne Chip DS1001, GateMate FPGA",
    ),
}
"""By the name that a part's `family` has."""
