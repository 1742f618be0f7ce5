"""How a command ends: exit statuses, and errors that are the user's to mend."""

import errno
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum
from typing import NoReturn

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
    INTERNAL = 3


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


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""What a write ends in when the disk, and not the program, is at fault."""


@contextmanager
def one_clear_error() -> Generator[None]:
    """Turns the errors of BAD_INPUT, a full disk and too little memory into one message on stderr and exit status 2.

    Anything else is a fault of the program: a traceback, what to do with it, and a status that means nothing else.
    """
    try:
        yield
    except BAD_INPUT as error:
        _fail(str(error), Status.BAD_INPUT)
    except MemoryError:
        _fail("the memory does not suffice; close other programs, or take a smaller network or fewer images at a time")
    except (typer.Exit, typer.Abort):
        raise
    except OSError as error:
        if error.errno not in _NO_ROOM:
            _internal()
        file = f"{error.filename}: " if error.filename else ""
        _fail(f"{file}cannot be written ({error.strerror}); make room on the disk or write to another place")
    except Exception:
        _internal()


def _fail(message: str, status: Status = Status.BAD_INPUT) -> NoReturn:
    typer.secho(f"error: {message}", bold=True, fg="red", err=True)
    raise SystemExit(status) from None


def _internal() -> NoReturn:
    traceback.print_exc()
    _fail("this is a fault of tcugen itself; please report the lines above and the command", Status.INTERNAL)
