"""The SoC around a build: exported, put together by LiteX, compiled by Verilator once and kept."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import sim.soc
from tcugen.simulator.environment import default_cache_dir, find_compiler, find_verilator

ROOT = Path(sim.soc.__file__).parents[2]
PROGRAM = "soc"
VERILOG = "sim.v"
OPTIMISATION = "-O1"

BUS_BYTES = 16
"""Width of the DRAM controller's port, and of the unit's bus."""

_SOURCES = ("harness.cpp", "interconnect.py", "simulator.py", "system.py")
"""What the compiled SoC is made of, beside the unit."""

_VERILATOR_FLAGS = (
    *("--cc", "--exe", "--top-module", "sim", "--prefix", "Vsim", "--Mdir", "objects", "-o", PROGRAM),
    *("-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert", "--no-timing"),
    *("--output-split", "20000", "--output-split-cfuncs", "2000"),
    # The text is generated: its style warnings have no reader.
    *("-Wno-fatal", "-Wno-lint"),
)


class SocError(RuntimeError):
    """A build does not fit the SoC, or a tool failed; then the message ends with what it printed."""


def run(command: Sequence[str | Path], folder: Path, environment: dict[str, str] | None = None) -> str:
    """What a command printed; raises SocError if it fails."""
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        told = (done.stdout + done.stderr).strip().splitlines()
        raise SocError("\n".join([f"{Path(command[0]).name} failed:", *told[-15:]]))
    return done.stdout


def soc(build: Path) -> Path:
    """Folder with the SoC around the unit in `build`: program `soc`, `cpu.json`, `generated/`, `*.init`.

    It is kept in tcugen's cache, until something it depends on changes. Not to be changed by the caller.

    Raises:
        SocError: If the unit's bus has another width than the DRAM controller, or a tool refuses the design.
        EnvironmentProblem: If there is no Verilator or no compiler.
    """
    bus_bytes = json.loads((build / "architecture.json").read_text())["bus_bytes"]
    if bus_bytes != BUS_BYTES:
        raise SocError(
            f"the bus of {build} is {bus_bytes} bytes wide, but the port of the SoC's DRAM controller {BUS_BYTES}; "
            f"build with --bus-bytes {BUS_BYTES}"
        )
    verilator = find_verilator()
    find_compiler()
    digest = hashlib.sha256(repr((verilator.identity, _VERILATOR_FLAGS, OPTIMISATION)).encode())
    own = [Path(__file__).with_name(name) for name in _SOURCES]
    for path in [*sorted(build.glob("*.v")), build / "architecture.json", *own]:
        digest.update(path.read_bytes())
    kept = default_cache_dir() / f"soc-{digest.hexdigest()[:24]}"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as work:
            folder = Path(work) / "soc"
            folder.mkdir()
            _make(build, folder)
            if not kept.exists():
                shutil.move(folder, kept)
    return kept


def _make(build: Path, folder: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    build = build.resolve()  # the commands run in ROOT
    run(
        [sys.executable, "-m", "tcugen", "export", build, "--format", "litex", "-o", folder / "unit"], ROOT, environment
    )
    run([sys.executable, "-m", "sim.soc.system", folder / "unit", folder], ROOT, environment)
    shutil.copy(Path(__file__).with_name("harness.cpp"), folder)
    verilator = find_verilator()
    sources = [*json.loads((folder / "sources.json").read_text()), VERILOG, "../harness.cpp"]
    run([verilator.command, *_VERILATOR_FLAGS, *sources], folder, verilator.environment())
    make = ["make", "-f", "Vsim.mk", "-j", "2", f"OPT_FAST={OPTIMISATION}", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1"]
    run([*make, "CXX=g++", "LINK=g++"], folder / "objects", verilator.environment())
    shutil.move(folder / "objects" / PROGRAM, folder / PROGRAM)
    shutil.rmtree(folder / "objects")
