"""The verb `sweep`: arguments only, as in `cli`, which adds it."""

from pathlib import Path
from typing import Annotated

import typer

from tcugen.commands import sweep as sweep_command
from tcugen.console.outcome import UsageError, one_clear_error
from tcugen.console.screen import screen


def sweep(
    networks: Annotated[list[str], typer.Argument(metavar="FILE|NAME...", help="Layer configs or bundled names.")],
    arrays: Annotated[str, typer.Option(metavar="RxC[,RxC...]", help="Arrays to try.")] = ",".join(
        sweep_command.ARRAYS
    ),
    activation_kib: Annotated[
        str, typer.Option(metavar="N[,N...]", help="Activation memories in KiB; 0 leaves the choice to the search.")
    ] = "0",
    bus_bytes: Annotated[str, typer.Option(metavar="N[,N...]", help="Bytes per AXI4 beat.")] = "8",
    clock_mhz: Annotated[
        float, typer.Option(help="Clock in MHz that speeds are reckoned with.")
    ] = sweep_command.ASSUMED_CLOCK_MHZ,
    processes: Annotated[int | None, typer.Option(help="Local processes (one per core).")] = None,
    dask: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler that does the work.")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write all machines to this file.")] = None,
    plot_file: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.svg", help="Draw size against speed in this file.")
    ] = None,
) -> None:
    """Size machines over arrays, memories, buses and networks, and show those that no other beats."""
    console = screen()
    with one_clear_error():
        options = sweep_command.SweepOptions(
            networks=tuple(networks),
            arrays=_list(arrays, "--arrays"),
            activation_kib=_numbers(activation_kib, "--activation-kib"),
            bus_bytes=_numbers(bus_bytes, "--bus-bytes"),
            clock_mhz=clock_mhz,
            processes=processes,
            dask=dask,
            csv_file=csv_file,
            plot_file=plot_file,
        )
        sweep_command.sweep(options, console)


def _list(text: str, flag: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(","))
    if not all(parts):
        raise UsageError(f"{flag} is {text!r}, but it must be values separated by single commas")
    return parts


def _numbers(text: str, flag: str) -> tuple[int, ...]:
    parts = _list(text, flag)
    if not all(part.isdecimal() for part in parts):
        raise UsageError(
            f"{flag} is {text!r}, but it must be whole numbers separated by commas; write for example 64,128"
        )
    return tuple(int(part) for part in parts)
