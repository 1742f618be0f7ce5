"""How a command ends: exit statuses, and errors that are the user's to mend."""

from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum

import typer

from tcugen.arch import ArchitectureError
from tcugen.export.build_folder import ExportError
from tcugen.fpga.errors import PartError, SynthesisError
from tcugen.mapping.errors import CompileError
from tcugen.model.errors import ModelError, QuantizationError
from tcugen.network.graph import NetworkError
from tcugen.simulator.environment import EnvironmentProblem
from tcugen.sizing.errors import SizingError


class Status(IntEnum):
    """Exit statuses of every command."""

    OK = 0
    MISMATCH = 1
    BAD_INPUT = 2


class UsageError(ValueError):
    """An argument that cannot be obeyed. The message names value, rule and remedy."""


BAD_INPUT = (
    ArchitectureError,
    CompileError,
    EnvironmentProblem,
    ExportError,
    ModelError,
    NetworkError,
    PartError,
    QuantizationError,
    SizingError,
    SynthesisError,
    UsageError,
)
"""Errors whose message is meant for the user: exit status 2, no traceback."""


@contextmanager
def one_clear_error() -> Generator[None]:
    """Turns the errors of BAD_INPUT into one message on stderr and exit status 2."""
    try:
        yield
    except BAD_INPUT as error:
        typer.secho(f"error: {error}", bold=True, fg="red", err=True)
        raise SystemExit(Status.BAD_INPUT) from None
