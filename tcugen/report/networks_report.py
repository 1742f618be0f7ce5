"""The bundled networks as a table and as JSON."""

from typing import TypedDict

from rich.markup import escape
from rich.table import Table


class NetworkFigures(TypedDict):
    """A network and what one image of it takes; without cycles, `refusal` says why it does not run on the machine."""

    name: str
    input: str
    nodes: int
    operators: dict[str, int]
    macs: int
    weights: int
    predicted_cycles: int | None
    predicted_utilisation: float | None
    refusal: str | None


def networks_table(rows: list[NetworkFigures], machine: str) -> Table:
    """One line per network."""
    table = Table(title=f"Bundled networks, cycles predicted for {escape(machine)}")
    for heading in ("network", "input"):
        table.add_column(heading, no_wrap=True)
    for heading in ("nodes", "MACs", "weights", "cycles", "util. %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        cycles, share = row["predicted_cycles"], row["predicted_utilisation"]
        table.add_row(
            escape(row["name"]),
            row["input"],
            str(row["nodes"]),
            f"{row['macs']:,}",
            f"{row['weights']:,}",
            "-" if cycles is None else f"{cycles:,}",
            "" if share is None else f"{100 * share:.1f}",
        )
    return table
