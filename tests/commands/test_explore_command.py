"""`tcugen explore`: machines from small to large, none beaten by another, and errors."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tcugen.arch import Architecture
from tcugen.commands.explore import Point, pareto
from tcugen.fpga.counts import Counts


def point(share, cycles):
    return Point(Architecture(), Counts(1, 1, 1, 1), share, cycles, 1e8 / cycles)


def test_what_another_beats_is_left_out():
    kept = [point(0.2, 900), point(0.5, 400), point(0.9, 300)]
    beaten = [point(0.3, 900), point(0.5, 500), point(0.95, 300), replace(kept[1], cycles=401)]
    assert pareto([*beaten, *reversed(kept)]) == kept


def test_machines_grow_and_get_faster(tcugen, tmp_path):
    arguments = ("--part", "ecp5-45", "--clock-mhz", "50", "--steps", "4", "--csv", "m.csv", "--plot", "m.svg")
    result = tcugen("explore", "--layer-config", "resnet20", *arguments)
    assert result.exit_code == 0, result.output
    with (tmp_path / "m.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 1
    shares, cycles = ([float(row[name]) for row in rows] for name in ("share", "cycles"))
    assert shares == sorted(shares) and cycles == sorted(cycles, reverse=True)
    for row in rows:
        assert float(row["images_per_second"]) == pytest.approx(50e6 / float(row["cycles"]), abs=1e-3)
        assert max(int(row["lut"]) / 43848, int(row["dsp"]) / 72) <= float(row["share"]) + 1e-4 <= 1.0001
    assert "at a clock of 50 MHz; " in result.stdout
    assert Path("m.svg").read_text().startswith("<svg ")


@pytest.mark.parametrize(
    "arguments,message",
    [
        (("--part", "ecp5-45", "--steps", "0"), "--steps is 0, but it must be between 1 and 64"),
        (("--part", "up5k"), "--part iCE40UP5K: too small"),
        (("--part", "ecp5-46"), "no such part; did you mean"),
        (("--part", "ecp5-45", "--csv", "no/m.csv"), "no is no folder"),
    ],
)
def test_bad_input_is_one_message(tcugen, reference_config, arguments, message):
    result = tcugen("explore", "--layer-config", reference_config, *arguments)
    assert result.exit_code == 2
    assert re.search(message, result.stderr), result.stderr
    assert result.stderr.count("\n") == 1
