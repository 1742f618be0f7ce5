"""What `tcugen build` wrote, read back for export."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcugen.arch import Architecture
from tcugen.program import Program

SOURCES = ("tcu_sram_1r1w.v", "tcu_top.v")
"""Verilog of a build, children first."""

LINT = "tcu_lint.vlt"


class ExportError(RuntimeError):
    """A build that cannot be exported. The message names what is missing and a remedy."""


@dataclass(frozen=True)
class Build:
    """A build.

    Attributes:
        folder: Where it is.
        architecture: Its machine.
        program: Its program.
        version: Of the generator that wrote it.
        clock_mhz: The clock that it was reckoned with for its part; None if no part was named.
    """

    folder: Path
    architecture: Architecture
    program: Program
    version: str
    clock_mhz: float | None

    @property
    def files(self) -> dict[str, bytes]:
        """Verilog and waivers by name."""
        return {name: (self.folder / name).read_bytes() for name in (*SOURCES, LINT)}


def read_build(folder: Path) -> Build:
    """Read a build; raises ExportError if it is none, or not whole."""
    try:
        marker: dict[str, Any] = json.loads((folder / "build.json").read_text())
        architecture = Architecture.from_dict(json.loads((folder / "architecture.json").read_text()))
        program = Program.read(folder / "program")
        for name in (*SOURCES, LINT, "driver/tcu.h", "program/quantization.json"):
            (folder / name).read_bytes()
        version = str(marker["version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else f"{error}"
        raise ExportError(f"{folder} is no whole build ({reason}); write one with `tcugen build -o {folder}`") from None
    if program.architecture.for_programs != architecture.for_programs:
        raise ExportError(f"{folder} holds the program of another machine; write it anew with `tcugen build`")
    return Build(folder, architecture, program, version, _clock(folder))


def _clock(folder: Path) -> float | None:
    try:
        return float(json.loads((folder / "part.json").read_text())["clock_mhz"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
