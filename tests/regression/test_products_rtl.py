"""Products on the RTL: golden, emulator and RTL equal in every element, on arrays of several shapes and lanes."""

from dataclasses import replace

import pytest

from tests.compiler.product_networks import PRODUCTS
from tests.machines import machine
from tests.regression.runs import run_on_rtl

FURTHER = [pytest.param(array, marks=pytest.mark.verify) for array in ("8x6", "16x12", "32x8")]


@pytest.mark.slow
@pytest.mark.parametrize("array", ["4x4", *FURTHER])
@pytest.mark.parametrize("name", PRODUCTS)
def test_on_small_machines(name, array, rtl):
    run_on_rtl(PRODUCTS[name], replace(machine(array), tables=1, multiply=1, per_channel=1), rtl)
