"""A run of the simulated SoC: firmware and flash into its memories, console out."""

import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.soc.firmware import contents
from sim.soc.simulator import PROGRAM, SocError, soc

MOST_CYCLES = 100_000_000
"""After which the firmware is taken to hang; all errors and two images of ResNet-20 take a tenth of it."""


@dataclass(frozen=True)
class SocRun:
    """What the console said, and the cycles from reset to the end of the firmware."""

    console: str
    cycles: int


def run_soc(
    build: Path,
    images: NDArray[np.float32],
    errors: bool,
    hear: Callable[[str], None] = print,
    most_cycles: int = MOST_CYCLES,
) -> SocRun:
    """The firmware run to its end.

    Args:
        build: Folder of `tcugen build`.
        images: [N, C, H, W], in the flash as they are.
        errors: Every error is provoked after the images.
        hear: Called with every line of the console as it comes.
        most_cycles: Limit.

    Raises:
        SocError: If a tool fails, or the firmware does not come to its end.
        EnvironmentProblem: If one is missing.
    """
    program = soc(build)
    with tempfile.TemporaryDirectory(prefix="tcugen-soc-") as name:
        folder = Path(name)
        made = contents(build, program, images, errors, folder)
        for memory in program.glob("*.init"):
            (folder / memory.name).symlink_to(memory)
        for memory, text in (("rom", made.rom), ("flash", made.flash)):
            path = folder / f"sim_{memory}.init"
            path.unlink()
            path.write_text(text)
        return _simulate(program / PROGRAM, folder, hear, most_cycles)


def _simulate(program: Path, folder: Path, hear: Callable[[str], None], most_cycles: int) -> SocRun:
    lines: list[str] = []
    with (
        (folder / "errors.txt").open("w+") as said,
        subprocess.Popen(
            [program, str(most_cycles)], cwd=folder, stdout=subprocess.PIPE, stderr=said, text=True, env=os.environ
        ) as process,
    ):
        assert process.stdout is not None, "it is a pipe"
        for line in process.stdout:
            lines.append(line)
            hear(line.rstrip("\n"))
        status = process.wait()
        said.seek(0)
        last = said.read().strip()
    if status not in (0, 1):
        raise SocError(f"the simulation ended with status {status}: {last}; the console's last line: {lines[-1:]}")
    return SocRun("".join(lines), int(last.splitlines()[-1].split()[0]))
