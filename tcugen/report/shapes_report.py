"""The table of cycles by shape of layer, from the JSON that `tcugen shapes --json` writes."""

from typing import NotRequired, TypedDict

from rich.markup import escape
from rich.table import Table

from tcugen.report.losses import REASONS, losses_text


class ShapeEntry(TypedDict):
    """Layers of one shape together.

    `kernel`, `stride` and `padding` are None for an operator without a window, `utilisation` is None where the layers
    took no cycles of their own.
    """

    op: str
    input: str
    output: str
    kernel: list[int] | None
    stride: list[int] | None
    padding: list[int] | None
    groups: int
    layers: list[str]
    fused: bool
    macs: int
    ideal_cycles: float
    cycles: int
    utilisation: float | None
    losses: dict[str, float]


class ShapesFigures(TypedDict):
    """What `tcugen shapes --json` writes."""

    format: int
    network: str
    memory: str
    architecture: dict[str, int]
    mac_count: int
    mismatches: int
    seed: NotRequired[int]
    cycles: int
    utilisation: float
    shapes: list[ShapeEntry]


def shapes_table(figures: ShapesFigures) -> Table:
    """Per shape: number of layers, ideal and simulated cycles of all of them, utilisation, what was lost to what."""
    architecture = figures["architecture"]
    title = f"{figures['network']} on {architecture['rows']}x{architecture['columns']}, {figures['memory']} memory"
    table = Table(title=escape(title))
    for heading in ("operator", "input", "output", "kernel"):
        table.add_column(heading, no_wrap=True)
    for heading in ("layers", "ideal", "cycles", "util. %"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("lost to", overflow="fold")
    for shape in figures["shapes"]:
        table.add_row(
            shape["op"],
            shape["input"],
            shape["output"],
            _kernel(shape),
            str(len(shape["layers"])),
            f"{shape['ideal_cycles']:,.0f}" if shape["macs"] else "",
            f"{shape['cycles']:,}",
            f"{100 * shape['utilisation']:.1f}" if shape["macs"] and shape["utilisation"] else "",
            "done along with a convolution" if shape["fused"] else losses_text(shape["losses"]),
        )
    table.add_section()
    ideal = sum(shape["ideal_cycles"] for shape in figures["shapes"])
    total: dict[str, float] = {}
    for shape in figures["shapes"]:
        for reason, lost in shape["losses"].items():
            total[reason] = total.get(reason, 0) + lost
    layers = sum(len(shape["layers"]) for shape in figures["shapes"])
    row = ("all", "", "", "", str(layers), f"{ideal:,.0f}", f"{figures['cycles']:,}")
    table.add_row(*row, f"{100 * figures['utilisation']:.1f}", losses_text(total))
    return table


def shapes_summary(figures: ShapesFigures) -> str:
    """What the reasons mean, the lowest utilisation by size of output, and whether all elements were equal."""
    lowest: dict[str, float] = {}
    for shape in figures["shapes"]:
        if shape["kernel"] and shape["macs"] and shape["utilisation"]:
            size = shape["output"].partition("x")[2]
            lowest[size] = min(lowest.get(size, 1.0), shape["utilisation"])
    reasons = dict.fromkeys(reason for shape in figures["shapes"] for reason in shape["losses"])
    sizes = ", ".join(f"{size} {100 * value:.1f} %" for size, value in lowest.items())
    verdict = "golden, emulator and RTL agree in every element"
    if figures["mismatches"]:
        verdict = f"{figures['mismatches']:,} elements differ"
    return "\n".join(
        (
            *(f"{reason}: {REASONS[reason]}" for reason in reasons),
            f"lowest utilisation of a convolution by its output's size: {sizes}",
            f"mismatches = {figures['mismatches']}: {verdict}",
        )
    )


def _kernel(shape: ShapeEntry) -> str:
    if shape["kernel"] is None:
        return ""
    text = "x".join(map(str, shape["kernel"]))
    if shape["stride"] and shape["stride"] != [1, 1]:
        text += f" /{'x'.join(map(str, shape['stride']))}"
    return text if shape["groups"] == 1 else f"{text}, {shape['groups']} groups"
