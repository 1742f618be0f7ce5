"""Runs of a program in each of which one thing goes wrong: what the machine makes of it, and of the run after it."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tcugen.isa import Window
from tcugen.program import Program, Tensor
from tcugen.registers import ErrorCode
from tcugen.simulator import memory_image
from tcugen.simulator.build import build, read_architecture
from tcugen.simulator.run import JOB_FILE, MEMORY_FILE, check_architecture, job_text, run_simulator

HARNESS = "faults.cpp"
"""The harness that makes things go wrong."""

NEVER = -1


class Channel(IntEnum):
    """The channels of the bus, as in the harness."""

    READ_ADDRESS = 0
    READ = 1
    WRITE_ADDRESS = 2
    WRITE = 3
    RESPONSE = 4


class WrongLast(IntEnum):
    """How RLAST is wrong: inverted; set, and the burst's other beats never come; or a beat follows nobody asked for."""

    INVERTED = 0
    CUT = 1
    EXTRA = 2


@dataclass(frozen=True)
class Case:
    """One run and what goes wrong in it. Beats, responses and cycles are counted from the start of the run.

    Attributes:
        bad_read: Number of the beat of reads whose answer is `response`.
        bad_write: Number of the response to a write that is `response`.
        response: 2 is SLVERR, 3 DECERR.
        wrong_last: Number of the beat of reads at which RLAST is wrong as `last_kind` says.
        silent_from: Cycle from which `silent_channel` does nothing any more.
        pause_one_in: In one cycle of so many each channel does nothing, at random from `seed`; 0 is never.
        soft_reset, hard_reset: Cycle of a reset by register, or of machine and memory.
        access: Cycle in which `register_value` is written to the register at `register_address`.
        window: Number of the window that is set to `base` and `bytes`.
        flips: Bits of memory that are the other way round during the run, 8 * address + bit.
    """

    bad_read: int = NEVER
    bad_write: int = NEVER
    response: int = 2
    wrong_last: int = NEVER
    last_kind: WrongLast = WrongLast.INVERTED
    silent_from: int = NEVER
    silent_channel: Channel = Channel.READ
    pause_one_in: int = 0
    seed: int = 1
    soft_reset: int = NEVER
    hard_reset: int = NEVER
    access: int = NEVER
    register_address: int = 0
    register_value: int = 0
    window: int = NEVER
    base: int = 0
    bytes: int = 0
    flips: tuple[int, ...] = ()

    def line(self) -> str:
        """As the harness reads it."""
        single = [f"{field.name} {int(getattr(self, field.name))}" for field in fields(self) if field.name != "flips"]
        return " ".join([*single, *(f"flip {bit}" for bit in self.flips)])


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes:
        refused: An access to a register that the case makes, or the start, was answered with SLVERR.
        started: The run was started.
        hung: The machine was still busy when it should long have been at rest.
        stuck: And was so after a soft reset.
        happened: What was to go wrong did.
        status, code, address: Registers STATUS, ERROR_CODE and ERROR_ADDRESS_* at the end.
        bad_address: Of the beat that was answered wrongly.
        cycles, read_beats, write_responses: Of the run.
        right: The outputs are those of a run without a fault.
        untouched: So is all memory that the program does not write.
        right_afterwards: The next run was done and right.
        stray: The rule of the bus, or the window, that the machine broke; empty if none.
    """

    refused: bool
    started: bool
    hung: bool
    stuck: bool
    happened: bool
    status: int
    code: ErrorCode
    address: int
    bad_address: int
    cycles: int
    read_beats: int
    write_responses: int
    right: bool
    untouched: bool
    right_afterwards: bool
    stray: str

    @staticmethod
    def read(line: str) -> "Outcome":
        """As the harness writes it."""
        refused, started, hung, stuck, happened, status, code, *words = line.rstrip("\n").split(" ", 15)
        address, bad_address, cycles, beats, responses, right, untouched, afterwards, stray = words
        return Outcome(
            refused == "1",
            started == "1",
            hung == "1",
            stuck == "1",
            happened == "1",
            int(status),
            ErrorCode(int(code)),
            int(address),
            int(bad_address),
            int(cycles),
            int(beats),
            int(responses),
            right == "1",
            untouched == "1",
            afterwards == "1",
            stray,
        )


@dataclass(frozen=True)
class FaultRuns:
    """A run without a fault, its outputs, and those with one.

    Attributes:
        areas: Where the windows are.
        outputs: int8 or int32 [C, H, W] by name, of the last right run.
        alone, cases: What became of the run without a fault, and of each case.
    """

    areas: Mapping[Window, memory_image.Area]
    outputs: Mapping[str, Tensor]
    alone: Outcome
    cases: tuple[Outcome, ...]


def window_areas(program: Program) -> dict[Window, memory_image.Area]:
    """Where `simulate_faults` places the windows of a program."""
    image = memory_image.place(program, 1)
    return {**image.shared, Window.INPUT: image.inputs[0], Window.OUTPUT: image.outputs[0]}


def simulate_faults(
    program: Program,
    rtl_dir: Path,
    image: Mapping[str, NDArray[Any]],
    cases: Sequence[Case],
    max_cycles: int,
    watchdog: int,
    cache_dir: Path | None = None,
) -> FaultRuns:
    """Runs `program` on the Verilog in `rtl_dir` without a fault, and then for each case with it and once more without.

    Args:
        image: int8 [C, H, W] by input tensor's name, the same for every run.
        max_cycles: A run that takes longer counts as hung.
        watchdog: Value of register WATCHDOG.
        cache_dir: Where built simulators are kept.

    Raises:
        EnvironmentProblem, BuildError: If the simulator cannot be built.
        SimulationError: If the run without a fault is not done.
    """
    check_architecture(program.architecture, read_architecture(rtl_dir), rtl_dir)
    simulator = build(rtl_dir, cache_dir, main=HARNESS)
    with tempfile.TemporaryDirectory(prefix="tcugen-") as name:
        directory = Path(name)
        place = memory_image.place(program, 1)
        memory_image.write(place, program, [image], directory / MEMORY_FILE)
        (directory / JOB_FILE).write_text(job_text(program, place, "fixed", max_cycles, False, None, watchdog))
        (directory / "faults.txt").write_text("".join(f"{case.line()}\n" for case in cases))
        run_simulator(simulator, directory, None)
        alone, *outcomes = map(Outcome.read, (directory / "outcomes.txt").read_text().splitlines())
        outputs = memory_image.read_outputs(place, program, 0, directory / MEMORY_FILE)
    return FaultRuns(window_areas(program), outputs, alone, tuple(outcomes))
