"""`tcugen parts`: the FPGAs that are known, with what they hold."""

import json
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tcugen.cells.cell_library import LIBRARIES, Library
from tcugen.console.output_files import start_over, write_json
from tcugen.fpga.parts import Part, bundled_parts


def parts(json_file: Path | None, console: Console) -> None:
    """Print a line per part and per board, or write all figures with their sources to `json_file` besides.

    Raises:
        UsageError: If the file cannot be written.
    """
    start_over({"--json": json_file})
    table = Table(title="Parts")
    table.add_column("part")
    table.add_column("family")
    for heading in ("LUT", "flip-flops", "multipliers", "block RAM", "UltraRAM"):
        table.add_column(heading, justify="right")
    table.add_column("nextpnr")
    table.add_column("boards: memory, GB/s", overflow="fold")
    for part in bundled_parts():
        table.add_row(*map(escape, _row(part)))
    console.print(table)
    unchecked = ", ".join(part.name for part in bundled_parts() if not part.checked)
    console.print(
        f"Figures are those of data sheets, and all but those of {unchecked} were compared with a tool's own count; "
        "`tcugen parts --json FILE` names both. A part of your own: docs/fpga.md.",
        highlight=False,
        markup=False,
    )
    console.print(_cells_table())
    if json_file:
        figures = {
            "format": 1,
            "parts": [described(part) for part in bundled_parts()],
            "cells": [_described_cells(library) for library in LIBRARIES],
        }
        write_json(json_file, figures)


def _cells_table() -> Table:
    table = Table(title="Standard cells, of `tcugen synth` only")
    for heading in ("library", "process", "here", "Debian package"):
        table.add_column(heading)
    for library in LIBRARIES:
        here = "yes" if library.liberty.is_file() else "no"
        table.add_row(*map(escape, (library.name, library.title, here, library.package)))
    return table


def _described_cells(library: Library) -> dict[str, object]:
    return {
        "name": library.name,
        "title": library.title,
        "liberty": str(library.liberty),
        "package": library.package,
    }


def described(part: Part) -> dict[str, object]:
    """A part for JSON, with what its family says of a multiplier and a block RAM."""
    family = part.kind
    multiplier, block = family.multiplier, family.block_ram
    return {
        **json.loads(part.model_dump_json()),
        "lut_kind": family.lut,
        "multiplier": multiplier
        and {
            "kind": multiplier.kind,
            "operand_bits": list(multiplier.operands),
            "int8_products": multiplier.int8_products,
        },
        "block_ram": block and {"kind": block.kind, "bits": block.bits, "shapes": [list(s) for s in block.shapes]},
        "family_source": family.source,
    }


def _row(part: Part) -> tuple[str, ...]:
    family = part.kind
    multiplier = f" {family.multiplier.kind}" if family.multiplier else ""
    block = f" x {family.block_ram.bits / 1024:g} Kb" if family.block_ram else ""
    return (
        part.name,
        family.title,
        f"{part.luts:,} {family.lut}",
        f"{part.flip_flops:,}",
        f"{part.multipliers:,}{multiplier}" if part.multipliers else "none",
        f"{part.block_rams:,}{block}",
        f"{part.ultra_rams:,}" if part.ultra_rams else "",
        "places" if part.place else "counts only",
        ", ".join(f"{board.name}: {board.memory_gb_per_s:g}" for board in part.boards),
    )
