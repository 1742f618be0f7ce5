"""What `tcugen diff` found, for the reader: a table of layers and the first difference in words."""

from typing import TypedDict

from rich.table import Table

_VERDICTS = {
    "rtl": "the RTL differs; golden and emulator agree: look in the hardware",
    "program": "RTL and emulator agree, golden differs: look in the compiler, or in the arithmetic of either side",
    "emulator": "the emulator alone differs; golden and RTL agree",
    "all": "golden, emulator and RTL have three different values",
    "address": "the RTL writes to another address than the instruction says",
    "missing": "a write of the RTL never came",
    "surplus": "the RTL writes more than the program's instructions do",
    "store": "on chip all is right, but an output in memory differs",
}


class TileFigures(TypedDict):
    """Where in its instruction's loops a write stands."""

    number: int
    group: int
    block: int


class FirstFigures(TypedDict):
    """The first difference; None where the finding has no such place or value."""

    kind: str
    image: int
    layer: int
    nodes: tuple[str, ...] | None
    tensor: str | None
    element: tuple[int, int, int] | None
    golden: int | None
    emulator: int | None
    rtl: int | None
    instruction: int | None
    write: int | None
    tile: TileFigures | None
    expected_address: int | None
    address: int | None
    cycle: int | None


class LayerFigures(TypedDict):
    """Elements of one layer that differ from golden, of the emulator None if it did not come to its end."""

    layer: int
    tensor: str
    elements: int
    rtl: int
    emulator: int | None
    missing: int
    misplaced: int


class FocusFigures(TypedDict):
    """The window of cycles around the first difference."""

    image: int
    first: int
    cycles: int


class DifferenceFigures(TypedDict):
    """What `tcugen diff --json` writes; `listing` is the instruction that wrote the first difference."""

    format: int
    differs: bool
    first: FirstFigures | None
    layers: tuple[LayerFigures, ...]
    stopped: str | None
    emulator_error: str | None
    cycles: tuple[int, ...]
    focus: FocusFigures | None
    listing: str | None


def difference_table(figures: DifferenceFigures) -> Table:
    """How many elements of each layer differ.

    Args:
        figures: What `--json` writes.
    """
    table = Table(title="Elements that differ from golden")
    for name in ("layer", "tensor", "elements", "RTL", "emulator", "never written", "wrong addresses"):
        table.add_column(name, justify="left" if name == "tensor" else "right")
    for layer in figures["layers"]:
        emulator = "?" if layer["emulator"] is None else f"{layer['emulator']:,}"
        counts = (f"{layer['missing']:,}", f"{layer['misplaced']:,}")
        row = (str(layer["layer"]), layer["tensor"], f"{layer['elements']:,}", f"{layer['rtl']:,}", emulator, *counts)
        table.add_row(*row)
    return table


def difference_text(figures: DifferenceFigures) -> str:
    """The first difference and what else went wrong, several lines; one line if nothing did."""
    if not figures["differs"]:
        elements = sum(layer["elements"] for layer in figures["layers"])
        cycles = ", ".join(f"{count:,}" for count in figures["cycles"])
        return (
            f"no difference: golden, emulator and RTL agree in {elements:,} elements per image of "
            f"{len(figures['layers'])} layers (cycles per image: {cycles})"
        )
    lines = [f"emulator: {figures['emulator_error']}"] if figures["emulator_error"] else []
    if figures["stopped"]:
        lines.append(f"run: {figures['stopped']}")
    if figures["first"]:
        lines += _first(figures["first"], figures["listing"])
    return "\n".join(lines)


def _first(first: FirstFigures, listing: str | None) -> list[str]:
    lines = [f"first difference: {_VERDICTS[first['kind']]}"]
    nodes = " + ".join(first["nodes"] or ()) or "unknown to the program"
    lines.append(f"  layer        {first['layer']} ({nodes}), image {first['image']}")
    if first["tile"]:
        tile = first["tile"]
        lines.append(f"  tile         {tile['number']}: channel group {tile['group']}, row block {tile['block']}")
    if first["element"]:
        channel, row, column = first["element"]
        lines.append(f"  element      {first['tensor']}, channel {channel}, pixel (row {row}, column {column})")
        values = (("golden", first["golden"]), ("emulator", first["emulator"]), ("rtl", first["rtl"]))
        lines.append("  values       " + ", ".join(f"{name} {'-' if v is None else v}" for name, v in values))
    if first["expected_address"] is not None:
        got = "" if first["address"] in (None, first["expected_address"]) else f", got 0x{first['address']:06x}"
        lines.append(f"  address      expected 0x{first['expected_address']:06x}{got}")
    elif first["address"] is not None:
        lines.append(f"  address      0x{first['address']:06x}")
    if first["instruction"] is not None:
        write = "" if first["write"] is None else f", its write {first['write']}"
        lines.append(f"  instruction  {first['instruction']}{write}")
        lines.append(f"               {listing}")
    lines.append(f"  cycle        {'none: it never came' if first['cycle'] is None else first['cycle']}")
    return lines
