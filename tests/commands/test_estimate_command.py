"""`tcugen estimate`."""

import json
import re

import pytest

MACHINE = ("--layer-config", "resnet20", "--array", "4x4")


def test_a_machine_is_told_with_what_binds_and_how_fast_it_is(tcugen, tmp_path):
    result = tcugen("estimate", *MACHINE, "--part", "ECP5-25F", "--clock-mhz", "50", "--json", "estimate.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "estimate.json").read_text())
    # As Yosys maps this machine; see the calibration file.
    assert (figures["estimated"]["dsp"], figures["estimated"]["bram"]) == (24, 56)
    assert figures["fits"] and figures["binds"] == "block RAMs"
    assert figures["milliseconds"] == pytest.approx(figures["predicted_cycles"] / 50e3)
    assert figures["images_per_second"] == pytest.approx(1000 / figures["milliseconds"])
    assert "scarcest: block RAMs, 100 % of the part's" in result.stdout


def test_a_machine_that_does_not_fit_is_told_by_exit_status(tcugen, tmp_path):
    result = tcugen("estimate", *MACHINE, "--part", "iCE40UP5K", "--json", "estimate.json")
    assert result.exit_code == 1
    assert "does not fit on iCE40UP5K" in result.stdout
    assert json.loads((tmp_path / "estimate.json").read_text())["fits"] is False


BAD = {
    "unknown part": ((*MACHINE, "--part", "ECP5-26F"), "did you mean 'ECP5-25F'"),
    "unknown network": (("--layer-config", "resnet21", "--part", "ECP5-25F"), "did you mean 'resnet20'"),
    "no clock": ((*MACHINE, "--part", "ECP5-25F", "--clock-mhz", "0"), "--clock-mhz 0: must be between 1 and 1000 MHz"),
}


@pytest.mark.parametrize("arguments, message", BAD.values(), ids=BAD)
def test_bad_input_is_refused_and_nothing_is_written(tcugen, tmp_path, arguments, message):
    result = tcugen("estimate", *arguments, "--json", "estimate.json")
    assert result.exit_code == 2
    assert re.search(message, result.stderr)
    assert list(tmp_path.iterdir()) == []
