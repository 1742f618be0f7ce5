"""What FPGAs hold: the JSON of `tcugen parts`, its table and its text on one part."""

from collections.abc import Sequence
from typing import TypedDict

from rich.markup import escape
from rich.table import Table


class MemoryKind(TypedDict):
    """A kind of memory block: how many there are, the bits of one, and [width, depth] of every shape it takes."""

    kind: str
    count: int
    bits: int
    shapes: list[tuple[int, int]]


class DspKind(TypedDict):
    """Multipliers: how many there are, and the widths of the operands of one."""

    kind: str
    count: int
    operands: tuple[int, int]


class BoardRow(TypedDict):
    """A board that carries the part; what its memory's pins can move, in MB/s."""

    name: str
    memory: str
    peak_mb_per_s: int
    source: str


class PartRow(TypedDict):
    """One FPGA; `placed_by` is None where no place-and-route of the Python package index has it."""

    name: str
    vendor: str
    family: str
    luts: int
    lut_inputs: int
    flip_flops: int
    dsp: DspKind | None
    bram: MemoryKind
    ultra_ram: MemoryKind | None
    placed_by: str | None
    boards: list[BoardRow]
    sources: list[str]


def parts_table(rows: Sequence[PartRow]) -> Table:
    """A line per part."""
    table = Table(title="Parts")
    table.add_column("part")
    table.add_column("family")
    for heading in ("LUTs", "flip-flops", "multipliers", "block RAMs", "KiB in them", "UltraRAM or the like"):
        table.add_column(heading, justify="right")
    table.add_column("place and route")
    for row in rows:
        dsp, bram, ultra = row["dsp"], row["bram"], row["ultra_ram"]
        table.add_row(
            escape(row["name"]),
            escape(row["family"]),
            f"{row['luts']:,} LUT{row['lut_inputs']}",
            f"{row['flip_flops']:,}",
            f"{dsp['count']:,} {dsp['kind']}" if dsp else "none",
            f"{bram['count']} {bram['kind']}",
            f"{bram['count'] * bram['bits'] // 8192:,}",
            f"{ultra['count']} {ultra['kind']}" if ultra else "none",
            row["placed_by"] or "counts only",
        )
    return table


def part_details(row: PartRow) -> str:
    """One part: everything that is known of it, and the documents that say so."""
    bram, ultra = row["bram"], row["ultra_ram"]
    lines = [
        f"{row['name']}: {row['vendor']}, family {row['family']}",
        f"  LUTs        {row['luts']:,} of {row['lut_inputs']} inputs",
        f"  flip-flops  {row['flip_flops']:,}",
        f"  multipliers {_multipliers(row['dsp'])}",
        f"  block RAMs  {_memory(bram)}",
    ]
    if ultra:
        lines.append(f"  besides     {_memory(ultra)}; not used by the synthesis here")
    lines.append(f"  placed by   {row['placed_by'] or 'nothing that pip has: counts only'}")
    lines += [
        f"  board       {board['name']}: {board['memory']}, at most {board['peak_mb_per_s']:,} MB/s ({board['source']})"
        for board in row["boards"]
    ]
    lines += [f"  source      {source}" for source in row["sources"]]
    return "\n".join(lines)


def _multipliers(dsp: DspKind | None) -> str:
    if dsp is None:
        return "none: they are made of LUTs"
    return f"{dsp['count']:,} {dsp['kind']}, {dsp['operands'][0]} x {dsp['operands'][1]} bits, one 8x8 product each"


def _memory(memory: MemoryKind) -> str:
    shapes = ", ".join(f"{width} x {depth:,}" for width, depth in memory["shapes"])
    return f"{memory['count']} {memory['kind']} of {memory['bits']:,} bits: {shapes} (bits x words)"
