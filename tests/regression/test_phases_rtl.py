"""Average pools and operators that move values on the RTL, every tensor equal to golden and emulator."""

import pytest

from tests.compiler.networks import NETWORKS
from tests.machines import machine
from tests.regression.runs import run_on_rtl

FURTHER = [pytest.param(size, marks=pytest.mark.verify) for size in ("4x4", "16x12")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["average_pools", "average_pool_of_one", "moved", "moved_odd"])
@pytest.mark.parametrize("size", ["8x6", *FURTHER])
def test_on_odd_machines(name, size, rtl):
    run_on_rtl(NETWORKS[name], machine(size), rtl, images=2)
