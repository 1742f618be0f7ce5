"""The report of one machine for several networks: what it is, and what each network takes on it."""

from typing import TypedDict


class NetworkRow(TypedDict):
    """What to expect of one network."""

    network: str
    mac_count: int
    predicted_cycles: int
    predicted_utilisation: float
    predicted_bytes_read: int
    predicted_bytes_written: int
    spilled_bytes: int


class SeveralReport(TypedDict):
    """`report.json` of a build for several networks; `predicted_cycles` are those of one image of each."""

    format: int
    architecture: dict[str, int]
    reasons: dict[str, str]
    predicted_cycles: int
    runner_up: str | None
    networks: list[NetworkRow]


def network_lines(rows: list[NetworkRow]) -> list[str]:
    """One line per network, as printed."""
    return [
        f"predicted for {row['network']}: {row['predicted_cycles']:,} cycles per image, "
        f"{100 * row['predicted_utilisation']:.1f} % of the array's peak"
        for row in rows
    ]


def several_markdown(report: SeveralReport) -> str:
    """Markdown for the report: parameters with reasons, a line per network; each has a report of its own besides."""
    architecture = report["architecture"]
    lines = [
        f"# {architecture['rows']}x{architecture['columns']} for {len(report['networks'])} networks",
        "",
        f"Predicted: {report['predicted_cycles']:,} cycles for one image of each network.",
        "",
        "| network | MACs | predicted cycles | utilisation | bytes read | bytes written | spilled bytes |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {row['network']} | {row['mac_count']:,} | {row['predicted_cycles']:,} | "
            f"{100 * row['predicted_utilisation']:.1f} % | {row['predicted_bytes_read']:,} | "
            f"{row['predicted_bytes_written']:,} | {row['spilled_bytes']:,} |"
            for row in report["networks"]
        ),
        "",
        "## Architecture",
        "",
        "| parameter | value | reason |",
        "|---|---:|---|",
        *(f"| {name} | {value} | {report['reasons'][name]} |" for name, value in architecture.items()),
        "",
        *([] if report["runner_up"] is None else [f"Runner-up: {report['runner_up']}.", ""]),
    ]
    return "\n".join(lines)
