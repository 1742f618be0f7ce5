"""Estimates beside the syntheses in the calibration file."""

import pytest

from tcugen.arch import Architecture
from tcugen.fpga.estimate import TERMS, calibration, estimate, fit
from tcugen.fpga.fit import needs, too_scarce
from tcugen.fpga.part import Part
from tcugen.fpga.table import find_part

PARTS = {"ecp5": "ECP5-85F", "xc7": "XC7Z020"}


@pytest.mark.parametrize("row", calibration(), ids=lambda row: f"{row['family']}-{row['lut']}")
def test_multipliers_and_block_rams_are_those_of_synthesis_and_look_up_tables_are_near(row):
    guess = estimate(Architecture.from_dict(row["architecture"]), find_part(PARTS[row["family"]]))
    assert (guess.dsp, guess.bram) == (row["dsp"], row["bram"])
    if guess.lut is not None:
        assert guess.lut == pytest.approx(row["lut"], rel=0.1)
        assert guess.ff == pytest.approx(row["ff"], rel=0.1)


def test_ecp5_is_calibrated():
    guess = estimate(Architecture(rows=8, columns=8, output_lanes=2, activation_kib=64), find_part("ECP5-85F"))
    assert guess.lut is not None and guess.ff is not None


def test_a_family_without_syntheses_has_no_estimate_of_look_up_tables():
    guess = estimate(Architecture(rows=4, columns=4, output_lanes=1), find_part("GW2A-18"))
    assert guess.lut is None and guess.ff is None and guess.dsp is None and guess.bram > 0


def test_a_fit_finds_the_terms_that_made_the_figures():
    shapes = [(4, 4, 1), (4, 4, 4), (8, 8, 1), (8, 4, 2), (4, 16, 1), (16, 16, 4)]
    machines = [Architecture(rows=r, columns=c, output_lanes=lanes) for r, c, lanes in shapes]
    wanted = {"machine": 14000.0, "lane": 900.0, "cell": 11.0, "column": 120.0, "row": 60.0}
    taken = [sum(value * TERMS[term](one) for term, value in wanted.items()) for one in machines]
    assert fit(machines, taken) == pytest.approx(wanted)
    assert set(fit(machines[:3], taken[:3])) == {"machine", "lane", "cell"}


def test_the_scarcest_resource_comes_first_and_what_is_short_is_named():
    architecture = Architecture(rows=16, columns=16, output_lanes=4)
    found = needs(estimate(architecture, find_part("XC7Z020")), find_part("XC7Z020"))
    assert [need.share for need in found] == sorted((need.share for need in found), reverse=True)
    assert [need.name for need in too_scarce(found)] == ["block RAMs", "multipliers"]
    assert {need.name: need.needed for need in found}["multipliers"] == 16 * 16 + 8 * 4


def test_what_a_part_has_none_of_is_short_as_soon_as_one_is_needed():
    none = Part(name="x", family="ecp5", luts=90000, flip_flops=90000, dsps=0, brams=900, source="me")
    found = needs(estimate(Architecture(rows=4, columns=4, output_lanes=1), none), none)
    assert too_scarce(found)[0].name == "multipliers" and too_scarce(found)[0].share == float("inf")
