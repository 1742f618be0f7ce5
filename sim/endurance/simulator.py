"""Runs images back to back on one machine, each with stalls, latencies and resets of its own."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from tcugen.program import Program, Tensor
from tcugen.registers import ErrorCode
from tcugen.simulator import memory_image
from tcugen.simulator.build import TOP, Design, build_design, read_architecture
from tcugen.simulator.headers import STATUS_DONE, machine_header, registers_header
from tcugen.simulator.run import JOB_FILE, MEMORY_FILE, check_architecture, job_text, read_traces, run_simulator
from tcugen.trace.observe import observe

HARNESS = Path(__file__).with_name("harness.cpp")
WATCHDOG_CYCLES = 100_000
NEVER = -1


@dataclass(frozen=True)
class Stress:
    """What one inference has to bear.

    Attributes:
        pause_one_in: In one cycle of so many each channel of the bus does nothing, at random from `seed`; 0 is never.
        read_latency, response_latency: Of memory, in cycles.
        soft_reset, hard_reset: Cycles in which it is cut off by a reset, by register or of machine and memory, to be
            started again; NEVER for none. With both, the soft one comes first.
    """

    pause_one_in: int
    seed: int
    read_latency: int
    response_latency: int
    soft_reset: int = NEVER
    hard_reset: int = NEVER


@dataclass(frozen=True)
class Inference:
    """What became of one: whether it was done, its error code and cycles, its tensors [C, H, W] and outputs."""

    done: bool
    code: ErrorCode
    cycles: int
    tensors: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]

    def differing(self, expected: Mapping[str, Tensor]) -> int:
        """Elements of all tensors, and of the outputs in memory, that are not as expected; all if it was not done."""
        if not self.done:
            return sum(expected[name].size for name in self.tensors)
        pairs = (*self.tensors.items(), *self.outputs.items())
        return sum(int(np.count_nonzero(tensor != expected[name])) for name, tensor in pairs)


def simulate_back_to_back(
    program: Program,
    rtl_dir: Path,
    images: Sequence[Mapping[str, Tensor]],
    stresses: Sequence[Stress],
    max_cycles: int,
    cache_dir: Path | None = None,
) -> list[Inference]:
    """Runs `program` on the Verilog in `rtl_dir` on one image after the other, with one element of `stresses` each.

    Args:
        images: int8 [C, H, W] by input tensor's name.
        max_cycles: A run that takes longer hangs.
        cache_dir: Where built simulators are kept.

    Raises:
        EnvironmentProblem, BuildError: If the simulator cannot be built.
        SimulationError: If a run hangs or the machine breaks a rule of the bus or of its windows.
        ObservationError: If an inference wrote other elements than the program says.
    """
    architecture = read_architecture(rtl_dir)
    check_architecture(program.architecture, architecture, rtl_dir)
    verilog = {path.name: path.read_bytes() for path in sorted(rtl_dir.glob("*.v"))}
    headers = {"registers.h": registers_header(), "machine.h": machine_header(architecture)}
    design = Design(TOP, HARNESS.name, verilog, headers | {HARNESS.name: HARNESS.read_text()})
    simulator = build_design(design, cache_dir)
    with tempfile.TemporaryDirectory(prefix="tcugen-") as name:
        directory = Path(name)
        place = memory_image.place(program, len(images))
        memory_image.write(place, program, images, directory / MEMORY_FILE)
        job = job_text(program, place, "fixed", max_cycles, True, None, WATCHDOG_CYCLES)
        (directory / JOB_FILE).write_text(job)
        lines = [" ".join(map(str, astuple(one))) + "\n" for one in stresses]
        (directory / "stresses.txt").write_text("".join(lines))
        run_simulator(simulator, directory, None)
        found: list[Inference] = []
        for number, line in enumerate((directory / "outcomes.txt").read_text().splitlines()):
            status, code, cycles = map(int, line.split())
            outputs = memory_image.read_outputs(place, program, number, directory / MEMORY_FILE)
            drains, pools = read_traces(architecture, directory, number)
            tensors = observe(program, drains, pools).tensors if status == STATUS_DONE else outputs
            found.append(Inference(status == STATUS_DONE, ErrorCode(code), cycles, tensors, outputs))
    return found
