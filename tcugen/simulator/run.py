"""Runs a program on the emitted Verilog: prepares memory, runs the built harness, reads back what it left."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import Architecture
from tcugen.isa import Window
from tcugen.memory_model import MEMORY_MODELS
from tcugen.program import Program, Tensor
from tcugen.registers import ERROR_MEANINGS, ErrorCode
from tcugen.simulator import memory_image
from tcugen.simulator.build import build, read_architecture
from tcugen.simulator.headers import STATUS_ERROR
from tcugen.simulator.progress import Progress, ProgressMeter, layer_cycles
from tcugen.simulator.toolchain import Train

Records = NDArray[np.void]
"""A trace: `trace_dtype` records in the order of time."""

UNIT_TRACE_BYTES = 3
"""Of a record of units: a bit per opcode from WEIGHT on, for those that take an instruction, are at work, are done."""

WATCHDOG_CYCLES = 100_000
_FIXED_ALLOWANCE_CYCLES = 2_000_000
ALLOWED_SLOWDOWN = 20
"""A run that takes so many times the cycles reckoned for it is taken to hang."""

_TRAINED_MULTIPLIERS = 256
_TRAINING_CYCLES = 50_000

MEMORY_FILE = "memory.bin"
JOB_FILE = "job.txt"


class SimulationError(RuntimeError):
    """The simulation could not be run to its end. The message says what happened and what to do."""


@dataclass(frozen=True)
class MachineError:
    """The machine stopped itself. `address` as in registers ERROR_ADDRESS_*."""

    code: ErrorCode
    address: int

    def __str__(self) -> str:
        return f"{self.code.name} (address 0x{self.address:x})"

    @property
    def described(self) -> str:
        """With what it means, for people."""
        meaning = ERROR_MEANINGS[self.code]
        return f"{self}: {meaning.doc}; address: {meaning.address}"


@dataclass(frozen=True)
class ImageRun:
    """One image.

    Attributes:
        outputs: The program's outputs as they stand in memory: int8 or int32 [C, H, W] by tensor name.
        cycles: Counter CYCLES: from the start write to done.
        interrupt_cycles: From the cycle of the start write to the first with the interrupt raised, seen from outside.
        counters: All counters by name: CYCLES, BUSY, STALL_*, BYTES_READ, BYTES_WRITTEN.
        layer_counters: Per layer number: BUSY, STALL_*.
        error: Why the machine stopped, None if it finished.
        drains, pools: Trace of the output path's writes, `trace_dtype` records; None if not asked for.
        units: Trace of what units take and finish, `trace_dtype(UNIT_TRACE_BYTES)` records; None if not asked for.
    """

    outputs: dict[str, Tensor]
    cycles: int
    interrupt_cycles: int
    counters: dict[str, int]
    layer_counters: tuple[dict[str, int], ...]
    error: MachineError | None
    drains: Records | None
    pools: Records | None
    units: Records | None = None


@dataclass(frozen=True)
class SimulationResult:
    """All images, in order; the last one is the failing one if the machine stopped with an error.

    `seconds` is wall time of the simulation without building, `cpu_seconds` the processor time it took.
    """

    images: tuple[ImageRun, ...]
    memory: str
    seconds: float
    cpu_seconds: float

    @property
    def cycles(self) -> int:
        return sum(image.cycles for image in self.images)

    @property
    def cycles_per_second(self) -> float:
        return self.cycles / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Waves:
    """A request to record waves into `path`, as FST if it ends so, else as VCD: `cycles` cycles from cycle `first` on.

    Cycles are counted from the start write of image number `image`, as in the traces, or from reset if it is None.
    Time in the file is twice the cycle: even while the clock is low, odd from its rising edge on.
    """

    path: Path
    first: int = 0
    cycles: int = 100_000
    image: int | None = None

    @property
    def format(self) -> str:
        """A key of `build.WAVE_FLAGS`."""
        return "fst" if self.path.suffix == ".fst" else "vcd"


def trace_dtype(data_bytes: int) -> np.dtype[np.void]:
    """Record of a trace: cycle since the start write, activation address, layer, `data_bytes` bytes written."""
    return np.dtype(
        [("cycle", "<u4"), ("address", "<u4"), ("layer", "<u2"), ("zero", "<u2"), ("data", "u1", (data_bytes,))]
    )


def simulate(
    program: Program,
    rtl_dir: Path,
    inputs: Sequence[Mapping[str, NDArray[Any]]],
    memory: str = "fixed",
    max_cycles: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    trace: bool = True,
    waves: Waves | None = None,
    units: bool = False,
    work_dir: Path | None = None,
    cache_dir: Path | None = None,
) -> SimulationResult:
    """Runs `program` on the Verilog in `rtl_dir`, one image after the other without a reset in between.

    Args:
        inputs: Per image: int8 [C, H, W] by input tensor's name.
        memory: Name of the memory model.
        max_cycles: Limit per image; a generous multiple of what the program needs if None.
        progress: Called about twice a second.
        trace: Record every write of the output path.
        waves: Record waves; builds a second, slower simulator.
        units: Record what units take and finish, with `trace`; builds another simulator.
        work_dir: Existing directory where memory image and traces are left; a temporary one if None.
        cache_dir: Where built simulators are kept.

    Raises:
        ValueError: If an argument does not fit the program.
        EnvironmentProblem, BuildError: If the simulator cannot be built.
        SimulationError: If the Verilog is of another architecture, breaks a bus rule or exceeds `max_cycles`.
    """
    if memory not in MEMORY_MODELS:
        raise ValueError(f"memory model {memory!r} is not one of {', '.join(MEMORY_MODELS)}")
    if not inputs:
        raise ValueError("no image to simulate; give at least one")
    check_architecture(program.architecture, read_architecture(Path(rtl_dir)), rtl_dir)
    train = None if waves else training(program, inputs[0], memory)
    simulator = build(Path(rtl_dir), cache_dir, waves and waves.format, train, units)
    with nullcontext(work_dir) if work_dir else tempfile.TemporaryDirectory(prefix="tcugen-") as directory:
        directory = Path(directory)
        image = memory_image.place(program, len(inputs))
        memory_image.write(image, program, inputs, directory / MEMORY_FILE)
        limit = default_cycle_limit(program) if max_cycles is None else max_cycles
        (directory / JOB_FILE).write_text(job_text(program, image, memory, limit, trace, waves))
        meter = ProgressMeter(program, len(inputs), progress) if progress else None
        try:
            run_simulator(simulator, directory, meter)
        finally:
            if waves and (directory / f"waves.{waves.format}").exists():
                shutil.move(directory / f"waves.{waves.format}", waves.path)
        return _collect(program, image, directory, memory, trace, trace and units)


def training(program: Program, image: Mapping[str, NDArray[Any]], memory: str) -> Train | None:
    """What a simulator is trained with while it is built: the first cycles of its first run.

    None for small arrays, which do not simulate long enough to earn the longer build.
    """
    if program.architecture.multipliers < _TRAINED_MULTIPLIERS:
        return None

    def train(simulator: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="tcugen-") as name:
            directory = Path(name)
            place = memory_image.place(program, 1)
            memory_image.write(place, program, [image], directory / MEMORY_FILE)
            (directory / JOB_FILE).write_text(job_text(program, place, memory, _TRAINING_CYCLES, True, None))
            with suppress(SimulationError):  # it is cut off; what else may be wrong is for the run itself to say
                run_simulator(simulator, directory, None)

    return train


def default_cycle_limit(program: Program) -> int:
    """Cycles per image after which a program is taken to hang."""
    return _FIXED_ALLOWANCE_CYCLES + ALLOWED_SLOWDOWN * sum(layer_cycles(program))


def check_architecture(compiled: Architecture, emitted: Architecture, rtl_dir: Path) -> None:
    """Raises SimulationError, which names what differs, unless both are the same for programs."""
    theirs, ours = asdict(emitted.for_programs), asdict(compiled.for_programs)
    differing = [f"{name} {ours[name]} / {theirs[name]}" for name in ours if ours[name] != theirs[name]]
    if differing:
        raise SimulationError(
            f"the program and the Verilog in {rtl_dir} are of different architectures "
            f"(program / Verilog): {', '.join(differing)}; compile or emit again"
        )


def job_text(
    program: Program,
    image: memory_image.MemoryImage,
    memory: str,
    max_cycles: int,
    trace: bool,
    waves: Waves | None,
    watchdog: int = WATCHDOG_CYCLES,
) -> str:
    """The job file of the harness."""
    lines = [
        f"memory {MEMORY_FILE} {image.base} {image.size}",
        f"memory_model {' '.join(map(str, astuple(MEMORY_MODELS[memory])))}",
        f"max_cycles {max_cycles}",
        f"watchdog {watchdog}",
        f"layers {len(program.layers)}",
        f"architecture {program.architecture.fingerprint}",
        f"trace {int(trace)}",
    ]
    if waves:
        lines.append(f"waves {-1 if waves.image is None else waves.image} {waves.first} {waves.cycles}")
    areas = {**image.shared, Window.INPUT: image.inputs[0], Window.OUTPUT: image.outputs[0]}
    lines += [f"window {window.name} {areas[window].base} {areas[window].size}" for window in Window]
    pairs = zip(image.inputs, image.outputs, strict=True)
    lines += [f"image {source.base} {destination.base}" for source, destination in pairs]
    return "\n".join(lines) + "\n"


def run_simulator(simulator: Path, directory: Path, meter: ProgressMeter | None) -> None:
    """Runs the harness to its end; its messages are JSON, one object a line, on stderr."""
    error: str | None = None
    other: list[str] = []
    with subprocess.Popen(
        [simulator, JOB_FILE], cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None, "it is a pipe"
        try:
            for line in process.stderr:
                message = _message(line)
                if message is None:
                    other.append(line.rstrip())
                elif "error" in message:
                    error = message["error"]
                elif meter:
                    meter.update(**message)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        said = error or "\n".join(other[-10:]) or f"exit code {process.returncode}"
        raise SimulationError(f"the simulation failed: {said}")


def _message(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None


def _collect(
    program: Program, image: memory_image.MemoryImage, directory: Path, memory: str, trace: bool, units: bool
) -> SimulationResult:
    results = json.loads((directory / "results.json").read_text())
    runs: list[ImageRun] = []
    for number, values in enumerate(results["images"]):
        error = None
        if values["status"] & STATUS_ERROR:
            error = MachineError(ErrorCode(values["error_code"]), values["error_address"])
        drains, pools = read_traces(program.architecture, directory, number) if trace else (None, None)
        runs.append(
            ImageRun(
                outputs=memory_image.read_outputs(image, program, number, directory / MEMORY_FILE),
                cycles=values["counters"]["CYCLES"],
                interrupt_cycles=values["cycles"],
                counters=values["counters"],
                layer_counters=tuple(values["layers"]),
                error=error,
                drains=drains,
                pools=pools,
                units=_map_trace(directory / f"units_{number}.bin", trace_dtype(UNIT_TRACE_BYTES)) if units else None,
            )
        )
    return SimulationResult(tuple(runs), memory, results["seconds"], results["cpu_seconds"])


def read_traces(architecture: Architecture, directory: Path, image: int) -> tuple[Records, Records]:
    """Traces (drains, pools) that a run left in its `work_dir`, empty where there is none.

    A run that raised SimulationError leaves what was written until then.
    """
    sizes = {"drain": architecture.output_lanes, "pool": architecture.rows}
    drains, pools = (
        _map_trace(directory / f"{kind}_{image}.bin", trace_dtype(data_bytes)) for kind, data_bytes in sizes.items()
    )
    return drains, pools


def _map_trace(path: Path, dtype: np.dtype[np.void]) -> Records:
    """The records without reading them; the mapping outlives the file's name."""
    if not path.exists() or path.stat().st_size == 0:
        return np.empty(0, dtype)
    return np.memmap(path, dtype, mode="r")
