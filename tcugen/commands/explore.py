"""`tcugen explore`: the machines that are worth their place in a part, from the smallest to the one that fills it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tcugen.arch import Architecture
from tcugen.commands.part_fit import checked_part, room_of
from tcugen.commands.synth import say
from tcugen.console.machine import MachineFlags, filled
from tcugen.console.outcome import UsageError
from tcugen.console.output_files import check_picture, start_over, write_text
from tcugen.fpga.counts import Counts
from tcugen.fpga.estimate import estimate
from tcugen.fpga.families import ASSUMED_CLOCK_MHZ
from tcugen.fpga.parts import Part
from tcugen.network.graph import Network
from tcugen.network.layer_config import load_network
from tcugen.report.scatter import scatter
from tcugen.sizing.fill import NoRoomError

STEPS = 8
MOST_STEPS = 64


@dataclass(frozen=True)
class ExploreOptions:
    """Arguments of `tcugen explore`.

    Attributes:
        layer_config: Layer-config file or bundled name.
        part: Name of a part, or a file that describes one.
        clock_mhz: The clock to reckon with; None for the assumed one.
        steps: In how many equal steps the part is given to the machine.
        csv_file, plot_file: Get the machines as CSV and as an SVG picture.
    """

    layer_config: str
    part: str
    clock_mhz: float | None = None
    steps: int = STEPS
    csv_file: Path | None = None
    plot_file: Path | None = None


@dataclass(frozen=True)
class Point:
    """A machine that no other found is as fast as in as little of the part."""

    architecture: Architecture
    counts: Counts
    share: float
    cycles: int
    images_per_second: float

    def row(self) -> dict[str, object]:
        """For table and CSV."""
        machine, counts = self.architecture, self.counts
        return {
            "array": f"{machine.rows}x{machine.columns}",
            "lanes": machine.output_lanes,
            "activation_kib": machine.activation_kib,
            **counts.to_dict(),
            "share": round(self.share, 4),
            "cycles": self.cycles,
            "images_per_second": round(self.images_per_second, 3),
        }


def explore(options: ExploreOptions, flags: MachineFlags, console: Console) -> list[Point]:
    """Find, print and write the machines.

    Raises:
        PartError, NetworkError, SizingError, CompileError, UsageError: If an argument is wrong, the part's family is
            not calibrated or no machine fits.
    """
    tell = say(console)
    part = checked_part(options.part, options.clock_mhz)
    if not 1 <= options.steps <= MOST_STEPS:
        raise UsageError(f"--steps is {options.steps}, but it must be between 1 and {MOST_STEPS}; leave it out")
    check_picture(options.plot_file)
    network, note = load_network(options.layer_config)
    if note:
        tell(note)
    start_over({"--csv": options.csv_file, "--plot": options.plot_file}, [options.layer_config])
    clock = options.clock_mhz or ASSUMED_CLOCK_MHZ
    points = pareto(find_points(network, part, clock, options.steps, flags, console))
    console.print(_table(network, part, points))
    assumed = "" if options.clock_mhz else ", assumed, none was measured"
    tell(f"at a clock of {clock:g} MHz{assumed}; share: of the resource of which a machine takes the largest")
    rows = [point.row() for point in points]
    if options.csv_file:
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(options.csv_file, text.getvalue())
    if options.plot_file:
        marks = [(100 * p.share, p.images_per_second, str(p.row()["array"])) for p in points]
        title = f"{network.name} on {part.name} at {clock:g} MHz{assumed}"
        write_text(options.plot_file, scatter(title, "% of the part", "images/s", marks))
    return points


def find_points(
    network: Network, part: Part, clock_mhz: float, steps: int, flags: MachineFlags, console: Console
) -> list[Point]:
    """The fastest machine in each step of the part; where none fits there is none.

    Raises:
        NoRoomError: If none fits the whole part.
    """
    whole = room_of(part)
    points: list[Point] = []
    for step in range(1, steps + 1):
        room = replace(
            whole,
            title=f"{step}/{steps} of {part.name}",
            has={name: number * step / steps for name, number in whole.has.items()},
        )
        try:
            sizing = filled(network, room, flags).sizing
        except NoRoomError as error:
            if step == steps:
                raise
            say(console)(str(error))
            continue
        counts = estimate(sizing.architecture, part.family)
        assert counts is not None, "the family is calibrated"
        share = max(counts.shares(part).values())
        points.append(Point(sizing.architecture, counts, share, sizing.cycles, clock_mhz * 1e6 / sizing.cycles))
        say(console)(f"{room.title}: {points[-1].row()['array']}, {sizing.cycles:,} cycles")
    return points


def pareto(points: Sequence[Point]) -> list[Point]:
    """Those that no other beats in share or cycles without losing in the other, smallest first."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.share, p.cycles)):
        if not kept or point.cycles < kept[-1].cycles:
            kept.append(point)
    return kept


def _table(network: Network, part: Part, points: Sequence[Point]) -> Table:
    table = Table(title=f"{network.name} on {part.name}: the machines that are worth their place, estimated")
    for name in points[0].row():
        table.add_column(name.replace("_", " "), justify="right")
    for point in points:
        values = point.row().values()
        table.add_row(*(f"{value:,}" if isinstance(value, int | float) else str(value) for value in values))
    return table
