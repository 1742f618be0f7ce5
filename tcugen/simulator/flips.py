"""Runs of a program some of whose bits are wrong in memory: what the machine makes of each."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcugen.isa import Window
from tcugen.program import Program, Tensor
from tcugen.registers import ErrorCode
from tcugen.simulator import memory_image
from tcugen.simulator.build import build, read_architecture
from tcugen.simulator.headers import STATUS_ERROR
from tcugen.simulator.memory_image import MemoryImage
from tcugen.simulator.run import JOB_FILE, MEMORY_FILE, MachineError, check_architecture, job_text, run_simulator

IMAGES_PER_SIMULATION = 500


@dataclass(frozen=True)
class Flip:
    """Bit `bit` (0 to 7) of the byte at `offset` of a window is wrong."""

    window: Window
    offset: int
    bit: int


@dataclass(frozen=True)
class FlippedRun:
    """One run: why the machine stopped, None if it was done, its cycles and outputs as they stand in memory."""

    error: MachineError | None
    cycles: int
    outputs: dict[str, Tensor]


def simulate_flipped(
    program: Program,
    rtl_dir: Path,
    inputs: Mapping[str, NDArray[Any]],
    runs: Sequence[Sequence[Flip]],
    max_cycles: int,
    watchdog: int,
    cache_dir: Path | None = None,
) -> list[FlippedRun]:
    """Runs `program` once per element of `runs`, with these bits of memory flipped meanwhile, without a reset between.

    Args:
        inputs: int8 [C, H, W] by input tensor's name, the same for every run.
        max_cycles: A run that takes longer counts as hung.
        watchdog: Value of register WATCHDOG.
        cache_dir: Where built simulators are kept.

    Raises:
        SimulationError: If a run hangs, or the machine breaks a rule of the bus or of its windows. The message has the
            number of the run, counted from the last multiple of IMAGES_PER_SIMULATION.
    """
    check_architecture(program.architecture, read_architecture(rtl_dir), rtl_dir)
    simulator = build(rtl_dir, cache_dir)
    found: list[FlippedRun] = []
    for first in range(0, len(runs), IMAGES_PER_SIMULATION):
        some = runs[first : first + IMAGES_PER_SIMULATION]
        with tempfile.TemporaryDirectory(prefix="tcugen-") as name:
            directory = Path(name)
            image = memory_image.place(program, len(some))
            memory_image.write(image, program, [inputs] * len(some), directory / MEMORY_FILE)
            lines = job_text(program, image, "fixed", max_cycles, False, None, watchdog).splitlines()
            (directory / JOB_FILE).write_text("\n".join(_with_flips(lines, image, some)) + "\n")
            run_simulator(simulator, directory, None)
            found += _results(program, image, directory)
    return found


def _with_flips(lines: list[str], image: MemoryImage, runs: Sequence[Sequence[Flip]]) -> list[str]:
    """The job with flips after the line of each image, and without the counters of layers, which take long to read."""
    written = ["past_errors 1"]
    numbers = iter(range(len(runs)))
    for line in lines:
        written.append("layers 0" if line.startswith("layers ") else line)
        if line.startswith("image "):
            number = next(numbers)
            areas = {**image.shared, Window.INPUT: image.inputs[number], Window.OUTPUT: image.outputs[number]}
            written += [f"flip {areas[flip.window].base + flip.offset} {flip.bit}" for flip in runs[number]]
    return written


def _results(program: Program, image: MemoryImage, directory: Path) -> list[FlippedRun]:
    results = json.loads((directory / "results.json").read_text())["images"]
    return [
        FlippedRun(
            MachineError(ErrorCode(values["error_code"]), values["error_address"])
            if values["status"] & STATUS_ERROR
            else None,
            values["cycles"],
            memory_image.read_outputs(image, program, number, directory / MEMORY_FILE),
        )
        for number, values in enumerate(results)
    ]


def random_flips(program: Program, rng: np.random.Generator, count: int) -> list[Flip]:
    """`count` different bits of program and weights together."""
    sizes = {Window.PROGRAM: len(program.code), Window.WEIGHTS: program.weights.size}
    bits = rng.choice(8 * sum(sizes.values()), count, replace=False)
    flips: list[Flip] = []
    for bit in map(int, bits):
        byte = bit // 8
        window = Window.PROGRAM if byte < sizes[Window.PROGRAM] else Window.WEIGHTS
        flips.append(Flip(window, byte - (sizes[Window.PROGRAM] if window == Window.WEIGHTS else 0), bit % 8))
    return flips
