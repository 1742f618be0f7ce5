"""Dilated convolutions on the RTL, every tensor equal to golden and emulator."""

import pytest

from tests.compiler.dilated_networks import DILATED
from tests.machines import machine
from tests.regression.runs import run_on_rtl


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fused_add", "strides", "groups"])
def test_on_a_small_machine(name, rtl):
    run_on_rtl(DILATED[name], machine("4x4"), rtl)
