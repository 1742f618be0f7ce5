"""One simulation to be run: what pytest prepares and the bench inside the simulator reads.

A job directory holds the program's three files, `inputs.npz` and `expected.npz` with an array [n, C, H, W] per tensor,
and `job.json` with the rest.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tcugen.program import Program

ENVIRONMENT_VARIABLE = "TCU_BENCH_JOB"
"""Where the bench finds the job directory."""


@dataclass(frozen=True, eq=False)
class Job:
    """A program, its images and the golden tensors.

    Attributes:
        program: What the machine runs.
        inputs: int8 [n, C, H, W] by input tensor's name.
        expected: int8 or int32 [n, C, H, W] by name, for every tensor that the program writes.
        pauses: Name of a profile of `sim.pauses`.
        seed: Of the pauses.
        max_cycles: Limit for one image.
    """

    program: Program
    inputs: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]
    pauses: str
    seed: int
    max_cycles: int

    @property
    def images(self) -> int:
        return len(next(iter(self.inputs.values())))

    def write(self, directory: Path) -> None:
        """Writes everything into an existing directory."""
        self.program.write(directory)
        for name, tensors in (("inputs.npz", self.inputs), ("expected.npz", self.expected)):
            np.savez(directory / name, allow_pickle=False, **tensors)
        rest = {"pauses": self.pauses, "seed": self.seed, "max_cycles": self.max_cycles}
        (directory / "job.json").write_text(json.dumps(rest, indent=1) + "\n")

    @classmethod
    def read(cls, directory: Path) -> "Job":
        """Inverse of `write`."""
        rest = json.loads((directory / "job.json").read_text())
        inputs, expected = (dict(np.load(directory / f"{name}.npz")) for name in ("inputs", "expected"))
        return cls(Program.read(directory), inputs, expected, **rest)


@dataclass(frozen=True)
class Outcome:
    """What the bench measured: cycles per image, bursts on each channel, written elements compared."""

    cycles: list[int]
    bursts: dict[str, int]
    elements: int

    def write(self, directory: Path) -> None:
        (directory / "outcome.json").write_text(json.dumps(asdict(self)) + "\n")

    @classmethod
    def read(cls, directory: Path) -> "Outcome":
        return cls(**json.loads((directory / "outcome.json").read_text()))
