"""`tcugen synth`: a real build through Yosys, and what is refused before anything runs."""

import json
import re

import pytest

from tcugen.fpga import tools

KEYS = {"array", "lut", "ff", "dsp", "bram", "fmax_mhz", "critical_path", "estimated"}
ESTIMATED = {"lut", "ff", "dsp", "bram", "fmax_mhz"}


@pytest.mark.slow
def test_a_build_is_counted(tcugen, tmp_path, reference_build):
    result = tcugen("synth", reference_build, "--part", "ECP5-85F", "--json", "synth.json", "--keep", "kept")
    assert result.exit_code == 0, result.output
    assert "counts only: --place" in result.stdout
    figures = json.loads((tmp_path / "synth.json").read_text())
    assert figures.keys() == KEYS and figures["estimated"].keys() == ESTIMATED
    assert figures["array"] == "4x4"
    estimated = figures["estimated"]
    assert (figures["dsp"], figures["bram"]) == (estimated["dsp"], estimated["bram"])
    assert figures["lut"] == pytest.approx(estimated["lut"], rel=0.1)
    assert figures["fmax_mhz"] is None and figures["critical_path"] is None
    # What was written for the tools says the same, read here without the code that counted.
    kept = json.loads((tmp_path / "kept" / "netlist.json").read_text())["modules"]["tcu_top"]["cells"].values()
    cells = [cell["type"] for cell in kept]
    assert figures["ff"] == cells.count("TRELLIS_FF")
    assert figures["dsp"] == cells.count("MULT18X18D")
    assert figures["bram"] == cells.count("DP16KD")
    assert figures["lut"] == cells.count("LUT4") + 2 * cells.count("CCU2C") + 4 * cells.count("TRELLIS_DPR16X4")


BAD = {
    "no build": (("nowhere", "--part", "ECP5-85F"), "BUILD nowhere is no build: architecture.json cannot be read"),
    "unknown part": (("build", "--part", "ECP5-86F"), "'ECP5-86F' is no known part; did you mean 'ECP5-85F'"),
    "no Verilog": (("build", "--part", "ECP5-85F"), "build has no tcu_sram_1r1w.v"),
    "clock of nothing": (("BUILD", "--part", "ECP5-85F", "--clock-mhz", "0"), "--clock-mhz 0: must be between 1"),
    "seed below zero": (("BUILD", "--part", "ECP5-85F", "--seed", "-1"), "--seed is -1"),
    "no time": (("BUILD", "--part", "ECP5-85F", "--timeout", "0"), "--timeout 0: must be more than 0 s"),
    "no device": (("BUILD", "--part", "CertusPro-NX-100", "--place"), "CertusPro-NX-100 is no device of nextpnr-nexus"),
    "no placer": (("BUILD", "--part", "XC7Z020", "--place"), "family xc7 cannot be placed"),
    "keep below a file": (("BUILD", "--part", "ECP5-85F", "--keep", "file/x"), "file is a file, .*--keep"),
}


@pytest.mark.parametrize("arguments, message", BAD.values(), ids=BAD)
def test_bad_input_is_refused_before_anything_runs(tcugen, tmp_path, reference_build, arguments, message):
    (tmp_path / "file").write_text("mine\n")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "architecture.json").write_text((reference_build / "architecture.json").read_text())
    arguments = [reference_build if argument == "BUILD" else argument for argument in arguments]
    result = tcugen("synth", *arguments, "--json", "synth.json")
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert re.search(message, result.stderr), result.stderr
    assert not (tmp_path / "synth.json").exists()


def test_a_missing_tool_is_refused(tcugen, tmp_path, reference_build, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda name: None)
    result = tcugen("synth", reference_build, "--part", "ECP5-85F")
    assert result.exit_code == 2
    assert "no Yosys found: run `pip install 'tcugen[fpga]'`" in result.stderr
