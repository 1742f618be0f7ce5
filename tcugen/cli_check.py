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
) -> None:
    """Prove a program from elsewhere safe on the machine of a build, by the rules the compiler's own are held to."""
    with one_clear_error():
        check_command.check(program, rtl, screen())
