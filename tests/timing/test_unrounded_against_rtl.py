"""Predicted cycles of networks with operands that are not rounded beside those of the RTL."""

from dataclasses import replace

import pytest

from tests.compiler.unrounded_networks import EQUIPPED, UNROUNDED
from tests.machines import machine
from tests.timing.rtl_runs import check_replay


@pytest.mark.slow
@pytest.mark.parametrize("array", ["4x4", pytest.param("16x12", marks=pytest.mark.verify)])
@pytest.mark.parametrize("name", UNROUNDED)
def test_on_small_machines(name, array, rtl):
    check_replay(UNROUNDED[name], replace(machine(array), **EQUIPPED), rtl)
