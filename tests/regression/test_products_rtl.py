"""Products on the RTL: golden, emulator and RTL equal in every element, on arrays of several shapes and lanes."""

from dataclasses import replace

import pytest

from tests.compiler.product_networks import PRODUCTS
from tests.machines import machine
from tests.regression.runs import run_on_rtl

ARRAYS = ("4x4", "8x6", "16x12", "32x8")
QUICK = [("highway", "8x6"), *((name, "4x4") for name in PRODUCTS)]
"""What `make test` runs: one of the networks where several lanes multiply, too."""

CASES = [
    pytest.param(name, array, marks=() if (name, array) in QUICK else pytest.mark.verify)
    for name in PRODUCTS
    for array in ARRAYS
]


@pytest.mark.slow
@pytest.mark.parametrize("name, array", CASES)
def test_on_small_machines(name, array, rtl):
    run_on_rtl(PRODUCTS[name], replace(machine(array), tables=1, multiply=1, per_channel=1), rtl)
