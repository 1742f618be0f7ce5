"""Adds of operands that are not rounded on the RTL: golden, emulator and RTL equal in every element, on arrays of
several shapes and lanes."""

from dataclasses import replace

import pytest

from tests.compiler.unrounded_networks import EQUIPPED, UNROUNDED
from tests.machines import machine
from tests.regression.runs import run_on_rtl

ARRAYS = ("4x4", "8x6", "16x12", "32x8")
QUICK = [("blocks", "4x4"), ("single_operand", "8x6")]
"""What `make test` runs."""

CASES = [
    pytest.param(name, array, marks=() if (name, array) in QUICK else pytest.mark.verify)
    for name in UNROUNDED
    for array in ARRAYS
]


@pytest.mark.slow
@pytest.mark.parametrize("name, array", CASES)
def test_on_small_machines(name, array, rtl):
    run_on_rtl(UNROUNDED[name], replace(machine(array), **EQUIPPED), rtl)
