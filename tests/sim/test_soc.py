"""The simulated SoC: the console is read and judged rightly, and the driver runs an image as firmware."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sim.soc.__main__ import judge
from sim.soc.console import ClassifiedImage, Told, read_console
from sim.soc.simulator import BUS_BYTES
from sim.soc.simulator import soc as soc_around
from tcugen.driver.errors import results
from tcugen.registers import ErrorCode

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "fashion_mnist"

CONSOLE = """VexRiscv is up, DRAM is being started
image 0: class 9, Ankle boot
  integers -3877 0 53771
  cycles 488740, array busy 488056, bytes read 287936, bytes written 128, interrupts 1
image 1: class 2, T-shirt/top, or so
  integers 1 -2 3
  cycles 488741, array busy 488056, bytes read 287936, bytes written 128, interrupts 1
error 256 NO_MACHINE: register IDENTIFICATION does not read as it must
error 14 PROGRAM_CHECKSUM: a block of the program is not what the compiler wrote (UNEXPECTED)
not all was as it should be
"""


class Asked(Exception):
    """Instead of running a command."""


def test_a_build_is_found_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / "built").mkdir()
    (tmp_path / "built" / "architecture.json").write_text(json.dumps({"bus_bytes": BUS_BYTES}))

    def run(command, folder, environment):
        raise Asked(*command)

    monkeypatch.setattr("sim.soc.simulator.run", run)
    monkeypatch.setattr("sim.soc.simulator.default_cache_dir", lambda: tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Asked) as asked:
        soc_around(Path("built"))
    assert tmp_path / "built" in asked.value.args and Path("built") not in asked.value.args


def test_the_console_is_read():
    told = read_console(CONSOLE)
    counters = {"cycles": 488740, "array busy": 488056, "bytes read": 287936, "bytes written": 128, "interrupts": 1}
    assert told.images[0] == ClassifiedImage(9, "Ankle boot", (-3877, 0, 53771), counters)
    assert told.images[1].name == "T-shirt/top, or so" and told.images[1].integers == (1, -2, 3)
    assert told.errors == (256, 14)
    assert len(told.unexpected) == 1 and not told.done
    assert read_console("all done\n") == Told((), (), (), True)


def complete() -> Told:
    """What a run with one image tells when all is right."""
    codes = tuple(value for value, _ in results().values() if value != ErrorCode.NONE)
    return Told((ClassifiedImage(1, "b", (3, 4), {}),), codes, (), True)


def test_a_run_is_right_when_nothing_is_missing():
    assert judge(complete(), np.array([[3, 4]]), errors=True) == []


@pytest.mark.parametrize(
    "changes, want, said",
    [
        ({}, [[3, 5]], "integers (3, 4) instead of [3, 5]"),
        ({}, [[3, 4], [3, 4]], "1 images were classified instead of 2"),
        ({"errors": complete().errors[1:]}, [[3, 4]], "TCU_ERROR_WINDOW was not provoked"),
        ({"unexpected": ("error 14 (UNEXPECTED)",)}, [[3, 4]], "error 14 (UNEXPECTED)"),
        ({"done": False}, [[3, 4]], "did not say that all is done"),
    ],
)
def test_what_is_wrong_is_said(changes, want, said):
    told = Told(**{**vars(complete()), **changes})
    (line,) = judge(told, np.array(want), errors=True)
    assert said in line


def soc(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sim.soc", *arguments]
    return subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_folder_that_is_no_build_is_refused(tmp_path):
    model, images = EXAMPLE / "resnet20_int8.npz", EXAMPLE / "images.npy"
    done = soc(tmp_path, "--model", model, "--images", images, "--json", tmp_path / "soc.json")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"error: {tmp_path} holds no driver/tcu.c; name a folder of `tcugen build`\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.verify
def test_an_image_is_classified_by_the_firmware(tmp_path):
    model, images = EXAMPLE / "resnet20_int8.npz", EXAMPLE / "images.npy"
    machine = ("--array", "8x8", "--activation-kib", "64", "--bus-bytes", "16", "-o", tmp_path / "build")
    command = ["build", "--model", model, "--classes", EXAMPLE / "classes.txt", *machine]
    subprocess.run([sys.executable, "-m", "tcugen", *map(str, command)], cwd=ROOT, check=True, capture_output=True)
    figures = tmp_path / "soc.json"
    flags = ("--count", 1, "--no-errors", "--no-models", "--json", figures)
    done = soc(tmp_path / "build", "--model", model, "--images", images, *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(figures.read_text())
    assert told["equal"] == 1 and told["wrong"] == []
    (image,) = told["images"]
    assert (image["class"], image["name"], image["interrupts"]) == (9, "Ankle boot", 1)
