"""Waves of a run that is right: recorded in a run of their own, with what GTKWave and Surfer show them by."""

import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.console import Console

from tcugen.console.outcome import UsageError
from tcugen.console.output_files import write_text
from tcugen.page.animation import AnimationContent, CycleContent, animation
from tcugen.simulator.wave_views import gtkwave_view, surfer_view

if TYPE_CHECKING:
    import numpy as np

    from tcugen.arch import Architecture
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


ANIMATED_CYCLES = 240
"""Cycles that the animation has where nothing else is asked for, from just before the first swap of weights."""
_SEARCHED_CYCLES = 4000
_CYCLES_BEFORE_SWAP = 12
MOST_ANIMATED = (64, 2000)
"""Multipliers and cycles of the largest animation: what can still be read, and a page that opens fast."""


def animation_window(cycles: str | None) -> WaveWindow:
    """The window of an animation.

    Raises:
        UsageError: If `--cycles` is malformed, empty or too long.
    """
    if cycles is None:
        return WaveWindow(0, _SEARCHED_CYCLES)
    window = wave_window(Path("array.vcd"), cycles)
    if window.cycles > MOST_ANIMATED[1]:
        raise UsageError(
            f"--cycles {cycles} has {window.cycles} cycles, but an animation at most {MOST_ANIMATED[1]}; ask for fewer"
        )
    return window


def check_animated(architecture: "Architecture") -> None:
    """Raises UsageError if the array has too many cells to be read."""
    if architecture.multipliers > MOST_ANIMATED[0]:
        raise UsageError(
            f"--animate shows arrays of at most {MOST_ANIMATED[0]} multipliers, but {architecture.rows}x"
            f"{architecture.columns} has {architecture.multipliers}; build one with --array 4x4"
        )


def write_animation(
    path: Path,
    cycles: str | None,
    program: "Program",
    rtl: Path,
    inputs: "dict[str, np.ndarray]",
    memory: str,
    console: Console,
) -> bool:
    """Run the first image again and write the page that shows its array at work; False, after saying why, if it could
    not be recorded.

    Raises:
        EnvironmentProblem: If a tool is missing.
        UsageError: If the window lies after the run.
    """
    from tcugen.simulator.build import BuildError
    from tcugen.simulator.run import SimulationError
    from tcugen.trace.array_values import array_cycles
    from tcugen.trace.difference import Focus
    from tcugen.verify.diagnose import record_waves

    architecture, window = program.architecture, animation_window(cycles)
    console.print("animation: building a simulator that records waves", highlight=False)
    with tempfile.TemporaryDirectory(prefix="tcugen-") as folder:
        waves = Path(folder) / "array.vcd"
        try:
            record_waves(program, rtl, inputs, Focus(0, window.first, window.cycles), waves, memory)
        except (SimulationError, BuildError) as error:
            console.print("waves could not be recorded:", str(error), markup=False, soft_wrap=True)
            return False
        found = array_cycles(waves, architecture)
    if cycles is None:
        swap = next((n for n, cycle in enumerate(found) if cycle.swaps[0]), 0)
        found = found[max(0, swap - _CYCLES_BEFORE_SWAP) :][:ANIMATED_CYCLES]
    if not found:
        raise UsageError(f"--cycles {cycles} has no cycle of the run; begin earlier")
    content: AnimationContent = {
        "network": program.network,
        "rows": architecture.rows,
        "columns": architecture.columns,
        "cycles": [cast("CycleContent", asdict(cycle)) for cycle in found],
    }
    write_text(path, animation(content))
    console.print(
        f"animation of cycles {found[0].cycle} .. {found[-1].cycle}: {path}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    return True


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
) -> bool:
    """Run the first image again and leave its waves in `path`, and both view files beside it; False, after saying why,
    if they could not be recorded.

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
        return False
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
    return True
