"""The report of a build as Markdown, from its JSON."""

from typing import TypedDict

from tcugen.report.losses import losses_text


class NodeReport(TypedDict):
    """What to expect of one node: `losses` are cycles by reason, `fused_into` the node that it is part of."""

    name: str
    op: str
    shape: str
    macs: int
    predicted_cycles: int
    losses: dict[str, float]
    fused_into: str | None


class SpilledReport(TypedDict):
    """A tensor that goes to memory and back; `kept_kib` is the smallest memory tried that keeps it on chip."""

    tensor: str
    bytes: int
    kept_kib: int | None


class BuildReport(TypedDict):
    """`report.json` of a build; `reasons` by parameter of the architecture."""

    format: int
    network: str
    mac_count: int
    architecture: dict[str, int]
    reasons: dict[str, str]
    predicted_cycles: int
    predicted_utilisation: float
    predicted_bytes_read: int
    predicted_bytes_written: int
    runner_up: str | None
    spilled: list[SpilledReport]
    nodes: list[NodeReport]


def markdown(report: BuildReport) -> str:
    """Markdown for `report.json` of a build: parameters with reasons, predicted cycles per node."""
    architecture = report["architecture"]
    lines = [
        f"# {report['network']} on {architecture['rows']}x{architecture['columns']}",
        "",
        f"Predicted: {report['predicted_cycles']:,} cycles per image, "
        f"{100 * report['predicted_utilisation']:.1f} % of the array's peak "
        f"({report['mac_count']:,} MACs per image); {report['predicted_bytes_read']:,} bytes read, "
        f"{report['predicted_bytes_written']:,} written.",
        "",
        "## Architecture",
        "",
        "| parameter | value | reason |",
        "|---|---:|---|",
        *(f"| {name} | {value} | {report['reasons'][name]} |" for name, value in architecture.items()),
        "",
        *_remarks(report),
        "## Nodes",
        "",
        "| node | operator | output | MACs | predicted cycles | utilisation | lost to |",
        "|---|---|---|---:|---:|---:|---|",
    ]
    multipliers = architecture["rows"] * architecture["columns"]
    for node in report["nodes"]:
        cycles = node["predicted_cycles"]
        share = f"{100 * node['macs'] / (multipliers * cycles):.1f} %" if cycles and node["macs"] else ""
        losses = losses_text(node["losses"])
        if node["fused_into"]:
            losses = f"part of {node['fused_into']}"
        lines.append(
            f"| {node['name']} | {node['op']} | {node['shape']} | {node['macs']:,} | {cycles:,} | {share} | {losses} |"
        )
    return "\n".join(lines) + "\n"


def _remarks(report: BuildReport) -> list[str]:
    """The runner-up, and what goes to memory and back."""
    lines = [] if report["runner_up"] is None else [f"Runner-up: {report['runner_up']}.", ""]
    if not report["spilled"]:
        return lines
    return [
        *lines,
        "## Tensors that go to memory and back",
        "",
        "| tensor | bytes | kept on chip by |",
        "|---|---:|---:|",
        *(
            f"| {spilled['tensor']} | {spilled['bytes']:,} | "
            + ("none tried" if spilled["kept_kib"] is None else f"{spilled['kept_kib']} KiB")
            + " |"
            for spilled in report["spilled"]
        ),
        "",
    ]
