"""Area of modules, counted by hand."""

import pytest

from tcugen.cells.area import ModuleArea, area_by_module, instances_of
from tcugen.cells.cell_library import find_library, read_liberty
from tests.cells.netlists import machine
from tests.typed import present


def test_every_module_has_what_is_in_it_and_not_what_is_inside_its_modules():
    cells = read_liberty(present(find_library("osu018")))
    assert area_by_module(machine(), "tcu_top", cells) == [
        ModuleArea("tcu_half", instances=2, area_um2=2 * (96 + 16), flip_flops=2, memory_bits=0),
        ModuleArea("tcu_top", instances=1, area_um2=36, flip_flops=0, memory_bits=2 * 8 + 3 * 4),
    ]


def test_instances_come_after_what_they_are_in():
    modules = machine()
    modules["tcu_half"]["cells"]["u_c"] = {"type": "tcu_empty", "connections": {}}
    modules["tcu_empty"] = {"attributes": {}, "ports": {}, "cells": {}, "netnames": {}}
    found = list(instances_of(modules, "tcu_top"))
    assert sorted(found) == [
        ((), "tcu_top"),
        (("u_a",), "tcu_half"),
        (("u_a", "u_c"), "tcu_empty"),
        (("u_b",), "tcu_half"),
        (("u_b", "u_c"), "tcu_empty"),
    ]
    assert all((path[:-1] in [p for p, _ in found[:index]]) for index, (path, _) in enumerate(found) if path)


def test_a_cell_that_the_library_has_not_is_named():
    modules = machine()
    modules["tcu_top"]["cells"]["n"]["type"] = "NAND9"
    with pytest.raises(KeyError, match="NAND9"):
        area_by_module(modules, "tcu_top", read_liberty(present(find_library("osu018"))))
