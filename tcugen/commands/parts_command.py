"""`tcugen parts`: what the known FPGAs hold."""

from pathlib import Path

from rich.console import Console

from tcugen.console.output_files import start_over, write_json
from tcugen.fpga.family import PLACERS
from tcugen.fpga.part import Part
from tcugen.fpga.table import family_of, find_part, parts
from tcugen.report.parts_report import MemoryKind, PartRow, part_details, parts_table


def show_parts(part: str | None, json_file: Path | None, console: Console) -> None:
    """Print the table of parts, or one part with its block RAM shapes, boards and sources.

    Args:
        part: Name of a part or JSON file with one; None for all of the table.
        json_file: Where to write the figures; None for nowhere.

    Raises:
        PartError: If there is no such part.
        UsageError: If the file cannot be written.
    """
    chosen = parts() if part is None else (find_part(part),)
    start_over({"--json": json_file}, (part,))
    rows = [_row(one) for one in chosen]
    if part is None:
        console.print(parts_table(rows))
    else:
        console.print(part_details(rows[0]), highlight=False, markup=False, soft_wrap=True)
    if json_file:
        write_json(json_file, {"format": 1, "parts": rows})


def _row(part: Part) -> PartRow:
    family = family_of(part)

    def memory(kind: str, count: int, shapes: tuple[tuple[int, int], ...]) -> MemoryKind:
        return {
            "kind": kind,
            "count": count,
            "bits": max(width * depth for width, depth in shapes),
            "shapes": list(shapes),
        }

    return {
        "name": part.name,
        "vendor": family.vendor,
        "family": part.family,
        "luts": part.luts,
        "lut_inputs": family.lut_inputs,
        "flip_flops": part.flip_flops,
        "dsp": {"kind": family.dsp, "count": part.dsps, "operands": family.dsp_operands}
        if family.dsp and family.dsp_operands
        else None,
        "bram": memory(family.bram, part.brams, family.bram_shapes),
        "ultra_ram": memory(family.ultra_ram, part.ultra_rams, family.ultra_ram_shapes)
        if family.ultra_ram and part.ultra_rams
        else None,
        "placed_by": PLACERS[part.family].command if part.nextpnr and part.family in PLACERS else None,
        "boards": [
            {"name": board.name, "memory": board.memory, "peak_mb_per_s": board.peak_mb_per_s, "source": board.source}
            for board in part.boards
        ],
        "sources": [part.source, family.source],
    }
