"""`tcugen synth`: figures, errors and the cache, with a program that stands in for Yosys; and one real synthesis."""

import json
import re
import sys
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[2] / "rtl_out" / "reference"
KEYS = ["array", "lut", "ff", "dsp", "bram", "fmax_mhz", "critical_path", "estimated"]
CELLS = {"LUT4": 100, "CCU2C": 10, "TRELLIS_FF": 80, "MULT18X18D": 20, "DP16KD": 30}
STAT = json.dumps({"modules": {"\\tcu_top": {"num_cells_by_type": CELLS}}})
NETLIST = json.dumps(
    {
        "cells": {
            "u_a.x_TRELLIS_FF_Q": {
                "type": "TRELLIS_FF",
                "port_directions": {"DI": "input", "Q": "output"},
                "connections": {"DI": [2], "Q": [2]},
            }
        },
        "netnames": {"u_a.x": {"bits": [2]}},
    }
)
YOSYS = f"""#!/bin/sh
if [ "$1" = -V ]; then echo 'Yosys 0.23 (git sha1 7ce)'; exit; fi
echo called >> "$CALLS"
cat synthesise.ys
cat > stat.json << 'END'
{STAT}
END
echo '{{"modules": {{"tcu_top": {NETLIST}}}}}' > netlist.json
"""


@pytest.fixture
def yosys(tmp_path, monkeypatch):
    """Puts a program in Yosys' place; returns where its calls are noted."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "yosys").write_text(YOSYS)
    (folder / "yosys").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def test_counts_are_shown_and_written(tcugen, yosys, tmp_path):
    result = tcugen("synth", REFERENCE, "--part", "ecp5-25", "--json", "figures.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert list(figures) == KEYS
    assert [figures[key] for key in KEYS[:5]] == ["4x4", 120, 80, 20, 30]
    assert figures["fmax_mhz"] is figures["critical_path"] is None
    assert list(figures["estimated"]) == ["lut", "ff", "dsp", "bram", "fmax_mhz"]
    assert "4x4 on LFE5U-25F, by Yosys 0.23" in result.stdout
    assert "fits LFE5U-25F; dsp binds, 71.4 % used" in result.stdout


def test_observation_is_left_open(tcugen, yosys, tmp_path):
    assert tcugen("synth", REFERENCE, "--part", "ecp5-25").exit_code == 0
    (log,) = (tmp_path / "cache").rglob("yosys.log")
    assert "delete -port tcu_top/o:trace_*\nsynth_ecp5 -top tcu_top\n" in log.read_text()


def test_a_netlist_is_made_once(tcugen, yosys):
    for _ in range(2):
        assert tcugen("synth", REFERENCE, "--part", "ecp5-25").exit_code == 0
    assert tcugen("synth", REFERENCE, "--part", "ecp5-85").exit_code == 0
    assert yosys.read_text() == "called\n"


def test_the_longest_paths_are_shown_and_written(tcugen, yosys, tmp_path):
    result = tcugen("synth", REFERENCE, "--part", "ecp5-25", "--paths", "3", "--json", "figures.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert list(figures) == [*KEYS, "paths"]
    assert figures["paths"] == [{"start": "a.x", "end": "a.x", "ns": 1.2, "endpoints": 0}]
    assert re.search(r"longest paths\s+before placement", result.stdout)
    assert re.search(r"1\.2 .* 0 .* a\.x .* a\.x", result.stdout)


def test_a_machine_that_does_not_fit(tcugen, yosys, tmp_path):
    part = {"name": "small", "family": "ecp5", "luts": 100, "flip_flops": 900, "multipliers": 8, "block_rams": 40}
    (tmp_path / "small.json").write_text(json.dumps(part))
    result = tcugen("synth", REFERENCE, "--part", "small.json")
    assert result.exit_code == 0
    assert "does not fit small: too many of lut, dsp" in result.stdout
    assert "counts only: no open tool places on small" in result.stdout


BAD = {
    "unknown part": ((REFERENCE, "--part", "xc7z02"), "--part xc7z02: no such part; did you mean XC7Z020"),
    "no build": (("nowhere", "--part", "ecp5-25"), "BUILD nowhere is no build"),
    "no Verilog": (("half", "--part", "ecp5-25"), "BUILD half is no build: tcu_top.v is missing"),
    "no time": ((REFERENCE, "--part", "ecp5-25", "--timeout", "0"), "--timeout is 0, .*more than 0 seconds"),
    "nothing places": ((REFERENCE, "--part", "xc7z020", "--place"), "--place: no open tool places on XC7Z020; .*LFE5U"),
    "no paths": ((REFERENCE, "--part", "ecp5-25", "--paths", "-1"), "--paths is -1, but it must be at least 0"),
    "no delays": ((REFERENCE, "--part", "xc7z020", "--paths", "9"), "--paths: XC7Z020 is of family xc7, but .*ecp5"),
    "no clock": ((REFERENCE, "--part", "ecp5-25", "--mhz", "0"), "--mhz is 0 and --seed 1, but .*more than 0"),
    "figures in no folder": ((REFERENCE, "--part", "ecp5-25", "--json", "no/x.json"), "no is no folder"),
    "figures over an input": (
        ("whole", "--part", "ecp5-25", "--json", "whole/architecture.json"),
        "--json whole/architecture.json is the input",
    ),
}


@pytest.mark.parametrize("arguments,message", BAD.values(), ids=BAD)
def test_bad_input_is_one_message(tcugen, yosys, tmp_path, arguments, message):
    for name, files in {"half": ["architecture.json"], "whole": [path.name for path in REFERENCE.iterdir()]}.items():
        (tmp_path / name).mkdir()
        for file in files:
            if (REFERENCE / file).is_file():
                (tmp_path / name / file).write_bytes((REFERENCE / file).read_bytes())
    result = tcugen("synth", *arguments)
    assert result.exit_code == 2
    assert re.search(message, result.stderr)
    assert result.stderr.count("\n") == 1
    assert not yosys.exists()


def test_a_missing_yosys_is_named_with_the_remedy(tcugen, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    result = tcugen("synth", REFERENCE, "--part", "ecp5-25", "--json", "figures.json")
    assert result.exit_code == 2
    assert "no Yosys of 0.23 or newer found: run `pip install 'tcugen[fpga]'`" in result.stderr
    assert not (tmp_path / "figures.json").exists()
