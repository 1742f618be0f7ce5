"""`tcugen synth --part osu018`: figures of a small machine, by real tools; errors."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tcugen.cells import cell_library
from tests.cells import small

REFERENCE = Path(__file__).parents[2] / "rtl_out" / "reference"
MEMORY = REFERENCE / "tcu_sram_1r1w.v"
KEYS = ["array", "lut", "ff", "dsp", "bram", "fmax_mhz", "critical_path", "estimated"]
OF_CELLS = [
    *("area_um2", "area_by_module", "memory_bits"),
    *("power_mw", "power_by_module", "power_clock_mhz", "energy_mj"),
]


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A folder like one of `tcugen build`, with a small machine and waves of 200 cycles of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "small"
    small.write(folder, MEMORY)
    shutil.copy(REFERENCE / "architecture.json", folder)
    (folder / "report.json").write_text('{"predicted_cycles": 1000000}')
    instance = "tcu_top tcu_top (.aclk(clk), .aresetn(rstn), .en(en), .a(a), .b(b), .sum(sum), .sums(sums));"
    small.simulated(tmp_path, instance, folder / "tcu_top.v", MEMORY, waves="run.vcd")
    return folder


def test_area_clock_and_energy_are_shown_and_written(tcugen, build, tmp_path):
    result = tcugen("synth", build, "--part", "osu018", "--activity", "run.vcd", "--json", "figures.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert list(figures) == [*KEYS, *OF_CELLS]
    assert figures["ff"] == sum(small.FLIP_FLOPS.values())
    assert figures["memory_bits"] == sum(small.MEMORY_BITS.values())
    assert figures["lut"] is figures["dsp"] is figures["bram"] is None
    assert list(figures["area_by_module"]) == ["tcu_sum", "tcu_top", "tcu_queue"]
    assert sum(figures["area_by_module"].values()) == figures["area_um2"]
    assert figures["power_clock_mhz"] == min(100, figures["fmax_mhz"])
    # Milliwatts at so many MHz for a million cycles.
    assert figures["energy_mj"] == pytest.approx(figures["power_mw"] / figures["power_clock_mhz"])
    # A clock edge alone takes a flip-flop about a quarter of a picojoule.
    assert figures["power_mw"] > sum(figures["power_by_module"].values()) > 0.2e-3 * figures["ff"] * 100
    assert "4x4 in osu018, by Yosys" in result.stdout
    assert "paths through memories are cut" in result.stdout
    assert "200 cycles of waves, which have" in result.stdout
    assert f"from {figures['critical_path']['start']} to {figures['critical_path']['end']}" in result.stdout


def test_without_waves_there_is_no_power(tcugen, build, tmp_path):
    result = tcugen("synth", build, "--part", "OSU018", "--json", "figures.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert [figures[key] for key in OF_CELLS[3:]] == [None] * 4
    assert "no power: --activity FILE.vcd" in result.stdout


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--place"], "--place: osu018 is a library of cells"),
        (["--paths", "3"], "--paths: osu018 is a library of cells"),
        (["--timeout", "0"], "--timeout is 0"),
        (["--mhz", "0"], "--mhz is 0"),
        (["--activity", "none.vcd"], "--activity none.vcd: no such file"),
        (["--part", "ecp5-85", "--activity", "none.vcd"], "power is known of standard cells only"),
    ],
)
def test_flags_that_do_not_go_with_cells(tcugen, tmp_path, arguments, says):
    result = tcugen("synth", REFERENCE, "--part", "osu018", *arguments, "--json", "figures.json")
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())
    assert not (tmp_path / "figures.json").exists()


def test_cells_are_named_where_they_are_no_part(tcugen):
    result = tcugen("estimate", "--layer-config", "resnet20", "--part", "osu018")
    assert result.exit_code == 2
    assert "use `tcugen synth BUILD --part osu018`" in " ".join(result.stderr.split())


def test_what_is_missing_is_named_with_its_package(tcugen, build, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(cell_library, "LIBRARIES", (replace(cell_library.LIBRARIES[0], liberty=tmp_path / "none.lib"),))
        result = tcugen("synth", build, "--part", "osu018", "--json", "figures.json")
    assert result.exit_code == 2 and "apt install qflow-tech-osu018" in " ".join(result.stderr.split())
    monkeypatch.setenv("PATH", str(tmp_path))
    result = tcugen("synth", build, "--part", "osu018", "--json", "figures.json")
    assert result.exit_code == 2 and "apt install opensta" in " ".join(result.stderr.split())
    assert not (tmp_path / "figures.json").exists()


def test_waves_of_another_machine(tcugen, build, tmp_path):
    other = (tmp_path / "run.vcd").read_text().replace("module tcu_top", "module other")
    (tmp_path / "other.vcd").write_text(other)
    result = tcugen("synth", build, "--part", "osu018", "--activity", "other.vcd", "--json", "figures.json")
    assert result.exit_code == 2
    assert "has 0 of 30 flip-flops of the build" in " ".join(result.stderr.split())
    assert not (tmp_path / "figures.json").exists()
