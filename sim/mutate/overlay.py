"""A copy of the project with one file of the RTL changed: links to all else, folders of its own for what is made.

Nothing outside the copy is written: simulators that were compiled from a mutant are gone with it.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sim.mutate.sites import Site

ROOT = Path(__file__).parents[2]
LEFT_OUT = {"tcugen", "rtl_out", "sim_build", "build", "__pycache__"}

FASTER = (
    ("simulator/toolchain.py", '_FAST = "-O3"', '_FAST = "-O0"'),
    ("simulator/toolchain.py", '"OPT_GLOBAL=-O2"', '"OPT_GLOBAL=-O0"'),
    ("sim/build.py", '"-O1"', '"-O0"'),
)
"""File, text and what is written instead: simulators run for a second and are compiled for a minute."""

MOST_BYTES = 6 << 30
"""Of address space while Verilog is written: a mutant may ask for any amount."""

WALL_PER_CPU = 8
"""Seconds that may pass for each of processor time, on a machine that has other work."""


@dataclass(frozen=True)
class Done:
    """A command that ended: exit status, all that it printed, and whether it was ended for the time it took."""

    status: int
    output: str
    late: bool


@dataclass(frozen=True)
class Overlay:
    """The copy's folder, which holds `tcugen`, `tests` and all else."""

    root: Path

    def run(self, arguments: Sequence[str], cpu_seconds: int, most_bytes: int | None = None) -> Done:
        """Runs Python in the copy, with its packages, caches and temporary files."""
        environment = os.environ | {
            "PYTHONPATH": str(self.root),
            "XDG_CACHE_HOME": str(self.root / "cache"),
            "TMPDIR": str(self.root / "temporary"),
        }

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
            if most_bytes:
                resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))

        with (self.root / "output").open("w+") as output:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.root,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=limit,
            )
            try:
                status = process.wait(WALL_PER_CPU * cpu_seconds)
            except subprocess.TimeoutExpired:
                status = -signal.SIGXCPU
            finally:
                # What it started may have outlived it.
                _end(process)
            output.seek(0)
            return Done(status, output.read(), status in (-signal.SIGXCPU, -signal.SIGKILL))


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


@contextmanager
def overlay(site: Site | None) -> Generator[Overlay]:
    """The project with the change, or as it is; deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="tcugen-", ignore_cleanup_errors=True) as name:
        root = Path(name)
        for folder in ("cache", "temporary", "tcugen", "sim", "rtl_out"):
            (root / folder).mkdir()
        _link(ROOT, root, LEFT_OUT | {"sim"})
        _link(ROOT / "tcugen", root / "tcugen", {"rtl", "simulator"})
        _link(ROOT / "sim", root / "sim", {"build.py"})
        shutil.copy(ROOT / "sim" / "build.py", root / "sim" / "build.py")
        shutil.copytree(ROOT / "rtl_out" / "reference", root / "rtl_out" / "reference")
        for folder in ("rtl", "simulator"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / "tcugen" / folder, root / "tcugen" / folder, ignore=ignored)
        for file, old, new in FASTER:
            path = root / file if file.startswith("sim/") else root / "tcugen" / file
            text = path.read_text()
            if text.count(old) != 1:
                raise ValueError(f"{file} holds {text.count(old)} times {old!r}, but it must be there once")
            path.write_text(text.replace(old, new))
        if site:
            path = root / "tcugen" / "rtl" / site.file
            path.write_text(site.changed(path.read_text()))
        yield Overlay(root)


def _link(source: Path, target: Path, left_out: set[str]) -> None:
    for path in source.iterdir():
        if path.name not in left_out and (not path.name.startswith(".") or path.name == ".venv"):
            (target / path.name).symlink_to(path)
