"""`tcugen bench`: networks on machines, predicted beside simulated, every element compared."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from tcugen.commands.simulate import Measured, SimulateOptions, measure
from tcugen.console.machine import MachineFlags
from tcugen.console.outcome import Status, UsageError
from tcugen.console.output_files import start_over, write_json
from tcugen.report.bench_report import BenchRow, WorstLayer, bench_table, error

SHARE = 0.01
"""Layers below this share of the cycles are no candidates for the worst."""


@dataclass(frozen=True)
class Row:
    """A network and the flags of its machine; `is_small` rows take seconds."""

    network: str
    flags: MachineFlags = field(default_factory=MachineFlags)
    is_small: bool = False


ROWS = (
    Row("resnet20", MachineFlags("4x4"), is_small=True),
    Row("resnet20", MachineFlags("16x16"), is_small=True),
    Row("resnet20", MachineFlags("32x32")),
    Row("resnet18", MachineFlags("16x16")),
    Row("resnet34", MachineFlags("16x16")),
    Row("resnet50"),
    Row("resnet50", MachineFlags("16x16")),
    Row("resnet50", MachineFlags("16x16", activation_kib=256)),
    Row("resnet50", MachineFlags(activation_kib=128)),
    Row("resnet50", MachineFlags(activation_kib=64)),
    Row("resnet50", MachineFlags("16x16", activation_kib=64)),
    Row("resnet50", MachineFlags("16x16", bus_bytes=4)),
    Row("resnet50", MachineFlags("32x32", bus_bytes=16)),
    Row("resnet50", MachineFlags("8x8", activation_kib=256)),
    Row("resnext50_32x4d", MachineFlags("16x16")),
)
"""What is measured, fixed memory, batch 1, weights and images from seed 0."""


@dataclass(frozen=True)
class BenchOptions:
    """What to measure.

    Attributes:
        small: Only the rows that take seconds.
        network: Only this network's rows; all if None.
        json_file: Where to write the rows; None for nowhere.
    """

    small: bool = False
    network: str | None = None
    json_file: Path | None = None


def bench(options: BenchOptions, console: Console) -> Status:
    """Build, simulate and compare every row; print a table.

    Returns:
        MISMATCH if an element or a byte count differs, or a run did not come to its end.

    Raises:
        UsageError: If no row is left, or the JSON file cannot be written. Else as `measure`.
    """
    wanted = list(_wanted(options))
    start_over({"--json": options.json_file}, ())
    rows: list[BenchRow] = []
    status = Status.OK
    for number, row in enumerate(wanted, 1):
        console.print(f"row {number} of {len(wanted)}: {row.network}", highlight=False)
        measured = measure(SimulateOptions(layer_config=row.network), row.flags, console)
        if measured is None:
            status = Status.MISMATCH
            continue
        rows.append(bench_row(measured))
        if not rows[-1]["equal"] or rows[-1]["predicted_bytes"] != rows[-1]["bytes_read"] + rows[-1]["bytes_written"]:
            status = Status.MISMATCH
    console.print(bench_table(rows))
    if options.json_file:
        write_json(options.json_file, {"format": 1, "rows": rows})
    return status


def _wanted(options: BenchOptions) -> Iterator[Row]:
    found = [row for row in ROWS if options.network in (None, row.network) and (row.is_small or not options.small)]
    if not found:
        known = ", ".join(dict.fromkeys(row.network for row in ROWS if row.is_small or not options.small))
        raise UsageError(f"--network {options.network}: has no row here; the networks are {known}")
    yield from found


def bench_row(measured: Measured) -> BenchRow:
    """The row of one run."""
    figures, architecture = measured.figures, measured.program.architecture
    cycles, counters = figures["cycles_per_image"][-1], figures["counters"]
    lost: dict[str, float] = {}
    for node in figures["nodes"]:
        for reason, count in node["losses"].items():
            lost[reason] = lost.get(reason, 0) + count
    large = [node for node in figures["nodes"] if node["cycles"] > SHARE * cycles]
    worst = max(large, key=lambda node: abs(error(node["predicted_cycles"], node["cycles"])))
    return BenchRow(
        network=figures["network"],
        macs=figures["mac_count"],
        array=f"{architecture.rows}x{architecture.columns}",
        bus_bytes=architecture.bus_bytes,
        activation_kib=architecture.activation_kib,
        memory=figures["memory"],
        predicted_cycles=figures["predicted_cycles"],
        simulated_cycles=cycles,
        utilisation=figures["utilisation"],
        predicted_bytes=figures["predicted_bytes"],
        bytes_read=counters["BYTES_READ"],
        bytes_written=counters["BYTES_WRITTEN"],
        lost_cycles=lost,
        worst_layer=WorstLayer(name=worst["name"], predicted=worst["predicted_cycles"], simulated=worst["cycles"]),
        equal=measured.status == Status.OK,
    )
