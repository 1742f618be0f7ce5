"""The verb that builds again: arguments only, as in `cli`, which adds it."""

from pathlib import Path
from typing import Annotated

import typer

from tcugen.commands import rebuild as rebuild_command
from tcugen.console.outcome import one_clear_error
from tcugen.console.screen import screen


def rebuild(
    build: Annotated[Path, typer.Argument(metavar="BUILD", help="Folder that `tcugen build` wrote.")],
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="The model that it was built from.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Keep the second build there.")] = None,
) -> None:
    """Write a build again from its own record, and say whether every byte is the same."""
    with one_clear_error():
        status = rebuild_command.rebuild(rebuild_command.RebuildOptions(build, model, output), screen())
    raise typer.Exit(status)
