"""Runs golden, emulator and RTL side by side, however the RTL ends, and says where they part first."""

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tcugen import golden
from tcugen.emulator import EmulationError, Machine
from tcugen.isa import Opcode
from tcugen.model.quantized import QuantizedNetwork
from tcugen.program import Program
from tcugen.registers import ErrorCode
from tcugen.simulator.progress import Progress, layer_cycles
from tcugen.simulator.run import ALLOWED_SLOWDOWN, ImageRun, MachineError, SimulationError, Waves, read_traces, simulate
from tcugen.trace.difference import Comparison, Diagnosis, Difference, Focus
from tcugen.trace.locate import Sides, Tensors, locate
from tcugen.verify.stored import store_difference

Image = Mapping[str, np.ndarray]

CYCLES_BEFORE = 150
"""Cycles of the window in front of a difference: a result spends some tens of cycles between operand and write."""

CYCLES_AFTER = 50

_START_CYCLES = 100_000


def diagnose(
    model: QuantizedNetwork,
    program: Program,
    rtl_dir: Path,
    inputs: Mapping[str, np.ndarray],
    memory: str = "fixed",
    progress: Callable[[Progress], None] | None = None,
    stage: Callable[[str], None] | None = None,
    cache_dir: Path | None = None,
) -> Diagnosis:
    """Compare every write of every image. A run that fails is a finding, not an error.

    Args:
        model: What `program` was compiled from.
        rtl_dir: Emitted Verilog, simulated as it stands there.
        inputs: int8 [n, C, H, W] by name of network input.
        memory: Memory model, "fixed" or "ddr".
        progress: Called during the simulation.
        stage: Called with one line of text at the start of each stage.
        cache_dir: Where built simulators are kept.

    Raises:
        BuildError, EnvironmentProblem: If the simulator cannot be built.
    """
    report = stage or _silent
    images = _images(inputs)
    report("golden: PyTorch")
    expected = golden.run(model, inputs)
    report("emulator: the program's instructions in integers")
    emulated, emulator_error = _emulate(program, images)
    report("rtl: building and running the simulation")
    with tempfile.TemporaryDirectory(prefix="tcugen-diff-") as directory:
        run = _run(program, rtl_dir, images, Path(directory), memory, progress, cache_dir)
        return _judge(program, expected, emulated, emulator_error, run)


def cycle_limit(program: Program) -> int:
    """Cycles per image after which the machine is taken to hang.

    A multiple of what it needs if no two of its units ever work at the same time.
    """
    moved = program.weights.size + program.input_bytes + program.output_bytes + 2 * program.scratch_bytes
    serial = sum(layer_cycles(program)) + moved // program.architecture.bus_bytes
    for instruction in program.instructions:
        if instruction.opcode == Opcode.DRAIN:
            steps = instruction["n_columns"] * program.architecture.output_steps
            serial += steps * instruction["n_y"] * instruction["n_x"] * (4 if instruction["int32"] else 1)
        elif instruction.opcode == Opcode.POOL:
            serial += math.prod(instruction[name] for name in ("n_groups", "n_y", "n_x", "n_ky", "n_kx"))
    return _START_CYCLES + ALLOWED_SLOWDOWN * serial


def record_waves(
    program: Program,
    rtl_dir: Path,
    inputs: Mapping[str, np.ndarray],
    focus: Focus,
    path: Path,
    memory: str = "fixed",
    cache_dir: Path | None = None,
) -> None:
    """Run again with a simulator that records waves, and leave the window of `focus` in `path`, as FST if it ends
    so, else as VCD.

    Time in the file is twice the cycle since the start write of the image.

    Raises:
        BuildError, EnvironmentProblem: If that simulator cannot be built.
        SimulationError: If the window was not reached.
    """
    waves = Waves(path, focus.first, focus.cycles, focus.image)
    end = focus.first + focus.cycles
    path.unlink(missing_ok=True)
    try:
        simulate(
            program,
            rtl_dir,
            _images(inputs)[: focus.image + 1],
            memory=memory,
            max_cycles=cycle_limit(program) if focus.image else end,
            trace=False,
            waves=waves,
            cache_dir=cache_dir,
        )
    except SimulationError:
        # Expected: the run is cut off after the window, or fails there.
        if not path.exists():
            raise


