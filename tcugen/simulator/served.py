"""The simulated machine as a host sees it: registers to read and write, memory, and the interrupt.

What a driver is given on a board is given here by the emitted Verilog, so that drivers run unchanged.
"""

import mmap
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import astuple
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import PAGE_BYTES
from tcugen.memory_model import MEMORY_MODELS
from tcugen.simulator.build import build, read_architecture
from tcugen.simulator.memory_image import memory_base

SERVE = "serve.cpp"
"""The harness that does what it is told."""

WAIT_CYCLES = 1_000_000


class RefusedError(RuntimeError):
    """The machine answered a register access with SLVERR; on a processor that is a bus fault."""


class ServiceError(RuntimeError):
    """The simulation ended: a rule of the bus was broken, or the program could not go on."""


class SimulatedBuffer:
    """Memory that machine and host both see: `address` on the bus, `array` uint8."""

    def __init__(self, address: int, array: NDArray[np.uint8]):
        self.address, self.array = address, array

    def flush(self) -> None:
        """Nothing to do: there is no cache."""

    def invalidate(self) -> None:
        """Nothing to do: there is no cache."""


class SimulatedMachine:
    """A machine in simulation, to be used in a `with` statement.

    Registers are read and written at byte offsets as through PYNQ's MMIO; `allocate` gives memory on pages of its own;
    `wait` lets time pass until the interrupt. Between calls time stands still.

    Args:
        rtl_dir: Folder of a build, with `*.v` and `architecture.json`.
        memory_bytes: Size of the memory.
        memory: Name of the memory model.
        cache_dir: Where built simulators are kept.

    Raises:
        EnvironmentProblem, BuildError: If the simulator cannot be built.
    """

    def __init__(
        self, rtl_dir: str | Path, memory_bytes: int = 1 << 24, memory: str = "fixed", cache_dir: Path | None = None
    ):
        rtl_dir = Path(rtl_dir)
        self.base = memory_base(read_architecture(rtl_dir))
        self.memory_bytes = memory_bytes
        self._program = build(rtl_dir, cache_dir, main=SERVE)
        self._model = MEMORY_MODELS[memory]
        self._used = 0
        self._stack = ExitStack()

    def __enter__(self) -> "SimulatedMachine":
        directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tcugen-")))
        self.memory_file = directory / "memory.bin"
        with self.memory_file.open("w+b") as file:
            file.truncate(self.memory_bytes)
            self.array = np.frombuffer(mmap.mmap(file.fileno(), self.memory_bytes), np.uint8)
        self.process = subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._stack.callback(self._end)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _end(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        if self.process.wait() not in (0, 1):
            raise ServiceError(f"the simulation ended with exit code {self.process.returncode}")

    def command(self) -> list[str]:
        """What runs the machine on `memory_file`; its commands are explained in `serve.cpp`."""
        numbers = (self.base, self.memory_bytes, *astuple(self._model))
        return [str(self._program), str(self.memory_file), *map(str, numbers)]

    def ask(self, command: str) -> str:
        """Send a command and return the rest of its answer.

        Raises:
            RefusedError: If the machine refused the access.
            ServiceError: If the simulation ended.
        """
        sending, answers = self.process.stdin, self.process.stdout
        assert sending is not None and answers is not None, "they are pipes"
        try:
            sending.write(command + "\n")
            sending.flush()
        except BrokenPipeError:
            raise ServiceError("the simulation has ended") from None
        verdict, _, rest = answers.readline().rstrip("\n").partition(" ")
        if verdict == "refused":
            raise RefusedError(f"{command}: answered with SLVERR")
        if verdict != "ok":
            raise ServiceError(f"{command}: {rest or 'the simulation has ended'}")
        return rest

    def read(self, offset: int) -> int:
        """The register at a byte offset."""
        return int(self.ask(f"read {offset}"))

    def write(self, offset: int, value: int) -> None:
        """The register at a byte offset."""
        self.ask(f"write {offset} {value}")

    def wait(self, cycles: int = WAIT_CYCLES) -> bool:
        """Let time pass until the interrupt is raised, or for so many cycles; whether it is raised."""
        return self.ask(f"wait {cycles}") == "1"

    def fall_silent(self, silent: bool) -> None:
        """Let memory answer nothing, or answer again."""
        self.ask(f"silent {int(silent)}")

    def cycle(self) -> int:
        """Cycles since the reset."""
        return int(self.ask("cycle"))

    def allocate(self, size: int) -> SimulatedBuffer:
        """`size` bytes on pages of their own; raises MemoryError if there are not so many left."""
        start, self._used = self._used, self._used + -(-size // PAGE_BYTES) * PAGE_BYTES
        if self._used > self.memory_bytes:
            raise MemoryError(f"{self._used} bytes are needed, but memory has {self.memory_bytes}; ask for more of it")
        return SimulatedBuffer(self.base + start, self.array[start : start + size])
