"""`tcugen calibrate`, with a program that stands in for Yosys."""

import json
import re

import pytest

from tcugen.fpga.calibration import MACHINES, parse

CELLS = {"LUT4": 100, "CCU2C": 10, "TRELLIS_FF": 80, "MULT18X18D": 24, "DP16KD": 30}
STAT = json.dumps({"modules": {"\\tcu_top": {"num_cells_by_type": CELLS}}})
YOSYS = f"""#!/bin/sh
if [ "$1" = -V ]; then echo 'Yosys 0.23 (git sha1 7ce)'; exit; fi
cat > stat.json << 'END'
{STAT}
END
echo '{{}}' > netlist.json
"""


@pytest.fixture(autouse=True)
def yosys(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "yosys").write_text(YOSYS)
    (folder / "yosys").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_machines_are_measured_smallest_first(tcugen, tmp_path):
    result = tcugen("calibrate", "--family", "ecp5", "-o", "c.json", "--machines", "2")
    assert result.exit_code == 0, result.output
    (measured,) = parse((tmp_path / "c.json").read_text()).values()
    assert [one.architecture for one in measured] == list(MACHINES[:2])
    assert (measured[0].counts.lut, measured[0].counts.dsp, measured[0].yosys) == (120, 24, "Yosys 0.23")


def test_other_families_stay(tcugen, tmp_path):
    tcugen("calibrate", "--family", "ecp5", "-o", "c.json", "--machines", "1")
    text = (tmp_path / "c.json").read_text().replace('"ecp5"', '"xc7"')
    (tmp_path / "c.json").write_text(text)
    assert tcugen("calibrate", "--family", "ecp5", "-o", "c.json", "--machines", "1").exit_code == 0
    assert set(parse((tmp_path / "c.json").read_text())) == {"ecp5", "xc7"}


@pytest.mark.parametrize(
    "arguments,message",
    [
        (("--family", "virtex", "-o", "c.json"), "--family is 'virtex', but it must be one of ecp5"),
        (("--family", "ecp5", "-o", "c.json", "--machines", "0"), "--machines is 0, but it must be at least 1"),
        (("--family", "ecp5", "-o", "no/c.json"), "no is no folder"),
        (("--family", "ecp5", "-o", "bad.json"), "-o bad.json is no calibration file"),
    ],
)
def test_bad_input_is_one_message(tcugen, tmp_path, arguments, message):
    (tmp_path / "bad.json").write_text("[]")
    result = tcugen("calibrate", *arguments)
    assert result.exit_code == 2
    assert re.search(message, result.stderr)
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "c.json").exists()
