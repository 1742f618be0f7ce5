"""The report of a build as Markdown, from its JSON."""


def markdown(report: dict) -> str:
    """Markdown for `report.json` of a build: parameters with reasons, predicted cycles per node."""
    architecture = report["architecture"]
    lines = [
        f"# {report['network']} on {architecture['rows']}x{architecture['columns']}",
        "",
        f"Predicted: {report['predicted_cycles']:,} cycles per image, "
        f"{100 * report['predicted_utilisation']:.1f} % of the array's peak "
        f"({report['mac_count']:,} MACs per image).",
        "",
        "## Architecture",
        "",
        "| parameter | value | reason |",
        "|---|---:|---|",
        *(f"| {name} | {value} | {report['reasons'][name]} |" for name, value in architecture.items()),
        "",
        "## Nodes",
        "",
        "| node | operator | output | MACs | predicted cycles | utilisation | lost to |",
        "|---|---|---|---:|---:|---:|---|",
    ]
    multipliers = architecture["rows"] * architecture["columns"]
    for node in report["nodes"]:
        cycles = node["predicted_cycles"]
        share = f"{100 * node['macs'] / (multipliers * cycles):.1f} %" if cycles and node["macs"] else ""
        losses = ", ".join(f"{reason} {lost:,}" for reason, lost in node["losses"].items() if lost)
        if node["fused_into"]:
            losses = f"part of {node['fused_into']}"
        lines.append(
            f"| {node['name']} | {node['op']} | {node['shape']} | {node['macs']:,} | {cycles:,} | {share} | {losses} |"
        )
    return "\n".join(lines) + "\n"
