"""The verb that checks programs: arguments only, as in `cli`, which adds it."""

from pathlib import Path
from typing import Annotated

import typer

from tcugen.commands import check as check_command
from tcugen.console.outcome import one_clear_error
from tcugen.console.screen import screen


def check(
    program: Annotated[
        Path, typer.Argument(metavar="PROGRAM", help="Folder of program.bin, weights.bin, program.json.")
    ],
    rtl: Annotated[Path, typer.Option("--rtl", metavar="BUILD", help="Folder that `tcugen build` wrote.")],
    model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The model that it computes, if it is not beside the program.")
    ] = None,
) -> None:
    """Prove a program safe on the machine of a build, and that it computes its network for every image."""
    with one_clear_error():
        check_command.check(program, rtl, screen(), model)
