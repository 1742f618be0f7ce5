"""Verilog emitted and built for cocotb, by Verilator or by Icarus Verilog.

Verilator: one build per architecture is kept, until something it depends on changes. Whatever has no value at the start
gets a random one. Icarus: a simulator of events and four states, in which it is X; slow, for short runs.
"""

import fcntl
import functools
import hashlib
import importlib.metadata
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from cocotb_tools.runner import Icarus, Verilator

from tcugen.arch import Architecture
from tcugen.rtl.emit import emit
from tcugen.simulator import environment

TOP = "tcu_top"
RANDOM_SEED = 1
BUILD_DIR = Path(__file__).parent.parent / "sim_build"

_VISIBLE = "".join(
    f'public_flat_rw -module "{TOP}" -var "{ports}"\n'
    for ports in ("aclk", "aresetn", "irq", "m_axi_*", "s_axil_*", "trace_*")
)
"""Control file: what cocotb sees."""

_BUILD_ARGS = (
    *("-O3", "--x-assign", "unique", "--x-initial", "unique", "--no-timing"),
    *("--output-split", "20000", "--output-split-cfuncs", "2000"),
    *("-Wno-fatal", "-Wno-lint"),
    *("-CFLAGS", "-O1"),
)


VERILOG_STANDARDS = ("2005", "2012")
"""What Icarus can read the same files as: Verilog, and SystemVerilog, which starts in another order."""


class PortsOnlyVerilator(Verilator):
    """Verilator that shows cocotb the ports and may optimise everything else: half the time to build, faster runs.

    Memories and registers hold random bits before they are written.
    """

    def _build_command(self):
        verilate, make = super()._build_command()
        return [[word for word in verilate if word != "--public-flat-rw"], make]

    def _test_command(self):
        self.plusargs = [*self.plusargs, "+verilator+rand+reset+2", f"+verilator+seed+{RANDOM_SEED}"]
        return super()._test_command()


@contextmanager
def verilator_environment() -> Generator[None]:
    """The environment variables of the Verilator that was found, for a while; the runner takes them from there."""
    before = dict(os.environ)
    os.environ.update(environment.find_verilator().environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def build(architecture: Architecture) -> Path:
    """Directory of the simulator program for `architecture`; emits once a process, builds unless it is there.

    Raises:
        EnvironmentProblem: If Verilator is missing.
        RuntimeError: If it refuses the Verilog; the log stands beside.
    """
    # cocotb's runner reads this variable by itself: as it stands, it is part of what was built.
    return _build(architecture, os.environ.get("WAVES", ""))


@functools.cache
def _build(architecture: Architecture, waves: str) -> Path:
    BUILD_DIR.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD_DIR) as directory:
        directory = Path(directory)
        emit(architecture, directory)
        (directory / "visible.vlt").write_text(f"`verilator_config\n{_VISIBLE}")
        sources = sorted(directory.glob("*.v*"))
        key = _key(sources, waves)
        name = f"{architecture.fingerprint:08x}{'_parity' * architecture.parity}{'_waves' * bool(waves)}"
        target = BUILD_DIR / name
        with _locked(target.with_suffix(".lock")):
            built = target / "key"
            if not built.exists() or built.read_text() != key:
                shutil.rmtree(target, ignore_errors=True)
                with verilator_environment():
                    PortsOnlyVerilator().build(
                        sources=sources,
                        hdl_toplevel=TOP,
                        build_args=_BUILD_ARGS,
                        build_dir=target,
                        timescale=("1ns", "1ns"),
                        log_file=target.with_suffix(".log"),
                    )
                built.write_text(key)
    return target


def build_icarus(architecture: Architecture, standard: str, directory: Path) -> Path:
    """Directory of the simulator program for `architecture`, below `directory`; `standard` is of VERILOG_STANDARDS.

    Raises:
        EnvironmentProblem: If Icarus Verilog is missing.
    """
    if shutil.which("iverilog") is None:
        raise environment.EnvironmentProblem("no iverilog found: install Icarus Verilog (Debian: apt install iverilog)")
    sources = directory / "verilog"
    sources.mkdir()
    emit(architecture, sources)
    # The runner asks for SystemVerilog by itself; the last option counts.
    Icarus().build(
        sources=sorted(sources.glob("*.v")),
        hdl_toplevel=TOP,
        build_args=[f"-g{standard}", "-Wall"],
        build_dir=directory / "build",
        timescale=("1ns", "1ns"),
        log_file=directory / "build.log",
    )
    return directory / "build"


def _key(sources: list[Path], waves: str) -> str:
    digest = hashlib.sha256()
    for path in sources:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    identity = (_BUILD_ARGS, waves, environment.find_verilator().identity, importlib.metadata.version("cocotb"))
    digest.update(repr(identity).encode())
    return digest.hexdigest()


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Holds an exclusive lock between processes."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
