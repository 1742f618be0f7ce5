"""Turns emitted Verilog into a simulator program, once: builds are cached by the hash of everything they depend on."""

import fcntl
import hashlib
import json
import platform
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tcugen.arch import Architecture
from tcugen.simulator import environment, headers
from tcugen.simulator.environment import default_cache_dir
from tcugen.simulator.toolchain import PROGRAM, ToolError, Train, compile_program

TOP = "tcu_top"
HARNESS = Path(__file__).parent / "harness"

WAVE_FLAGS = {"vcd": ("--trace-vcd", "--trace-structs"), "fst": ("--trace-fst", "--trace-structs")}
"""Of Verilator, by the format of the waves."""

_UNIT_FLAGS = ("-CFLAGS", "-DTCU_UNIT_TRACE=1")
_LOG_TAIL_LINES = 25


class BuildError(RuntimeError):
    """Verilator or the C++ compiler refused the design. The message holds the end of the log and where all of it is."""


@dataclass(frozen=True)
class Design:
    """What is compiled into a simulator.

    Attributes:
        top: Top module.
        main: C++ file of the harness that drives it.
        verilog: Contents by file name.
        headers: Text of generated C++ headers by file name.
        units: The harness traces units too, see `harness/observe.vlt`.
    """

    top: str
    main: str
    verilog: dict[str, bytes]
    headers: dict[str, str]
    units: bool = False


def read_architecture(rtl_dir: Path) -> Architecture:
    """The architecture that the Verilog in `rtl_dir` was emitted for; raises BuildError if the file is not there."""
    path = rtl_dir / "architecture.json"
    if not path.exists():
        raise BuildError(f"{path} does not exist, but every directory of emitted Verilog has one; run `tcugen build`")
    return Architecture.from_dict(json.loads(path.read_text()))


def build(
    rtl_dir: Path,
    cache_dir: Path | None = None,
    waves: str | None = None,
    train: Train | None = None,
    units: bool = False,
) -> Path:
    """Path of the simulator program for the Verilog in `rtl_dir`, built unless it is in the cache.

    Args:
        rtl_dir: Directory with `*.v` (top module `tcu_top`) and `architecture.json`.
        cache_dir: Where builds are kept; `default_cache_dir()` if None.
        waves: Build the variant that can record waves in this format, see WAVE_FLAGS; it is slower.
        train: See `compile_program`; a build that is in the cache stays as it is.
        units: Build the variant that traces units.

    Raises:
        EnvironmentProblem: If Verilator or the compiler is missing.
        BuildError: If there is no Verilog, or it does not compile.
    """
    rtl_dir = Path(rtl_dir)
    verilog = {path.name: path.read_bytes() for path in sorted(rtl_dir.glob("*.v"))}
    if not verilog:
        raise BuildError(f"{rtl_dir} holds no Verilog (*.v); emit it with `tcugen build`")
    generated = {
        "registers.h": headers.registers_header(),
        "machine.h": headers.machine_header(read_architecture(rtl_dir)),
    }
    return build_design(Design(TOP, "main.cpp", verilog, generated, units), cache_dir, waves, train)


def build_design(
    design: Design, cache_dir: Path | None = None, waves: str | None = None, train: Train | None = None
) -> Path:
    """Path of the simulator program of any design, built unless it is in the cache.

    Arguments and errors as `build`.
    """
    verilator = environment.find_verilator()
    compiler = environment.find_compiler()
    if waves == "fst":
        environment.check_fst(compiler)
    flags = (*(WAVE_FLAGS[waves] if waves else ()), *(_UNIT_FLAGS if design.units else ()))
    key = _key(design, verilator.identity, environment.version(compiler), flags)
    cache_dir = Path(cache_dir) if cache_dir else default_cache_dir()
    cache_dir.mkdir(parents=True, exist_ok=True)
    entry = cache_dir / key
    with _locked(cache_dir / f"{key}.lock"):
        if not (entry / PROGRAM).exists():
            _build_entry(entry, design, verilator, flags, train)
    return entry / PROGRAM


def _key(design: Design, *identities: object) -> str:
    digest = hashlib.sha256()
    chain = (Path(__file__), Path(__file__).with_name("toolchain.py"))
    own = {path.name: path.read_bytes() for path in (*sorted(HARNESS.iterdir()), *chain)}
    for name, content in (*design.verilog.items(), *own.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    digest.update(repr((design.main, sorted(design.headers.items()), identities, _processor())).encode())
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
def _locked(path: Path) -> Generator[None]:
    """Holds an exclusive lock between processes; a second build of the same design waits for the first."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build_entry(
    entry: Path, design: Design, verilator: environment.Verilator, flags: tuple[str, ...], train: Train | None
) -> None:
    """Builds beside the cache entry and renames, so that an entry is whole or absent."""
    work = Path(tempfile.mkdtemp(prefix=f"{entry.name}.", dir=entry.parent))
    try:
        for name, text in design.headers.items():
            (work / name).write_text(text)
        for name, content in design.verilog.items():
            (work / name).write_bytes(content)
        for path in HARNESS.iterdir():
            shutil.copy(path, work)
        log = work / "build.log"
        try:
            sources = [*(["observe.vlt"] if design.units else []), *design.verilog, f"../{design.main}"]
            program = compile_program(work, design.top, sources, flags, verilator, log, train)
        except ToolError:
            raise BuildError(_failure(log, entry.with_suffix(".log"))) from None
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
