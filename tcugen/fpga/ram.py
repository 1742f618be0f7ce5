"""How many block RAMs a memory of one read and one write port becomes, and when it is made of look-up tables instead.

The rule is Yosys': of all shapes of a block, and of memory in look-up tables, the one of least cost is taken. A block
costs as much as 18,432 of its bits, `BLOCK_COST`; a cell of look-up tables what the family's table says; joining cells
by depth costs half a unit per bit read and per lane written.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tcugen.fpga.part import Family

BLOCK_COST = 128
BLOCK_BITS = 18432
JOIN_COST = 0.5


@dataclass(frozen=True)
class Memory:
    """A memory: bits of a word, words, and bits of the lanes that are written apart."""

    width: int
    depth: int
    lane: int

    @property
    def lanes(self) -> int:
        return self.width // self.lane


@dataclass(frozen=True)
class LutCell:
    """A cell of memory in look-up tables: bits, words, look-up tables, cost; `scaled` if bits not used cost nothing."""

    width: int
    depth: int
    luts: int
    cost: float
    scaled: bool = False


LUT_CELLS: Mapping[str, tuple[LutCell, ...]] = {
    "ecp5": (LutCell(4, 16, 4, 4),),
    "nexus": (LutCell(4, 16, 4, 4),),
    "gowin": (LutCell(4, 16, 4, 4),),
    "xc7": (LutCell(6, 32, 4, 8, True), LutCell(3, 64, 4, 8, True)),
    "xcup": (LutCell(14, 32, 8, 16, True), LutCell(7, 64, 8, 16, True)),
    "ice40": (),
    "gatemate": (),
}
"""By family."""


@dataclass(frozen=True)
class Mapped:
    """What a memory becomes: block RAMs, halves possible, or look-up tables."""

    brams: float
    luts: int


def map_memory(memory: Memory, family: Family, name: str) -> Mapped:
    """What a memory becomes on a family of that name."""
    best, least = Mapped(0, 0), float("inf")
    for cell in LUT_CELLS[name]:
        columns = memory.lanes * -(-memory.lane // cell.width)
        rows = -(-memory.depth // cell.depth)
        side_by_side = memory.width / cell.width if cell.scaled else columns
        cost = cell.cost * rows * side_by_side + _join(memory, rows)
        if cost < least:
            best, least = Mapped(0, cell.luts * rows * columns), cost
    for width, depth, share in block_shapes(family):
        rows = -(-memory.depth // depth)
        blocks = _columns(memory, width) * rows
        cost = blocks * share * family.bram_bits / BLOCK_BITS * BLOCK_COST + _join(memory, rows)
        if cost < least:
            best, least = Mapped(blocks * share, 0), cost
    whole = int(best.brams) if best.brams == int(best.brams) else best.brams
    return Mapped(whole, best.luts)


def block_shapes(family: Family) -> list[tuple[int, int, float]]:
    """Width, depth and share of a block of every shape, half blocks of those of 32 Kb and more included."""
    shapes = [(width, depth, 1.0) for width, depth in family.bram_shapes]
    if family.bram_bits > BLOCK_BITS:
        shapes += [(width, depth // 2, 0.5) for width, depth in family.bram_shapes if width * 2 <= _widest(family)]
    return shapes


def _join(memory: Memory, rows: int) -> float:
    """What it costs to choose among rows of cells: the word that is read, the lanes that are written."""
    return JOIN_COST * (memory.width + memory.lanes) * (rows - 1)


def _widest(family: Family) -> int:
    return max(width for width, _ in family.bram_shapes)


def _columns(memory: Memory, width: int) -> int:
    """Blocks side by side. Words of nine bits and more are written in units of nine, each of one lane."""
    if width < 9:
        return memory.lanes * -(-memory.lane // width)
    units = memory.lanes * -(-memory.lane // 9)
    return -(-units // (width // 9))
