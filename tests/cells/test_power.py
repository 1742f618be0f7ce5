"""Power by OpenSTA beside what is reckoned by hand."""

import pytest

from tcugen.cells.activity import Activities, Activity
from tcugen.cells.cell_library import find_library, read_liberty
from tcugen.cells.flat import flatten
from tcugen.cells.power import power_of, read_power
from tcugen.cells.structure import holding, load_pf
from tests.cells.netlists import BOX, gate, net, port
from tests.typed import present

LIBRARY = present(find_library("osu018"))
MHZ = 100.0


def chain():
    """A register that drives two inverters, one of which drives a second register."""
    return {
        "DFFPOSX1": BOX,
        "INVX1": BOX,
        "tcu_top": {
            "attributes": {},
            "ports": {"clk": port("input", 2), "d": port("input", 3), "y": port("output", 6)},
            "cells": {
                "f": gate("DFFPOSX1", CLK=2, D=3, Q=4),
                "i": gate("INVX1", A=4, Y=5),
                "j": gate("INVX1", A=4, Y=6),
                "g": gate("DFFPOSX1", CLK=2, D=5, Q=7),
            },
            "netnames": {"clk": net(2), "d": net(3), "held": net(4), "last": net(7)},
        },
    }


@pytest.fixture
def measure(tmp_path):
    cells = read_liberty(LIBRARY)
    flat = flatten(chain(), "tcu_top", cells)
    held = list(holding(flat, cells).values())

    def measured(toggles, mhz=MHZ):
        """Watts of switching by cell, and the whole."""
        nets = dict.fromkeys([*held, *flat.inputs], Activity(0.0, 0.5)) | {held[0]: Activity(toggles, 0.5)}
        power = power_of(flat, LIBRARY, cells, Activities(nets, 1.0, 1), mhz, tmp_path, 60, lambda _: None)
        rows = [line.split() for line in (tmp_path / "power.rpt").read_text().splitlines()]
        return {row[-1]: float(row[1]) for row in rows if row and row[-1] in ("c0", "c1", "c2", "c3")}, power

    return flat, cells, held, measured


def test_a_net_takes_half_c_v_squared_at_each_toggle(measure):
    flat, cells, held, measured = measure
    switching, _ = measured(0.5)
    load = load_pf(flat, cells)[held[0]] * 1e-12
    assert load == pytest.approx(2e-12 * cells.cells["INVX1"].capacitances_pf["A"])
    assert switching["c0"] == pytest.approx(0.5 * load * 1.8**2 * 0.5 * MHZ * 1e6, rel=1e-3)
    # An inverter toggles as often as what it inverts; it drives the second register.
    load = cells.cells["DFFPOSX1"].capacitances_pf["D"] * 1e-12
    assert switching["c1"] == pytest.approx(0.5 * load * 1.8**2 * 0.5 * MHZ * 1e6, rel=1e-3)
    assert switching["c3"] == 0


def test_a_register_that_stands_still_takes_power_from_the_clock_alone(measure):
    _, cells, _, measured = measure
    switching, still = measured(0.0)
    _, moving = measured(0.5)
    assert set(switching.values()) == {0.0}
    assert 0 < still.by_module["tcu_top"] < moving.by_module["tcu_top"]
    pins = 2 * cells.cells["DFFPOSX1"].capacitances_pf["CLK"] * 1e-12
    assert still.clock_mw == pytest.approx(1e3 * pins * 1.8**2 * MHZ * 1e6)


def test_energy_does_not_depend_on_the_clock_but_for_leakage(measure):
    _, _, _, measured = measure
    _, slow = measured(0.5, 50.0)
    _, fast = measured(0.5, 100.0)
    assert slow.mw == pytest.approx(fast.mw / 2, rel=1e-3)
    assert slow.energy_mj(1000) == pytest.approx(fast.energy_mj(1000), rel=1e-3)
    assert fast.energy_mj(100) == pytest.approx(fast.mw * 1e-6)


def test_rows_of_a_report():
    text = "     Power        Power        Power        Power\n------\n 1e-05 2e-06 3e-10 1.2e-05 c17\n"
    assert read_power(text) == {"c17": (1.2e-05, 3e-10)}
