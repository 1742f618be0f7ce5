"""Programs are found where pip puts them, and those that they start are too, without an activated environment."""

import subprocess
import sys

from tcugen.installed import find_program, search_path


def put(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_program_beside_python_is_found_after_those_on_the_path(tmp_path, monkeypatch):
    beside, on_path = tmp_path / "venv", tmp_path / "path"
    beside.mkdir()
    on_path.mkdir()
    monkeypatch.setattr(sys, "executable", str(beside / "python"))
    monkeypatch.setenv("PATH", str(on_path))
    assert find_program("solver") is None
    pip = put(beside, "solver", "echo pip")
    assert find_program("solver") == pip
    system = put(on_path, "solver", "echo system")
    assert find_program("solver") == system
    monkeypatch.delenv("PATH")
    assert find_program("solver") == pip


def test_a_program_that_another_starts_by_name_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    put(tmp_path, "solver", "echo solved")
    front = put(tmp_path, "front", "exec solver")
    done = subprocess.run([front], env={"PATH": search_path()}, capture_output=True, text=True, check=True)
    assert find_program("front") == front
    assert done.stdout == "solved\n"
