"""Turns emitted Verilog into a simulator program, once: builds are cached by the hash of everything they depend on."""

import fcntl
import hashlib
import json
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tcugen.arch import Architecture
from tcugen.simulator import environment, headers
from tcugen.simulator.environment import default_cache_dir

TOP = "tcu_top"
PROGRAM = "simulator"
HARNESS = Path(__file__).parent / "harness"

_JOBS = 2
_LOG_TAIL_LINES = 25
_VERILATOR_FLAGS = (
    *("--cc", "--exe", "--build", "-j", str(_JOBS), "--top-module", TOP, "--prefix", f"V{TOP}", "-o", PROGRAM),
    *("-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert", "--no-timing"),
    # Files of this size keep both cores busy and each compiler run short.
    *("--output-split", "20000", "--output-split-cfuncs", "2000"),
    # The text is generated: its style warnings have no reader.
    "-Wno-fatal",
    "-Wno-lint",
    *("-CFLAGS", "-march=native -std=c++17"),
    # The level belongs here: in -CFLAGS it would also hold for the code that runs once (OPT_SLOW).
    *("-MAKEFLAGS", "OPT_FAST=-O3 OPT_SLOW=-O0 OPT_GLOBAL=-O2 CXX=g++ LINK=g++"),
)


class BuildError(RuntimeError):
    """Verilator or the C++ compiler refused the design. The message holds the end of the log and where all of it is."""


def read_architecture(rtl_dir: Path) -> Architecture:
    """The architecture that the Verilog in `rtl_dir` was emitted for; raises BuildError if the file is not there."""
    path = rtl_dir / "architecture.json"
    if not path.exists():
        raise BuildError(f"{path} does not exist, but every directory of emitted Verilog has one; run `tcugen build`")
    return Architecture.from_dict(json.loads(path.read_text()))


def build(rtl_dir: Path, cache_dir: Path | None = None, waves: bool = False) -> Path:
    """Path of the simulator program for the Verilog in `rtl_dir`, built unless it is in the cache.

    Args:
        rtl_dir: Directory with `*.v` (top module `tcu_top`) and `architecture.json`.
        cache_dir: Where builds are kept; `default_cache_dir()` if None.
        waves: Build the variant that can record waves; it is slower.

    Raises:
        EnvironmentProblem: If Verilator or the compiler is missing.
        BuildError: If there is no Verilog, or it does not compile.
    """
    rtl_dir = Path(rtl_dir)
    sources = sorted(rtl_dir.glob("*.v"))
    if not sources:
        raise BuildError(f"{rtl_dir} holds no Verilog (*.v); emit it with `tcugen build`")
    verilator = environment.find_verilator()
    compiler = environment.find_compiler()
    generated = {
        "registers.h": headers.registers_header(),
        "machine.h": headers.machine_header(read_architecture(rtl_dir)),
    }
    flags = (*_VERILATOR_FLAGS, *(("--trace-vcd", "--trace-structs") if waves else ()))
    key = _key(sources, generated, verilator.identity, environment.version(compiler), flags)
    cache_dir = Path(cache_dir) if cache_dir else default_cache_dir()
    cache_dir.mkdir(parents=True, exist_ok=True)
    entry = cache_dir / key
    with _locked(cache_dir / f"{key}.lock"):
        if not (entry / PROGRAM).exists():
            _build_entry(entry, sources, generated, verilator, flags)
    return entry / PROGRAM


def _key(sources: list[Path], generated: dict[str, str], *identities: object) -> str:
    digest = hashlib.sha256()
    for path in (*sources, *sorted(HARNESS.iterdir()), Path(__file__)):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    digest.update(repr((sorted(generated.items()), identities, _processor())).encode())
    return digest.hexdigest()[:32]


def _processor() -> str:
    """Identifies the instruction set that -march=native compiles for, as a cache may be shared between machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {platform.processor()} {flags}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock between processes; a second build of the same design waits for the first."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build_entry(
    entry: Path,
    sources: list[Path],
    generated: dict[str, str],
    verilator: environment.Verilator,
    flags: tuple[str, ...],
) -> None:
    """Builds beside the cache entry and renames, so that an entry is whole or absent.

    Sources are copied and named relative to there, as make splits paths at spaces.
    """
    work = Path(tempfile.mkdtemp(prefix=f"{entry.name}.", dir=entry.parent))
    try:
        for name, text in generated.items():
            (work / name).write_text(text)
        for path in (*sources, *HARNESS.iterdir()):
            shutil.copy(path, work)
        command = [str(verilator.command), *flags, "--Mdir", "objects", "-CFLAGS", "-I.."]
        command += [*(path.name for path in sources), "../main.cpp"]
        log = work / "build.log"
        with log.open("w") as file:
            done = subprocess.run(
                command, cwd=work, env=verilator.environment(), stdout=file, stderr=subprocess.STDOUT, check=False
            )
        program = work / "objects" / PROGRAM
        if done.returncode != 0 or not program.exists():
            raise BuildError(_failure(log, entry.with_suffix(".log")))
        finished = work / "finished"
        finished.mkdir()
        program.rename(finished / PROGRAM)
        log.rename(finished / log.name)
        if entry.exists():
            shutil.rmtree(entry)
        finished.rename(entry)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _failure(log: Path, kept: Path) -> str:
    text = log.read_text(errors="replace")
    log.replace(kept)
    tail = "\n".join(text.splitlines()[-_LOG_TAIL_LINES:])
    return f"the simulator could not be built; the log is {kept}, its end:\n{tail}"
