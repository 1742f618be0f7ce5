"""What a machine takes of a part, as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

LABELS = {"lut": "LUT", "ff": "flip-flops", "dsp": "multipliers", "bram": "block RAM"}
"""Of the counts, by key."""


def resource_table(
    title: str,
    needs: Mapping[str, float],
    has: Mapping[str, float],
    kinds: Mapping[str, str],
    estimated: Mapping[str, float] | None = None,
) -> Table:
    """One row per resource.

    Args:
        needs, has: Of the machine, of the part.
        kinds: What is counted as one.
        estimated: What was estimated, if both are known.
    """
    table = Table(title=title)
    table.add_column("resource")
    table.add_column("one is a")
    for heading in ("machine", "part has", "share"):
        table.add_column(heading, justify="right")
    if estimated:
        table.add_column("estimated", justify="right")
    for key, label in LABELS.items():
        share = f"{100 * needs[key] / has[key]:.1f} %" if has[key] else ("none there" if needs[key] else "")
        row = [
            label,
            kinds[key],
            f"{needs[key]:,g}" if needs[key] % 1 else f"{needs[key]:,.0f}",
            f"{has[key]:,}",
            share,
        ]
        if estimated:
            row.append(f"{estimated[key]:,.6g}")
        table.add_row(*row)
    return table


def paths_table(paths: Sequence[Mapping[str, Any]], above_ns: float) -> Table:
    """One row per path, which has `ns`, `endpoints` (of `above_ns` or more), `start` and `end`."""
    table = Table(title="longest paths before placement")
    for heading in ("ns", f"ends over {above_ns:g}"):
        table.add_column(heading, justify="right")
    for heading in ("from", "to"):
        table.add_column(heading)
    for path in paths:
        table.add_row(f"{path['ns']:.1f}", f"{path['endpoints']:,}", path["start"], path["end"])
    return table
