"""The verb that exports: arguments only, as in `cli`, which adds it."""

from pathlib import Path
from typing import Annotated

import typer

from tcugen.commands import export as export_command
from tcugen.console.outcome import one_clear_error
from tcugen.console.screen import screen


def export(
    build: Annotated[Path, typer.Argument(metavar="BUILD", help="Folder that `tcugen build` wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Folder to write.")],
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="verilog, fusesoc, vivado, litex, testbench or all.")
    ] = "all",
    images: Annotated[
        Path | None, typer.Option(metavar="X.npy", help="Images of the test benches (two random ones).")
    ] = None,
) -> None:
    """Write a build in the forms that other tools take: file lists, register maps, cores, modules, test benches."""
    console = screen()
    with one_clear_error():
        export_command.export(export_command.ExportOptions(build, form, output, images), console)
