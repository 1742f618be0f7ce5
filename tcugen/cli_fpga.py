"""The verbs about FPGAs: arguments only, as in `cli`, which adds them."""

from pathlib import Path
from typing import Annotated

import typer

from tcugen.commands import calibrate as calibrate_command
from tcugen.commands import explore as explore_command
from tcugen.commands import parts as parts_command
from tcugen.commands import synth as synth_command
from tcugen.commands import synth_cells as synth_cells_command
from tcugen.console.machine import MachineFlags
from tcugen.console.outcome import one_clear_error
from tcugen.console.screen import screen


def parts(
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures and sources to this file.")
    ] = None,
) -> None:
    """List the FPGAs that are known, with what they hold, and the libraries of standard cells."""
    with one_clear_error():
        parts_command.parts(json_file, screen())


def synth(
    folder: Annotated[Path, typer.Argument(metavar="BUILD", help="Folder that `tcugen build` wrote.")],
    part: Annotated[str, typer.Option(metavar="PART|CELLS|FILE.json", help="Part or cells, see `tcugen parts`.")],
    paths: Annotated[int, typer.Option(help="Show so many longest paths before placement, ECP5 only.")] = 0,
    place: Annotated[bool, typer.Option("--place", help="Place and route too, for the clock.")] = False,
    mhz: Annotated[float, typer.Option(help="Clock that place-and-route aims at; of the power of cells.")] = 100,
    seed: Annotated[int, typer.Option(help="Seed of place-and-route.")] = 1,
    timeout: Annotated[float, typer.Option(help="Most seconds for each tool.")] = synth_command.TIMEOUT_SECONDS,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    activity: Annotated[
        Path | None, typer.Option(metavar="FILE.vcd", help="Waves of a run, for the power of standard cells.")
    ] = None,
) -> None:
    """Synthesise a build for a part with open tools and count what it takes."""
    console = screen()
    with one_clear_error():
        options = synth_command.SynthOptions(folder, part, place, mhz, seed, timeout, json_file, paths)
        synth_cells_command.synth_part(options, activity, console)


def calibrate(
    family: Annotated[str, typer.Option(help="Family of parts, such as ecp5.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Calibration file to write.")],
    machines: Annotated[int | None, typer.Option(help="Only so many machines, smallest first.")] = None,
    timeout: Annotated[float, typer.Option(help="Most seconds for each machine.")] = synth_command.TIMEOUT_SECONDS,
) -> None:
    """Synthesise machines of many sizes, for the estimates to rest on."""
    console = screen()
    with one_clear_error():
        calibrate_command.calibrate(calibrate_command.CalibrateOptions(family, output, machines, timeout), console)


def explore(
    layer_config: Annotated[
        str, typer.Option("--layer-config", metavar="FILE|NAME", help="Layer config or bundled name.")
    ],
    part: Annotated[str, typer.Option(metavar="PART|FILE.json", help="Part, see `tcugen parts`.")],
    clock_mhz: Annotated[float | None, typer.Option(help="Clock in MHz that speeds are reckoned with.")] = None,
    steps: Annotated[int, typer.Option(help="In how many steps the part is filled.")] = explore_command.STEPS,
    bus_bytes: Annotated[int | None, typer.Option(help="Bytes per AXI4 beat (8).")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write the machines to this file.")] = None,
    plot_file: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.svg", help="Draw the machines in this file.")
    ] = None,
) -> None:
    """Find the machines for a network that are worth their place in a part, from small to large."""
    console = screen()
    with one_clear_error():
        options = explore_command.ExploreOptions(layer_config, part, clock_mhz, steps, csv_file, plot_file)
        explore_command.explore(options, MachineFlags(bus_bytes=bus_bytes), console)
