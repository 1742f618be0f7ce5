"""Verilator and the C++ compiler called on one folder of sources, with a second compiler run where it pays."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from tcugen.simulator.environment import Verilator

PROGRAM = "simulator"
OBJECTS = "objects"

Train = Callable[[Path], None]
"""Runs a program for a short while as it will be run later on."""

_JOBS = 2
_VERILATOR_FLAGS = (
    *("--cc", "--exe", "--Mdir", OBJECTS, "-o", PROGRAM),
    *("-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert", "--no-timing"),
    # Files of this size keep both cores busy and each compiler run short.
    *("--output-split", "20000", "--output-split-cfuncs", "2000"),
    # The text is generated: its style warnings have no reader.
    "-Wno-fatal",
    "-Wno-lint",
    *("-CFLAGS", "-march=native -std=c++17 -I.."),
)
# The level of the code that runs every cycle belongs here: in -CFLAGS it would also hold for the code that runs once.
_FAST = "-O3"
_MAKE_VARIABLES = ("OPT_SLOW=-O0", "OPT_GLOBAL=-O2", "CXX=g++", "LINK=g++")

# Counting costs nothing but time: the counters lie beside the objects when the counted program ends. Code that the
# training does not reach is compiled as without it.
_COUNT = "-fprofile-generate -fprofile-update=single"
_USE = "-fprofile-use -fprofile-partial-training -Wno-missing-profile -Wno-coverage-mismatch"


class ToolError(RuntimeError):
    """A tool of the chain failed; what it printed is in the log."""


def compile_program(
    work: Path,
    top: str,
    sources: Sequence[str],
    more_flags: Sequence[str],
    verilator: Verilator,
    log: Path,
    train: Train | None,
) -> Path:
    """Path of the program made of the sources in `work`, named relative to there as make splits paths at spaces.

    Args:
        top: Top module.
        sources: Verilog files, and C++ files as seen from the folder of objects.
        more_flags: Of Verilator.
        log: File that gets what the tools print.
        train: If given, the code is compiled twice, the second time for what this run showed of its branches. That
            changes nothing but speed; if it does not work out, the program is one compiled without.

    Raises:
        ToolError: If a tool fails.
    """
    command = [str(verilator.command), *_VERILATOR_FLAGS, "--top-module", top, "--prefix", f"V{top}"]
    objects, environment = work / OBJECTS, verilator.environment()
    with log.open("w") as file:

        def run(arguments: Sequence[str], folder: Path) -> bool:
            done = subprocess.run(
                arguments, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT, check=False
            )
            return done.returncode == 0

        def make(*variables: str) -> bool:
            return run(["make", "-f", f"V{top}.mk", "-j", str(_JOBS), *_MAKE_VARIABLES, *variables], objects)

        if not run([*command, *more_flags, *sources], work):
            raise ToolError
        if train and make(f"OPT_FAST={_FAST} {_COUNT}", "USER_LDFLAGS=-fprofile-generate"):
            train(objects / PROGRAM)
            _remove_fast(objects)
            if make(f"OPT_FAST={_FAST} {_USE}"):
                return objects / PROGRAM
            _remove_fast(objects)
        if not make(f"OPT_FAST={_FAST}"):
            raise ToolError
    return objects / PROGRAM


def _remove_fast(objects: Path) -> None:
    """Remove what was compiled with OPT_FAST, or made from it."""
    for path in objects.iterdir():
        made = path.suffix in (".o", ".a", ".gch") or path.name == PROGRAM
        stays = "__Slow" in path.name or ".slow." in path.name or path.name.startswith("verilated")
        if made and not stays:
            path.unlink()
