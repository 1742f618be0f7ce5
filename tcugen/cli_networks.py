"""The verbs about networks beside the first one of a machine: arguments only, as in `cli`, which adds them."""

from pathlib import Path
from typing import Annotated

import typer

from tcugen.commands import compile_program as compile_command
from tcugen.console.outcome import one_clear_error
from tcugen.console.screen import screen


def compile_program(
    network: Annotated[
        str, typer.Argument(metavar="MODEL|FILE|NAME", help="Quantized model, layer config or bundled name.")
    ],
    rtl: Annotated[Path, typer.Option(metavar="BUILD", help="Folder of the build whose machine is to run it.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Output folder.")],
) -> None:
    """Write the program of a network for a machine that exists, without Verilog."""
    console = screen()
    with one_clear_error():
        compile_command.compile_program(compile_command.CompileOptions(network, rtl, output), console)
