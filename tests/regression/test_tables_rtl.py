"""Tables on the RTL: golden, emulator and RTL equal in every element, on arrays of several shapes and lanes."""

from dataclasses import replace

import pytest

from tests.compiler.table_networks import TABLES
from tests.machines import machine
from tests.regression.runs import run_on_rtl

FURTHER = [pytest.param(array, marks=pytest.mark.verify) for array in ("16x12", "32x8")]


@pytest.mark.slow
@pytest.mark.parametrize("array", ["4x4", "8x6", *FURTHER])
@pytest.mark.parametrize("name", TABLES)
def test_on_small_machines(name, array, rtl):
    run_on_rtl(TABLES[name], replace(machine(array), tables=1), rtl)
