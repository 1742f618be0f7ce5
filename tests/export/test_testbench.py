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
    return run(["make", target], bench, environment)


def run(command: list[str], bench: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=bench, env=environment, capture_output=True, text=True, check=False)


def failures(results: Path, cases_run: int = 2) -> list[str | None]:
    """The names of the test cases that failed, of so many."""
    cases = list(ElementTree.parse(results).iter("testcase"))
    assert len(cases) == cases_run
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
    assert failures(bench / "results_icarus.xml") == []


def test_icarus_finds_an_element_that_differs(bench):
    damage(bench)
    done = make(bench, "icarus")
    assert done.returncode != 0
    assert "image 1: byte" in done.stdout and "image 1: 4029 cycles, 1 bytes differ" not in done.stderr
    assert failures(bench / "results_icarus.xml") == ["image_1"]


def test_icarus_gives_up_a_run_that_does_not_end(bench):
    done = make(bench, "icarus", ARGUMENTS="+LIMIT=1000")
    assert done.returncode != 0 and "image 0: cycles without an answer of the unit: 1000" in done.stdout + done.stderr
    assert failures(bench / "results_icarus.xml", 1) == ["run"]


@pytest.mark.slow
def test_verilator_finds_what_icarus_finds(bench):
    """One compilation: what is right, what differs, what does not end, what the unit stops at."""
    done = make(bench, "verilator", OPT="-O0", VERILATOR=str(Path(sys.executable).with_name("verilator-cli")))
    assert done.returncode == 0 and "all equal" in done.stdout, done.stdout + done.stderr
    assert failures(bench / "results_verilator.xml") == []

    simulator = str(bench / "build_verilator" / "tcu_tb")
    cycles = [line for line in done.stdout.splitlines() if "bytes differ" in line]
    assert cycles == [line for line in make(bench, "icarus").stdout.splitlines() if "bytes differ" in line]
    assert run([simulator, "+PAUSES=1", "+LATENCY=3"], bench).returncode == 0
    assert failures(bench / "results_verilator.xml") == []

    ends = {
        "+LIMIT=1000": "image 0: cycles without an answer of the unit: 1000",
        "+LATENCY=200000": "image 0: the unit stopped with error code",  # longer than its watchdog
    }
    for argument, message in ends.items():
        done = run([simulator, argument], bench)
        assert done.returncode != 0 and message in done.stdout + done.stderr, done.stdout + done.stderr
        assert failures(bench / "results_verilator.xml", 1) == ["run"]

    damage(bench)
    done = run([simulator], bench)
    assert done.returncode != 0 and "image 1: byte" in done.stdout, done.stdout + done.stderr
    assert failures(bench / "results_verilator.xml") == ["image_1"]


def test_cocotb_finds_everything_equal(bench):
    done = make(bench, "cocotb", PYTHONWARNINGS="ignore::DeprecationWarning")
    assert done.returncode == 0, done.stdout + done.stderr
    assert failures(bench / "results_cocotb.xml") == []


def test_cocotb_finds_an_element_that_differs(bench):
    damage(bench)
    done = make(bench, "cocotb", PYTHONWARNINGS="ignore::DeprecationWarning")
    assert done.returncode != 0, done.stdout + done.stderr
    assert failures(bench / "results_cocotb.xml") == ["every_image_is_right"]
