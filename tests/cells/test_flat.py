"""Modules made flat: what is joined across ports, what memories leave open, names."""

import pytest

from tcugen.cells.cell_library import find_library, read_liberty
from tcugen.cells.flat import flatten, short
from tests.cells.netlists import gate, machine
from tests.typed import present


@pytest.fixture
def cells():
    return read_liberty(present(find_library("osu018")))


@pytest.fixture
def flat(cells):
    return flatten(machine(), "tcu_top", cells)


def pins(flat, kind):
    return [cell.pins for cell in flat.cells if cell.kind == kind]


def test_cells_of_all_instances(flat):
    assert sorted(cell.kind for cell in flat.cells) == ["DFFPOSX1", "DFFPOSX1", "INVX1", "INVX1", "NAND3X1"]
    assert {flat.instances[cell.module] for cell in flat.cells if cell.kind == "DFFPOSX1"} == {
        (("u_a",), "tcu_half"),
        (("u_b",), "tcu_half"),
    }


def test_nets_are_joined_through_ports(flat):
    (nand,) = pins(flat, "NAND3X1")
    held = {flat.name(pins["Q"]): pins["Q"] for pins in pins(flat, "DFFPOSX1")}
    assert sorted(held) == ["a.q", "b.q"]
    assert nand["A"] == held["b.q"]
    # What a module hands on unchanged is the same net, and a constant stays one.
    assert [inverter["A"] for inverter in pins(flat, "INVX1")] == 2 * [
        next(net for net, name in flat.inputs.items() if name == "x")
    ]
    assert nand["B"] == "1"


def test_paths_end_and_begin_at_memories(flat):
    (nand,) = pins(flat, "NAND3X1")
    assert flat.inputs[nand["C"]] == "u_ring"
    assert sorted(flat.inputs.values()) == ["storage"] * 3 + ["u_ring"] * 2 + ["x"]
    # Bit 1 of y goes outside and into the ring, bit 0 outside and into the storage; what comes from a memory and goes
    # into one is no output.
    assert sorted(flat.outputs.values()) == ["storage", "u_ring"]
    assert flat.clock not in flat.inputs and flat.clock == pins(flat, "DFFPOSX1")[0]["CLK"]


def test_names_are_those_of_the_module_that_drives(flat):
    (nand,) = pins(flat, "NAND3X1")
    assert flat.name(nand["Y"]) == "y[0]"
    assert flat.name(nand["C"]) == "word[0]"
    assert flat.aliases[nand["A"]] == [("u_b.q", -1), ("u_b.held", -1), ("b_q", -1)]
    (hidden,) = {inverter["Y"] for inverter in pins(flat, "INVX1")[:1]}
    assert flat.name(hidden) == ""
    assert short("u_core.u_array.sum") == "core.array.sum"


def test_two_clocks_are_refused(cells):
    modules = machine()
    modules["tcu_top"]["cells"]["f"] = gate("DFFPOSX1", CLK=3, D=4, Q=20)
    with pytest.raises(ValueError, match="not one clock"):
        flatten(modules, "tcu_top", cells)
