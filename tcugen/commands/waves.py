"""Waves of a run that is right: recorded in a run of their own, with what GTKWave and Surfer show them by."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tcugen.console.outcome import UsageError
from tcugen.console.output_files import write_text
from tcugen.simulator.wave_views import gtkwave_view, surfer_view

if TYPE_CHECKING:
    import numpy as np

    from tcugen.program import Program

DEFAULT_CYCLES = 10_000
"""Cycles that are recorded where nothing else is asked for."""

FORMATS = (".fst", ".vcd")


@dataclass(frozen=True)
class WaveWindow:
    """Cycles `first` .. `first + cycles - 1` after the start write."""

    first: int
    cycles: int


def wave_window(path: Path, cycles: str | None) -> WaveWindow:
    """The window that `--cycles FIRST:LAST` means for waves in `path`.

    Raises:
        UsageError: If it is malformed or empty, or the file's ending names no format.
    """
    if path.suffix not in FORMATS:
        raise UsageError(f"--waves is {path}, but its name must end in .fst or .vcd; write for example waves.fst")
    if cycles is None:
        return WaveWindow(0, DEFAULT_CYCLES)
    match = re.fullmatch(r"(\d{1,12}):(\d{1,12})", cycles)
    if not match or int(match[1]) > int(match[2]):
        raise UsageError(
            f"--cycles is {cycles!r}, but it must be FIRST:LAST, in cycles after the start; write for example 0:9999"
        )
    first, last = int(match[1]), int(match[2])
    return WaveWindow(first, last - first + 1)


def view_files(path: Path) -> tuple[Path, Path]:
    """The files that GTKWave and Surfer show the waves in `path` by."""
    return path.with_suffix(".gtkw"), path.with_suffix(".sucl")


def record_waves_of_run(
    path: Path,
    window: WaveWindow,
    program: "Program",
    rtl: Path,
    inputs: "dict[str, np.ndarray]",
    memory: str,
    console: Console,
) -> None:
    """Run the first image again and leave its waves in `path`, and both view files beside it.

    Raises:
        EnvironmentProblem: If a tool or a library is missing.
    """
    from tcugen.simulator.build import BuildError
    from tcugen.simulator.run import SimulationError
    from tcugen.trace.difference import Focus
    from tcugen.verify.diagnose import record_waves

    console.print("waves: building a simulator that records them", highlight=False)
    try:
        record_waves(program, rtl, inputs, Focus(0, window.first, window.cycles), path, memory)
    except (SimulationError, BuildError) as error:
        console.print("waves could not be recorded:", str(error), markup=False, soft_wrap=True)
        return
    gtkwave, surfer = view_files(path)
    bits = program.architecture.bus_address_bits
    write_text(gtkwave, gtkwave_view(path, bits))
    write_text(surfer, surfer_view(bits))
    console.print(
        f"waves of cycles {window.first} .. {window.first + window.cycles - 1} after the start (time in the file is "
        f"twice the cycle): {path}\nlook at them with: gtkwave {path} {gtkwave}, or: "
        f"surfer --command-file {surfer} {path}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
