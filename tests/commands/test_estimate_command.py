"""`tcugen estimate`: figures that follow from one another, and errors."""

import json
import re

import pytest

from tcugen.arch import Architecture
from tcugen.fpga.estimate import estimate
from tests.typed import present

FLAGS = ("--array", "4x4", "--activation-kib", "16")


def test_figures_follow_from_cycles_and_clock(tcugen, tmp_path, reference_config):
    arguments = ("--part", "ecp5-25", "--clock-mhz", "50", "--json", "e.json", *FLAGS)
    result = tcugen("estimate", "--layer-config", reference_config, *arguments)
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "e.json").read_text())
    architecture = Architecture.from_dict(figures["architecture"])
    assert figures["estimated"] == present(estimate(architecture, "ecp5")).to_dict()
    seconds = figures["predicted_cycles"] / 50e6
    assert figures["milliseconds"] == pytest.approx(1e3 * seconds)
    assert figures["images_per_second"] == pytest.approx(1 / seconds)
    assert figures["gops"] == pytest.approx(2 * 40416 / seconds / 1e9)
    assert "at a clock of 50 MHz" in result.stdout and "fits LFE5U-25F" in result.stdout


@pytest.mark.parametrize(
    "arguments,message",
    [
        (("--part", "gatemate-a1"), "--part CCGM1A1 is of family gatemate, .*calibrated for ecp5.*; .*tcugen synth"),
        (("--part", "ecp5-25", "--clock-mhz", "0"), "--clock-mhz is 0, but it must be more than 0"),
        (("--part", "ecp5-26"), "--part ecp5-26: no such part; did you mean"),
    ],
)
def test_bad_input_is_one_message(tcugen, reference_config, arguments, message):
    result = tcugen("estimate", "--layer-config", reference_config, *FLAGS, *arguments)
    assert result.exit_code == 2
    assert re.search(message, result.stderr)
    assert result.stderr.count("\n") == 1
