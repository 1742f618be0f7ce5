"""Compiles `host.c` with the driver of a build, and runs it beside the simulated machine."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tcugen import golden
from tcugen.model.images import quantise_images
from tcugen.model.quantized import QuantizedNetwork
from tcugen.onnx.run_file import reals
from tcugen.simulator.served import SimulatedMachine
from tests.typed import present

HOST = Path(__file__).parent / "host.c"
_FLAGS = ("-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror")

Told = list[list[str]]
"""The words of each line that the host told."""


def compile_quietly(*command: object) -> None:
    """Runs a compiler, which must say nothing."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def run_host(
    machine: SimulatedMachine,
    build: Path,
    folder: Path,
    images: np.ndarray,
    mode: str,
    compiler: Sequence[str] = ("gcc",),
    runner: Sequence[str] = (),
) -> Told:
    """Runs the host on the machine: built by `compiler`, started by `runner`, where another processor is emulated."""
    program, driver = folder / "host", build / "driver"
    compile_quietly(*compiler, *_FLAGS, f"-I{driver}", HOST, driver / "tcu.c", "-o", program)
    images.tofile(folder / "images.bin")
    files = [build / "program" / name for name in ("program.bin", "weights.bin")]
    where = [machine.memory_file, machine.base, machine.memory_bytes]
    command = [*runner, program, *where, *files, folder / "images.bin", folder / "output.bin", mode]
    done = subprocess.run(
        list(map(str, command)),
        stdin=machine.process.stdout,
        stdout=machine.process.stdin,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stderr.splitlines()]


def check_classified(told: Told, folder: Path, trained: QuantizedNetwork, images: np.ndarray, top1: list[str]) -> None:
    """Every integer and every real value of the outputs is the golden model's; calls, counters and caches are right."""
    want = golden.run(trained, {"image": quantise_images(images, present(trained.tensors["image"]))})["fc"]
    found = np.fromfile(folder / "output.bin", np.int32).reshape(len(images), 2, -1)
    assert np.array_equal(found[:, 0], want.reshape(len(images), -1))
    assert np.array_equal(found[:, 1].view(np.float32), reals(trained, want).astype(np.float32))
    assert [line[1] for line in told if line[0] == "top1"] == top1
    assert all(line[1] == "0" for line in told if line[0] in ("set_up", "write", "run"))
    counters = [line[1:] for line in told if line[0] == "counters"]
    assert len(counters) == len(images)
    for cycles, busy, by_layer, bytes_read in counters:
        assert busy == by_layer and int(busy) > 0.9 * int(cycles) and int(bytes_read) > 280_000
    # At set-up program and weights, then input and output of every run.
    assert told[-1] == ["caches", str(2 + 2 * len(images)), str(len(images))]
