"""Predicted cycles of networks with tables beside those of the RTL."""

from dataclasses import replace

import pytest

from tests.compiler.table_networks import TABLES
from tests.machines import machine
from tests.timing.rtl_runs import check_replay


@pytest.mark.slow
@pytest.mark.parametrize("array", ["4x4", "16x12"])
@pytest.mark.parametrize("name", TABLES)
def test_on_small_machines(name, array, rtl):
    check_replay(TABLES[name], replace(machine(array), tables=1), rtl)
