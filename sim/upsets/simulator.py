"""Runs a program on a build, with one bit of the machine's state flipped in each run."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.upsets.state import CONTROL_FILE, Variable, control_file
from tcugen.program import Program, Tensor
from tcugen.registers import ErrorCode
from tcugen.simulator import memory_image
from tcugen.simulator.build import TOP, Design, build_design, read_architecture
from tcugen.simulator.headers import machine_header, registers_header
from tcugen.simulator.run import JOB_FILE, MEMORY_FILE, check_architecture, job_text, run_simulator

HARNESS = Path(__file__).with_name("harness.cpp")


@dataclass(frozen=True)
class Upset:
    """One bit of state that is flipped.

    Attributes:
        cycle: Counted from the start write.
        variable: Number in the state.
        word: Of a memory; 0 of a register.
        bit: Of the word.
    """

    cycle: int
    variable: int
    word: int
    bit: int


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes:
        hung: No interrupt came for as long as was waited.
        status, code, address: Registers STATUS, ERROR_CODE and ERROR_ADDRESS_LOW at the end.
        cycles: Of the run.
        right: The outputs are those of a run without an upset.
        untouched: So is all memory that the program does not write.
        stray: The rule of the bus, the window or the host's port that was broken; empty if none.
    """

    hung: bool
    status: int
    code: ErrorCode
    address: int
    cycles: int
    right: bool
    untouched: bool
    stray: str

    @staticmethod
    def read(line: str) -> "Outcome":
        """As the harness writes it."""
        hung, status, code, address, cycles, right, untouched, stray = line.rstrip("\n").split(" ", 7)
        # An upset may leave a code that does not exist in the register.
        known = int(code) if int(code) in list(ErrorCode) else 0
        numbers = (int(address), int(cycles))
        return Outcome(hung == "1", int(status), ErrorCode(known), *numbers, right == "1", untouched == "1", stray)


@dataclass(frozen=True)
class UpsetRuns:
    """The state of the machine, the run without an upset and those with one."""

    state: tuple[Variable, ...]
    alone: Outcome
    cases: tuple[Outcome, ...]


def upset_simulator(rtl_dir: Path, cache_dir: Path | None = None) -> Path:
    """The simulator program of the build in `rtl_dir`, whose registers and memories the harness sees.

    Raises:
        EnvironmentProblem, BuildError: If it cannot be built.
    """
    verilog = {path.name: path.read_bytes() for path in sorted(rtl_dir.glob("*.v"))}
    control = control_file("".join(text.decode() for text in verilog.values()))
    headers = {"registers.h": registers_header(), "machine.h": machine_header(read_architecture(rtl_dir))}
    files = {CONTROL_FILE: control.encode(), **verilog}
    return build_design(Design(TOP, HARNESS.name, files, headers | {HARNESS.name: HARNESS.read_text()}), cache_dir)


def simulate_upsets(
    program: Program,
    rtl_dir: Path,
    image: Mapping[str, Tensor],
    upsets: Sequence[Upset],
    max_cycles: int,
    watchdog: int,
    cache_dir: Path | None = None,
) -> UpsetRuns:
    """Runs `program` on the Verilog in `rtl_dir` without an upset, and then with each of them, on a machine just reset.

    Args:
        image: int8 [C, H, W] by input tensor's name, the same for every run.
        max_cycles: A run that takes longer counts as hung.
        watchdog: Value of register WATCHDOG.
        cache_dir: Where built simulators are kept.

    Raises:
        EnvironmentProblem, BuildError: If the simulator cannot be built.
        SimulationError: If the run without an upset is not done, or an upset names a bit that is not there.
    """
    check_architecture(program.architecture, read_architecture(rtl_dir), rtl_dir)
    simulator = upset_simulator(rtl_dir, cache_dir)
    with tempfile.TemporaryDirectory(prefix="tcugen-") as name:
        directory = Path(name)
        place = memory_image.place(program, 1)
        memory_image.write(place, program, [image], directory / MEMORY_FILE)
        (directory / JOB_FILE).write_text(job_text(program, place, "fixed", max_cycles, False, None, watchdog))
        lines = [f"{one.cycle} {one.variable} {one.word} {one.bit}\n" for one in upsets]
        (directory / "upsets.txt").write_text("".join(lines))
        run_simulator(simulator, directory, None)
        alone, *cases = map(Outcome.read, (directory / "outcomes.txt").read_text().splitlines())
        state = [line.split() for line in (directory / "state.txt").read_text().splitlines()]
    variables = tuple(Variable(scope, name, int(bits), int(words)) for scope, name, bits, words in state)
    return UpsetRuns(variables, alone, tuple(cases))
