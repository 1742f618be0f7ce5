"""Estimates against the machines that were synthesised, also those that were left out of the weights."""

import json

import pytest

from tcugen.fpga import calibration, estimate
from tcugen.fpga.calibration import MACHINES, Measurement, measurements, parse, text_of
from tcugen.fpga.counts import Counts
from tcugen.fpga.errors import PartError
from tcugen.fpga.estimate import calibrated_families, term_weights
from tests.typed import present

WITHIN, HELD_OUT_WITHIN = 0.03, 0.05


@pytest.fixture
def fresh():
    """Weights and data are kept; a test that changes the data gives them back."""

    def forget():
        for kept in (measurements, estimate._weights, estimate._multipliers):
            kept.cache_clear()

    forget()
    yield
    forget()


CASES = [(family, one) for family in calibrated_families() for one in measurements(family)]


def test_ecp5_and_xc7_are_calibrated():
    assert calibrated_families() == ("ecp5", "xc7")


@pytest.mark.parametrize("family", calibrated_families())
def test_the_data_are_the_machines_that_the_command_measures(family):
    measured = [one.architecture for one in measurements(family)]
    assert measured == list(MACHINES[: len(measured)])


@pytest.mark.parametrize("family,one", CASES, ids=lambda value: str(getattr(value, "counts", value)))
def test_a_measured_machine_is_estimated(family, one):
    guess = present(estimate.estimate(one.architecture, family))
    assert (guess.dsp, guess.bram) == (one.counts.dsp, one.counts.bram)
    assert abs(guess.lut / one.counts.lut - 1) < WITHIN
    assert abs(guess.ff / one.counts.ff - 1) < WITHIN


@pytest.mark.parametrize("family", calibrated_families())
def test_a_machine_that_was_left_out_is_estimated(family, fresh, monkeypatch):
    """Every one but that which alone tells what a byte of the bus takes."""
    everything = measurements(family)
    for left, one in enumerate(everything):
        if one.architecture.bus_bytes != MACHINES[0].bus_bytes:
            continue
        monkeypatch.setattr(estimate, "measurements", lambda _, left=left: everything[:left] + everything[left + 1 :])
        estimate._weights.cache_clear()
        estimate._multipliers.cache_clear()
        guess = present(estimate.estimate(one.architecture, family))
        assert (guess.dsp, guess.bram) == (one.counts.dsp, one.counts.bram)
        assert abs(guess.lut / one.counts.lut - 1) < HELD_OUT_WITHIN
        assert abs(guess.ff / one.counts.ff - 1) < HELD_OUT_WITHIN


def test_a_family_without_measurements_has_no_estimate():
    assert estimate.estimate(MACHINES[0], "ice40") is None


@pytest.mark.parametrize("family", calibrated_families())
def test_no_term_takes_less_than_nothing(family):
    weights = term_weights(family)
    assert list(weights) == list(estimate.TERMS)
    assert all(lut >= 0 and ff >= 0 for lut, ff in weights.values())
    assert all(number > 500 for number in (*weights["control"], *weights["per output lane"]))


def test_multipliers_that_do_not_add_up_are_refused(fresh, monkeypatch):
    everything = measurements("ecp5")
    wrong = Measurement(everything[0].architecture, Counts(1, 1, everything[0].counts.dsp + 1, 1), "")
    monkeypatch.setattr(estimate, "measurements", lambda _: (wrong, *everything[1:]))
    with pytest.raises(PartError, match="run `make calibrate` again"):
        estimate.estimate(MACHINES[0], "ecp5")


def test_the_file_is_what_is_written():
    written = calibration.FILE.read_text()
    assert text_of(parse(written)) == text_of(parse(text_of(parse(written))))
    assert parse(text_of({"xc7": measurements("ecp5")})) == {"xc7": measurements("ecp5")}
    assert json.loads(written).keys() >= {"ecp5"}
