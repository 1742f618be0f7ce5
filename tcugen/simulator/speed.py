"""How fast the whole machine simulates against its array alone, both measured in turn on the same processor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from tcugen.isa import Opcode
from tcugen.program import Program
from tcugen.simulator.bare_array import build_bare_array, run_bare_array
from tcugen.simulator.progress import compute_cycles
from tcugen.simulator.run import simulate


@dataclass(frozen=True)
class Speed:
    """Cycles per second of processor time, one per round, and their median.

    Attributes:
        cycles: Simulated per round.
        rounds: Of the rounds, in order.
    """

    cycles: int
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.rounds)


@dataclass(frozen=True)
class SpeedComparison:
    """The whole machine and the array alone."""

    whole: Speed
    array: Speed

    @property
    def ratio(self) -> float:
        """Cycles per second of the whole machine by those of the array."""
        return self.whole.median / self.array.median


def compare_speed(
    program: Program,
    rtl_dir: Path,
    image: Mapping[str, NDArray[np.int8]],
    rounds: int,
    cache_dir: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> SpeedComparison:
    """Run `program` and the array alone in turn, `rounds` times each, for about as many cycles.

    The whole machine runs as it always does: with the host, the memory model and the traces of its writes. Processor
    time is measured, as other work on the same computer does not count in it.

    Args:
        image: int8 [C, H, W] by input tensor's name.
        rounds: At least 1.
        progress: Called with one line of text per step.

    Raises:
        EnvironmentProblem, BuildError, SimulationError: As `simulate`.
    """
    report = progress or _silent
    report("building the array alone")
    array = build_bare_array(rtl_dir, cache_dir)
    report("building the whole machine")
    pixels, cycles = tile_pixels(program), 0
    whole_rates: list[float] = []
    array_rates: list[float] = []
    for number in range(rounds):
        run = simulate(program, rtl_dir, [image], cache_dir=cache_dir)
        cycles = run.images[0].interrupt_cycles
        whole_rates.append(cycles / run.cpu_seconds)
        array_rates.append(cycles / run_bare_array(array, cycles, pixels))
        report(
            f"round {number + 1}/{rounds}: whole {whole_rates[-1] / 1000:.0f} kcycles/s, "
            f"array {array_rates[-1] / 1000:.0f} kcycles/s"
        )
    return SpeedComparison(Speed(cycles, tuple(whole_rates)), Speed(cycles, tuple(array_rates)))


def _silent(_line: str) -> None:
    """Where nobody wants to know the progress."""


def tile_pixels(program: Program) -> int:
    """Operands that the array takes per weight tile in the instruction that keeps it busy longest."""
    longest = max((i for i in program.instructions if i.opcode == Opcode.COMPUTE), key=compute_cycles)
    return min(longest["block_rows"], longest["n_y"]) * longest["n_x"]
