"""Concat and slice on the RTL, every tensor equal to golden and emulator."""

import pytest

from tests.compiler.networks import NETWORKS
from tests.machines import machine
from tests.regression.runs import run_on_rtl


@pytest.mark.slow
@pytest.mark.parametrize("name", ["concat", "concat_odd", "concat_twice", "slices"])
def test_on_a_small_machine(name, rtl):
    run_on_rtl(NETWORKS[name], machine("4x4"), rtl)
