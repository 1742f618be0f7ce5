"""`build --part` and what it shares with `estimate`: the machine inside the part, and what is refused."""

import json
import re

import pytest

from tcugen.arch import Architecture
from tcugen.commands.part_fit import SMALLEST, PartFit, bind_lines, room_of
from tcugen.fpga.estimate import estimate
from tcugen.fpga.parts import find_part
from tcugen.network.layer_config import load_network
from tcugen.sizing.budget import Budget
from tcugen.sizing.fill import fill
from tests.typed import present


def test_a_build_for_a_part_fits_it_and_says_so(tcugen, tmp_path, reference_config):
    result = tcugen("build", "--layer-config", reference_config, "--part", "ecp5-25", "--clock-mhz", "80", "-o", "b")
    assert result.exit_code == 0, result.output
    architecture = Architecture.from_dict(json.loads((tmp_path / "b" / "architecture.json").read_text()))
    figures = json.loads((tmp_path / "b" / "part.json").read_text())
    assert room_of(find_part("ecp5-25")).holds(architecture)
    assert figures["part"] == "LFE5U-25F"
    assert figures["estimated"] == present(estimate(architecture, "ecp5")).to_dict()
    cycles = json.loads((tmp_path / "b" / "report.json").read_text())["predicted_cycles"]
    assert figures["images_per_second"] == pytest.approx(80e6 / cycles)
    assert "at a clock of 80 MHz, of --clock-mhz: " in result.stdout


def test_estimate_finds_what_build_does(tcugen, tmp_path, reference_config):
    assert (
        tcugen("estimate", "--layer-config", reference_config, "--part", "ecp5-25", "--json", "e.json").exit_code == 0
    )
    tcugen("build", "--layer-config", reference_config, "--part", "ecp5-25", "-o", "b")
    estimated = json.loads((tmp_path / "e.json").read_text())
    built = json.loads((tmp_path / "b" / "part.json").read_text())
    assert estimated["architecture"] == json.loads((tmp_path / "b" / "architecture.json").read_text())
    assert {key: estimated[key] for key in built} == built
    assert built["clock_assumed"] is True


def test_what_binds_is_what_the_next_larger_machine_has_too_little_of(tcugen, tmp_path):
    result = tcugen("estimate", "--layer-config", "resnet20", "--part", "ecp5-45", "--json", "e.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "e.json").read_text())
    (larger,) = figures["larger"]
    assert figures["binds"] == list(larger["over"]) == ["dsp"]
    needs = present(estimate(Architecture.from_dict(larger["architecture"]), "ecp5"))
    assert larger["over"]["dsp"] == {"needs": needs.dsp, "has": 72}
    assert f"would take {needs.dsp:g} of 72 multipliers" in result.stdout


def test_where_nothing_larger_is_faster_nothing_binds(tmp_path, reference_config):
    """A part without end, so the largest array fits."""
    network, _ = load_network(str(reference_config))
    huge = dict.fromkeys(("luts", "flip_flops", "multipliers", "block_rams"), 10_000_000)
    (tmp_path / "huge.json").write_text(json.dumps({"name": "huge", "family": "ecp5"} | huge))
    part = find_part(str(tmp_path / "huge.json"))
    found = fill(network, room_of(part), Budget(), {})
    fit = PartFit(network, part, found, present(estimate(found.sizing.architecture, "ecp5")), 100, True)
    assert fit.binds == []
    assert bind_lines(fit) == ["fits huge; nothing binds: no larger machine is predicted to be faster"]


@pytest.mark.slow
def test_resnet50_fills_a_zynq_7020(tcugen, tmp_path):
    """Which no array of powers of two does: 8x16 leaves 84 of its multipliers, 16x16 does not fit."""
    result = tcugen("estimate", "--layer-config", "resnet50", "--part", "xc7z020", "--json", "e.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "e.json").read_text())
    architecture = Architecture.from_dict(figures["architecture"])
    assert architecture.multipliers >= 192 and figures["predicted_cycles"] < 24_000_000
    assert figures["estimated"]["dsp"] == architecture.multipliers + 8 * architecture.output_lanes <= 220
    assert figures["binds"] == ["dsp", "bram"]


TINY = '{"name": "tiny", "family": "ecp5", "luts": 9000, "flip_flops": 9000, "multipliers": 20, "block_rams": 20}'


@pytest.mark.parametrize(
    "arguments,message",
    [
        (
            ("--part", "ice40up5k"),
            r"--part iCE40UP5K: too small; a 4x2 machine takes about 1\d,\d+ LUT4, .*5,280; take ",
        ),
        (("--part", "gatemate-a1"), "--part CCGM1A1 is of family gatemate, .*calibrated for ecp5.*tcugen synth"),
        (
            ("--part", "tiny.json"),
            r"no machine for reference fits tiny: .* LUT.*nearest part that holds it is LFE5U-25F",
        ),
        (
            ("--part", "ecp5-25", "--array", "16x16"),
            r"16x16 .* takes .*264 of 28 multipliers.*; without those flags 4x\d+ with \d+ KiB fits; ",
        ),
        (("--part", "ecp5-26"), "--part ecp5-26: no such part; did you mean"),
        (("--part", "ecp5-25", "--clock-mhz", "-1"), "--clock-mhz is -1, but it must be more than 0"),
        (("--clock-mhz", "100"), "--clock-mhz is 100, but there is no --part"),
    ],
)
def test_what_cannot_be_is_one_message_and_nothing_written(tcugen, tmp_path, reference_config, arguments, message):
    (tmp_path / "tiny.json").write_text(TINY)
    result = tcugen("build", "--layer-config", reference_config, *arguments, "-o", "b")
    assert result.exit_code == 2
    assert re.search(message, result.stderr), result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "b").exists()


def test_synthesis_for_a_part_that_is_too_small_is_not_begun(tcugen, reference_build):
    result = tcugen("synth", reference_build, "--part", "up5k")
    assert result.exit_code == 2
    assert re.search("--part iCE40UP5K: too small; a 4x4 machine takes about", result.stderr)


def test_the_smallest_machine_is_small():
    assert SMALLEST.multipliers == 8
