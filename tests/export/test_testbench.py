"""The exported benches run without tcugen, find everything equal, and find what is not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest


@pytest.fixture
def bench(exported, tmp_path) -> Path:
    return Path(shutil.copytree(exported / "testbench", tmp_path / "bench"))


def make(bench: Path, target: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | variables
    environment.pop("PYTHONPATH", None)  # tcugen is not there
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment.pop("PYTEST_CURRENT_TEST", None)  # under which cocotb's runner ends the process at a failure
    return subprocess.run(["make", target], cwd=bench, env=environment, capture_output=True, text=True, check=False)


def failures(results: Path) -> list[str | None]:
    """The names of the test cases that failed; there are two."""
    cases = list(ElementTree.parse(results).iter("testcase"))
    assert len(cases) == 2
    return [case.get("name") for case in cases if case.find("failure") is not None or case.find("error") is not None]


def damage(bench: Path) -> None:
    """Change one element of the second image's output."""
    masks, words = ((bench / name).read_text().splitlines() for name in ("mask.hex", "expected.hex"))
    at = next(at for at in range(len(masks) // 2, len(masks)) if masks[at].endswith("ff"))
    words[at] = f"{int(words[at], 16) ^ 1:0{len(words[at])}x}"
    (bench / "expected.hex").write_text("\n".join(words) + "\n")


@pytest.mark.parametrize("arguments", ["", "+PAUSES=1 +LATENCY=3"])
def test_icarus_finds_everything_equal(bench, arguments):
    done = make(bench, "icarus", ARGUMENTS=arguments)
    assert done.returncode == 0 and "all equal" in done.stdout, done.stdout + done.stderr
    assert failures(bench / "results.xml") == []


def test_icarus_finds_an_element_that_differs(bench):
    damage(bench)
    done = make(bench, "icarus")
    assert done.returncode != 0
    assert "image 1: byte" in done.stdout and "image 1: 4029 cycles, 1 bytes differ" not in done.stderr
    assert failures(bench / "results.xml") == ["image_1"]


def test_cocotb_finds_everything_equal(bench):
    done = make(bench, "cocotb", PYTHONWARNINGS="ignore::DeprecationWarning")
    assert done.returncode == 0, done.stdout + done.stderr
    assert failures(bench / "results_cocotb.xml") == []


def test_cocotb_finds_an_element_that_differs(bench):
    damage(bench)
    done = make(bench, "cocotb", PYTHONWARNINGS="ignore::DeprecationWarning")
    assert done.returncode != 0, done.stdout + done.stderr
    assert failures(bench / "results_cocotb.xml") == ["every_image_is_right"]