def _silent(_line: str) -> None:
    """Where nobody wants to know the stages."""


@dataclass(frozen=True)
class _Run:
    """What the RTL left.

    Attributes:
        results: Of the images that came to an end; empty if the simulation as a whole failed.
        traces: (drains, pools) of every image that was started.
        failure: Message of a simulation that failed.
    """

    results: tuple[ImageRun, ...]
    traces: tuple[tuple[np.ndarray, np.ndarray], ...]
    failure: str | None


def _images(inputs: Mapping[str, np.ndarray]) -> list[Image]:
    count = len(next(iter(inputs.values())))
    return [{name: tensor[i] for name, tensor in inputs.items()} for i in range(count)]


def _emulate(program: Program, images: Sequence[Image]) -> tuple[list[Tensors] | None, str | None]:
    tensors: list[Tensors] = []
    try:
        machine = Machine(program)
        for image in images:
            machine.run(image)
            tensors.append(dict(machine.observed))
    except EmulationError as error:
        return None, str(error)
    return tensors, None


def _run(
    program: Program,
    rtl_dir: Path,
    images: Sequence[Image],
    directory: Path,
    memory: str,
    progress: Callable[[Progress], None] | None,
    cache_dir: Path | None,
) -> _Run:
    limit = cycle_limit(program)
    results, failure = (), None
    try:
        results = simulate(
            program, rtl_dir, images, memory, limit, progress, work_dir=directory, cache_dir=cache_dir
        ).images
    except SimulationError as error:
        failure = str(error)
    started = [i for i in range(len(images)) if (directory / f"drain_{i}.bin").exists()]
    if not started and failure is not None:
        raise SimulationError(failure)
    return _Run(results, tuple(read_traces(program.architecture, directory, i) for i in started), failure)


def _judge(
    program: Program,
    expected: Mapping[str, np.ndarray],
    emulated: Sequence[Tensors] | None,
    emulator_error: str | None,
    run: _Run,
) -> Diagnosis:
    stopped, comparison, focus = run.failure, Comparison(None, ()), None
    for image, (drains, pools) in enumerate(run.traces):
        result = run.results[image] if run.results else None
        sides = Sides(
            golden={name: tensor[image] for name, tensor in expected.items()},
            emulator=None if emulated is None else emulated[image],
            drains=drains,
            pools=pools,
        )
        comparison = locate(program, sides, image)
        if result and result.error:
            stopped = f"the machine stopped with error {result.error}{_instruction_of(result.error, program)}"
        elif result and comparison.first is None:
            stored = store_difference(program, sides.golden, result.outputs, image)
            comparison = Comparison(stored, comparison.layers)
        last = image + 1 == len(run.traces)
        if comparison.first or (last and stopped):
            focus = _focus(comparison.first, image, result, drains, pools)
            break
    cycles = tuple(result.cycles for result in run.results if result.error is None)
    return Diagnosis(comparison.first, comparison.layers, stopped, emulator_error, cycles, focus)


def _instruction_of(error: MachineError, program: Program) -> str:
    """Of an error whose address is an offset in the program."""
    offsets = program.code_offsets
    if error.code != ErrorCode.OPCODE or error.address not in offsets:
        return ""
    return f" at instruction {offsets.index(error.address)}"


def _focus(
    first: Difference | None, image: int, result: ImageRun | None, drains: np.ndarray, pools: np.ndarray
) -> Focus:
    """The cycles before a wrong write, or around the last sign of life."""
    if first and first.cycle is not None:
        cycle, before = first.cycle, CYCLES_BEFORE
    elif result:
        cycle, before = result.interrupt_cycles, CYCLES_BEFORE
    else:
        cycle = max((int(trace["cycle"][-1]) for trace in (drains, pools) if trace.size), default=0)
        before = CYCLES_AFTER  # what should have come is what matters
    start = max(0, cycle - before)
    return Focus(image, start, CYCLES_BEFORE + CYCLES_AFTER)
