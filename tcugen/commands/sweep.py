"""`tcugen sweep`: machines over arrays, memories, buses and networks, and those that no other beats."""

import csv
import io
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tcugen.console.machine import MachineFlags
from tcugen.console.outcome import UsageError
from tcugen.console.output_files import check_picture, start_over, write_text
from tcugen.console.sweep_point import SweepPoint, SweepRow, evaluate_point
from tcugen.fpga.families import ASSUMED_CLOCK_MHZ
from tcugen.network.layer_config import load_network, write_layer_config
from tcugen.processes import process_pool
from tcugen.report.scatter import scatter

ARRAYS = ("4x4", "8x8", "16x16")
MEMORIES = (0,)
BUSES = (8,)


@dataclass(frozen=True)
class SweepOptions:
    """Arguments of `tcugen sweep`.

    Attributes:
        networks: Layer-config files or bundled names.
        arrays: ROWSxCOLUMNS.
        activation_kib: Activation memories; 0 lets the search choose.
        bus_bytes: Bytes per beat.
        clock_mhz: What images per second are reckoned with.
        processes: Local processes; None for one per core.
        dask: Address of a Dask scheduler that does the work instead, or None.
        csv_file, plot_file: Get all rows, and the picture of one network.
    """

    networks: tuple[str, ...]
    arrays: tuple[str, ...] = ARRAYS
    activation_kib: tuple[int, ...] = MEMORIES
    bus_bytes: tuple[int, ...] = BUSES
    clock_mhz: float = ASSUMED_CLOCK_MHZ
    processes: int | None = None
    dask: str | None = None
    csv_file: Path | None = None
    plot_file: Path | None = None


def sweep(options: SweepOptions, console: Console) -> list[SweepRow]:
    """Size every machine, print those that no other beats, and write what was asked for; rows in the order asked for.

    Raises:
        NetworkError, UsageError: If an argument is wrong, Dask is not there, or no machine can be.
    """
    _check(options)
    points = points_of(options)
    start_over({"--csv": options.csv_file, "--plot": options.plot_file}, options.networks)
    evaluate = partial(evaluate_point, clock_mhz=options.clock_mhz)
    found = _on_dask(points, evaluate, options.dask) if options.dask else _local(points, evaluate, options.processes)
    rows: list[SweepRow] = []
    for row in found:
        rows.append(row)
        said = row.error or f"{row.cycles:,} cycles, {100 * row.utilisation:.1f} %"
        memory = f"{row.activation_kib} KiB" if row.activation_kib else "memory to be chosen"
        console.print(
            f"{len(rows)}/{len(points)} {row.network}, {row.array}, {memory}, {row.bus_bytes} bytes a beat: {said}",
            highlight=False,
            markup=False,
        )
    if all(row.error for row in rows):
        raise UsageError(f"no machine of the sweep can be: {rows[0].error}")
    console.print(_table(pareto(rows)))
    if options.csv_file:
        write_text(options.csv_file, csv_text(rows))
    if options.plot_file:
        write_text(options.plot_file, _picture(rows, options.clock_mhz))
    return rows


def points_of(options: SweepOptions) -> list[SweepPoint]:
    """All combinations, the last flag fastest.

    Raises:
        NetworkError: If a network cannot be read.
    """
    networks = [load_network(name)[0] for name in options.networks]
    return [
        SweepPoint(network.name, write_layer_config(network), array, kib, bus)
        for network, array, kib, bus in itertools.product(
            networks, options.arrays, options.activation_kib, options.bus_bytes
        )
    ]


def pareto(rows: Iterable[SweepRow]) -> list[SweepRow]:
    """Of each network, the machines that no other beats in area or cycles without losing in the other; by area."""
    kept: list[SweepRow] = []
    for row in sorted((row for row in rows if not row.error), key=lambda r: (r.network, r.area_bytes, r.cycles)):
        if not kept or kept[-1].network != row.network or row.cycles < kept[-1].cycles:
            kept.append(row)
    return kept


def csv_text(rows: Sequence[SweepRow]) -> str:
    """One line per row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(SweepRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()


def _check(options: SweepOptions) -> None:
    for name, values in (("--activation-kib", options.activation_kib), ("--bus-bytes", options.bus_bytes)):
        for value in values:
            if value < 0:
                raise UsageError(f"{name} is {value}, but it must not be negative; leave it out or write a size")
    for array in options.arrays:
        try:
            assert MachineFlags(array=array).fixed, "a malformed array raises"
        except UsageError as error:
            # It speaks of the flag of one machine.
            raise UsageError(str(error).replace("--array", "--arrays", 1)) from None
    if not 0 < options.clock_mhz <= 10_000:
        raise UsageError(f"--clock-mhz is {options.clock_mhz:g}, but it must be more than 0 and at most 10000")
    if options.processes is not None and options.processes < 1:
        raise UsageError(f"--processes is {options.processes}, but it must be at least 1; leave it out for all cores")
    check_picture(options.plot_file)
    if options.plot_file and len(options.networks) > 1:
        raise UsageError(f"--plot shows one network, but {len(options.networks)} are given; name one")


def _local(
    points: Sequence[SweepPoint], evaluate: Callable[[SweepPoint], SweepRow], processes: int | None
) -> Iterator[SweepRow]:
    count = min(processes or os.cpu_count() or 1, len(points))
    if count == 1:
        yield from map(evaluate, points)
        return
    with process_pool(count) as pool:
        yield from pool.map(evaluate, points)


def _on_dask(
    points: Sequence[SweepPoint], evaluate: Callable[[SweepPoint], SweepRow], address: str
) -> Iterator[SweepRow]:
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("--dask needs the package distributed; install it: pip install 'tcugen[research]'") from None
    try:
        # Its methods are but partly typed.
        client: Any = Client(address, timeout=10)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(f"--dask {address}: no scheduler answers there ({error}); start one: dask scheduler") from None
    with client:
        for future in client.map(evaluate, points):
            yield future.result()


def _table(rows: Sequence[SweepRow]) -> Table:
    table = Table(title="Machines that no other beats in size and cycles")
    shown = (
        "network",
        "array",
        "activation_kib",
        "bus_bytes",
        "area_bytes",
        "cycles",
        "utilisation",
        "images_per_second",
    )
    for name in shown:
        table.add_column(name.replace("_", " "), justify="left" if name in ("network", "array") else "right")
    for row in rows:
        values = (getattr(row, name) for name in shown)
        table.add_row(*(f"{value:,}" if isinstance(value, int | float) else str(value) for value in values))
    return table


def _picture(rows: Sequence[SweepRow], clock_mhz: float) -> str:
    best = pareto(rows)
    marks = [(row.area_bytes / 1024, row.images_per_second, row.array) for row in best]
    others = [(row.area_bytes / 1024, row.images_per_second) for row in rows if not row.error and row not in best]
    title = f"{best[0].network} at {clock_mhz:g} MHz, predicted{'; pale: beaten by another' if others else ''}"
    return scatter(title, "memories and multipliers, KiB", "images/s", marks, others)
