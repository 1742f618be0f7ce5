"""The table of a run, from its figures (the JSON that `tcugen simulate --json` writes)."""

from typing import NotRequired, TypedDict

from rich.markup import escape
from rich.table import Table

from tcugen.report.losses import losses_text


class NodeFigures(TypedDict):
    """One node of a run: cycles of the last image beside the predicted ones; a fused node has no tensor of its own.

    `losses` are the cycles beyond macs / multipliers by reason, see `losses.REASONS`; `stalls` is the part of them that
    the machine counts.
    """

    name: str
    op: str
    shape: str
    macs: int
    cycles: int
    predicted_cycles: int
    busy: int
    stalls: dict[str, int]
    losses: dict[str, float]
    fused: bool
    mismatches: int


class ReferenceFigures(TypedDict):
    """Golden compared with ONNX Runtime."""

    tensors: int
    elements: int
    mismatches: int


class Origin(TypedDict):
    """Where the numbers of a run come from: a seed, or a model and images from files."""

    seed: NotRequired[int]
    model: NotRequired[str]
    images: NotRequired[str]


class RunFigures(Origin):
    """What `tcugen simulate --json` writes; `reference` is None where ONNX Runtime is not installed."""

    format: int
    network: str
    memory: str
    architecture: dict[str, int]
    mac_count: int
    cycles_per_image: list[int]
    predicted_cycles: int
    predicted_bytes: int
    utilisation: float
    mismatches: int
    reference: ReferenceFigures | None
    top1: list[int] | None
    counters: dict[str, int]
    cycles_per_second: float
    nodes: list[NodeFigures]


def run_table(figures: RunFigures) -> Table:
    """Per node: shape, MACs, predicted and simulated cycles, utilisation, mismatches, what the rest was lost to."""
    architecture = figures["architecture"]
    multipliers = architecture["rows"] * architecture["columns"]
    table = Table(title=escape(f"{figures['network']} on {architecture['rows']}x{architecture['columns']}"))
    table.add_column("node", no_wrap=True)
    table.add_column("output", no_wrap=True)
    for heading in ("MACs", "predicted", "cycles", "util. %", "mismatches"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("lost to", overflow="fold")
    for node in figures["nodes"]:
        cycles, macs = node["cycles"], node["macs"]
        table.add_row(
            escape(node["name"]),
            node["shape"],
            f"{macs:,}" if macs else "",
            f"{node['predicted_cycles']:,}",
            f"{cycles:,}",
            f"{100 * macs / (multipliers * cycles):.1f}" if macs and cycles else "",
            "fused" if node["fused"] else str(node["mismatches"]),
            losses_text(node["losses"]),
        )
    return table


def summary(figures: RunFigures) -> str:
    """Cycles, utilisation, traffic and agreement of the whole run in a few lines."""
    counters = figures["counters"]
    cycles = figures["cycles_per_image"]
    images = f"{len(cycles)} images, " if len(cycles) > 1 else ""
    origin = f"seed {figures['seed']}" if "seed" in figures else figures.get("model", "")
    verdict = "golden, emulator and RTL agree in every element"
    if figures["mismatches"]:
        verdict = f"{figures['mismatches']:,} elements differ"
    return "\n".join(
        (
            f"{images}{sum(cycles):,} cycles ({figures['memory']} memory, {origin}), array busy "
            f"{100 * counters['BUSY'] / counters['CYCLES']:.1f} % of them, utilisation "
            f"{100 * figures['utilisation']:.1f} % ({figures['mac_count']:,} MACs per image)",
            f"predicted {figures['predicted_cycles']:,} cycles and {figures['predicted_bytes']:,} bytes per image; "
            f"bytes read {counters['BYTES_READ']:,}, written {counters['BYTES_WRITTEN']:,}; "
            f"simulated at {figures['cycles_per_second'] / 1000:.0f} kcycles/s",
            *_classes(figures),
            _reference(figures["reference"]),
            f"mismatches = {figures['mismatches']}: {verdict}",
        )
    )


def _classes(figures: RunFigures) -> list[str]:
    """The classes that a trained network finds; synthetic ones have none."""
    if "model" not in figures or not figures["top1"]:
        return []
    return [f"largest output of each image: {', '.join(map(str, figures['top1']))}"]


def _reference(reference: ReferenceFigures | None) -> str:
    if reference is None:
        return "ONNX Runtime: not compared, onnx and onnxruntime are not installed"
    differ = f"{reference['mismatches']:,} differ" if reference["mismatches"] else "all equal to golden"
    return f"ONNX Runtime: {reference['tensors']} tensors, {reference['elements']:,} elements, {differ}"
