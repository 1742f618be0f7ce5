"""Predicted cycles of networks with products beside those of the RTL."""

from dataclasses import replace

import pytest

from tests.compiler.product_networks import PRODUCTS
from tests.machines import machine
from tests.timing.rtl_runs import check_replay


@pytest.mark.slow
@pytest.mark.parametrize("array", ["4x4", pytest.param("16x12", marks=pytest.mark.verify)])
@pytest.mark.parametrize("name", PRODUCTS)
def test_on_small_machines(name, array, rtl):
    check_replay(PRODUCTS[name], replace(machine(array), tables=1, multiply=1, per_channel=1), rtl)
