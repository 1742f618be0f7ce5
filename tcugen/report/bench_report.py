"""Predicted beside simulated cycles, a row per network and machine: the JSON of `tcugen bench` and its table."""

from typing import TypedDict

from rich.markup import escape
from rich.table import Table


class WorstLayer(TypedDict):
    """The layer, of those above 1 % of the cycles, whose prediction is furthest from the simulation."""

    name: str
    predicted: int
    simulated: int


class BenchRow(TypedDict):
    """One network on one machine; bytes are those of one image, `equal` says whether every element was right."""

    network: str
    macs: int
    array: str
    bus_bytes: int
    activation_kib: int
    memory: str
    predicted_cycles: int
    simulated_cycles: int
    utilisation: float
    predicted_bytes: int
    bytes_read: int
    bytes_written: int
    lost_cycles: dict[str, float]
    worst_layer: WorstLayer
    equal: bool


def error(predicted: int, simulated: int) -> float:
    """How far a prediction is off, as a share of what was simulated."""
    return predicted / simulated - 1


def bench_table(rows: list[BenchRow]) -> Table:
    """Per row: machine, simulated cycles, utilisation, how far the prediction is off, worst layer, traffic, verdict."""
    table = Table(title="predicted beside simulated")
    for heading in ("network", "array"):
        table.add_column(heading, no_wrap=True)
    for heading in ("bus B", "KiB", "cycles", "util. %", "predicted", "off %", "bytes"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("worst layer above 1 %", no_wrap=True)
    table.add_column("equal", no_wrap=True)
    for row in rows:
        worst = row["worst_layer"]
        off = 100 * error(worst["predicted"], worst["simulated"])
        moved = row["bytes_read"] + row["bytes_written"]
        table.add_row(
            escape(row["network"]),
            row["array"],
            str(row["bus_bytes"]),
            str(row["activation_kib"]),
            f"{row['simulated_cycles']:,}",
            f"{100 * row['utilisation']:.1f}",
            f"{row['predicted_cycles']:,}",
            f"{100 * error(row['predicted_cycles'], row['simulated_cycles']):+.2f}",
            f"{moved:,}" if moved == row["predicted_bytes"] else f"{moved:,}, predicted {row['predicted_bytes']:,}",
            escape(f"{worst['name']} {off:+.2f} %"),
            "yes" if row["equal"] else "NO",
        )
    return table
