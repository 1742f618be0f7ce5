import json

import pytest

from tcugen.fpga.paths import longest_paths

WIRE = 0.55 + 0.18  # that drives one input


def cell(kind, inputs, outputs):
    directions = dict.fromkeys(inputs, "input") | dict.fromkeys(outputs, "output")
    connections = {port: [bit] for port, bit in (inputs | outputs).items()}
    return {"type": kind, "port_directions": directions, "connections": connections}


def net(bit, hidden=0):
    return {"bits": [bit], "hide_name": hidden}


CELLS = {
    "u_a.x_TRELLIS_FF_Q": cell("TRELLIS_FF", {"DI": 9, "CLK": 1}, {"Q": 2}),
    "u_a.x_LUT4_B": cell("LUT4", {"A": 2, "B": "1"}, {"Z": 3}),
    "u_b.sum_CCU2C": cell("CCU2C", {"A0": 3, "CIN": "0"}, {"COUT": 4}),
    "u_b.sum_CCU2C_1": cell("CCU2C", {"CIN": 4}, {"S0": 5}),
    "u_b.y_TRELLIS_FF_Q": cell("TRELLIS_FF", {"DI": 5, "CLK": 1}, {"Q": 6}),
    "u_c.u_bank0.words.0.0": cell("DP16KD", {"ADA0": 6, "CLKA": 1}, {"DOA0": 7}),
    "u_c.z_TRELLIS_FF_Q": cell("TRELLIS_FF", {"DI": 7, "CLK": 1}, {"Q": 8}),
    "u_c.p_MULT18X18D": cell("MULT18X18D", {"A0": 8}, {"P0": 9}),
}
NETS = {
    "u_a.x": net(2),
    "u_a.x_LUT4_B_Z": net(3, hidden=1),
    "u_b.y": net(6),
    "u_c.bank0_read_data": net(7),
    "u_c.z": net(8),
    "outer_name_of_z_that_is_longer": net(8),
}


@pytest.fixture
def netlist(tmp_path):
    path = tmp_path / "netlist.json"
    path.write_text(json.dumps({"modules": {"tcu_top": {"cells": CELLS, "netnames": NETS}}}))
    return path


def test_delays_of_cells_and_wires_add_up(netlist):
    found = {(path.start, path.end): path.ns for path in longest_paths(netlist, "tcu_top")}
    assert found == {
        ("a.x", "b.y"): round(0.52 + WIRE + 0.24 + WIRE + 0.45 + 0.45 + WIRE, 1),
        ("b.y", "c.bank0.words.0.0"): round(0.52 + WIRE, 1),
        ("c.bank0_read_data", "c.z"): round(5.6 + WIRE, 1),
        ("c.z", "a.x"): round(0.52 + WIRE + 3.9 + WIRE, 1),
    }


def test_the_longest_comes_first_and_ends_are_counted(netlist):
    cells = dict(CELLS)
    for number in range(3):
        # Three registers more behind the multiplier and three LUTs.
        bits = [20 + 10 * number + step for step in range(4)]
        chain = zip([9, *bits[:2]], bits[:3], strict=True)
        for step, (before, after) in enumerate(chain):
            cells[f"u_d.l{number}{step}_LUT4_Z"] = cell("LUT4", {"A": before}, {"Z": after})
        cells[f"u_d.r{number}_TRELLIS_FF_Q"] = cell("TRELLIS_FF", {"DI": bits[2], "CLK": 1}, {"Q": bits[3]})
    nets = NETS | {f"u_d.r{number}": net(23 + 10 * number) for number in range(3)}
    netlist.write_text(json.dumps({"modules": {"tcu_top": {"cells": cells, "netnames": nets}}}))
    first, *others = longest_paths(netlist, "tcu_top")
    assert (first.start, first.end.rstrip("012"), first.endpoints) == ("c.z", "d.r", 3)
    assert first.ns >= max(path.ns for path in others)
    assert all(path.endpoints == 0 for path in others)
