"""The verbs about networks beside the first one of a machine: arguments only, as in `cli`, which adds them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tcugen.commands import build_several as several_command
from tcugen.commands import compile_program as compile_command
from tcugen.commands import networks as networks_command
from tcugen.console.machine import MachineFlags
from tcugen.console.outcome import UsageError, one_clear_error
from tcugen.console.screen import screen


def compile_program(
    network: Annotated[
        str, typer.Argument(metavar="MODEL|FILE|NAME", help="Quantized model, layer config or bundled name.")
    ],
    rtl: Annotated[Path, typer.Option(metavar="BUILD", help="Folder of the build whose machine is to run it.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Output folder.")],
    classes: Annotated[
        Path | None, typer.Option("--classes", metavar="FILE", help="Names of the classes for the driver, one a line.")
    ] = None,
    certify: Annotated[bool, typer.Option(help="Prove that the program computes the network.")] = True,
) -> None:
    """Write the program of a network for a machine that exists, without Verilog."""
    console = screen()
    with one_clear_error():
        options = compile_command.CompileOptions(network, rtl, output, certify, classes)
        compile_command.compile_program(options, console)


def networks(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME ...]", help="Only these bundled networks.")
    ] = None,
    rtl: Annotated[
        Path | None, typer.Option(metavar="BUILD", help="Predict for the machine of this earlier build.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
) -> None:
    """List the bundled networks with multiplications, weights and predicted cycles."""
    console = screen()
    with one_clear_error():
        networks_command.networks(networks_command.NetworksOptions(names or (), rtl, json_file), console)


def build_several(
    layer_configs: list[str],
    output: Path | None,
    of_one: Mapping[str, object],
    flags: MachineFlags,
    console: Console,
    certify: bool,
) -> None:
    """`tcugen build` with more than one --layer-config; `of_one` are flags that go with one network, None if not given.
    Raises as the command does."""
    for flag, value in of_one.items():
        if value is not None:
            raise UsageError(
                f"{flag} {value}: goes with one network, but --layer-config names {len(layer_configs)}; "
                f"leave {flag} or all but one --layer-config out"
            )
    several_command.build_several(several_command.SeveralOptions(tuple(layer_configs), output, certify), flags, console)
