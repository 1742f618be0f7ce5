"""How far a simulation is and how long it will still take."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tcugen.isa import Instruction, Opcode
from tcugen.program import Program


@dataclass(frozen=True)
class Progress:
    """State of a running simulation.

    Attributes:
        image, images: Number of the running image from 0, and how many there are.
        cycle: Cycles since this image's start.
        layer, layer_name: What the array works on or waits for.
        cycles_per_second: Of simulated time, so far.
        seconds_left: Estimate for all remaining images, from the cycles the array needs at best.
    """

    image: int
    images: int
    cycle: int
    layer: int
    layer_name: str
    cycles_per_second: float
    seconds_left: float


def compute_cycles(instruction: Instruction) -> int:
    """Operands that a COMPUTE instruction feeds to the array, one per cycle at best; 0 for other instructions."""
    if instruction.opcode != Opcode.COMPUTE:
        return 0
    product = 1
    for name in ("n_columns", "n_y", "n_x", "n_groups", "n_ky", "n_kx"):
        product *= instruction[name]
    return product


def layer_cycles(program: Program) -> list[int]:
    """Cycles the array needs at best, per layer number."""
    cycles = [0] * len(program.layers)
    for instruction in program.instructions:
        cycles[instruction["layer"]] += compute_cycles(instruction)
    return cycles


class ProgressMeter:
    """Turns the harness's (image, cycle, layer) into `Progress` and hands it to `report`."""

    def __init__(
        self,
        program: Program,
        images: int,
        report: Callable[[Progress], None],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._names = [layer.nodes[-1] for layer in program.layers]
        self._starts = _running_sums(layer_cycles(program))
        self._images = images
        self._report = report
        self._clock = clock
        self._start = clock()
        self._past_cycles = 0
        self._image, self._cycle = 0, 0

    def update(self, image: int, cycle: int, layer: int) -> None:
        if image != self._image:
            self._past_cycles += self._cycle
        self._image, self._cycle = image, cycle
        layer = min(layer, len(self._names) - 1)
        rate = (self._past_cycles + cycle) / max(self._clock() - self._start, 1e-9)
        # The layer bounds how much of the array's work is done; what it took so far is the pace for the rest.
        done = min(max(cycle, self._starts[layer]), self._starts[layer + 1])
        total = self._starts[-1]
        pace = max(1.0, cycle / done) if done else 1.0
        cycles_left = ((total - done) + total * (self._images - image - 1)) * pace
        seconds_left = cycles_left / rate if rate else 0.0
        self._report(Progress(image, self._images, cycle, layer, self._names[layer], rate, seconds_left))


def _running_sums(values: Sequence[int]) -> list[int]:
    sums = [0]
    for value in values:
        sums.append(sums[-1] + value)
    return sums
