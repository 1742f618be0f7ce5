"""Dilated max-pools on the RTL, every tensor equal to golden and emulator."""

import pytest

from tests.compiler.dilated_pools import DILATED_POOLS
from tests.machines import machine
from tests.regression.runs import run_on_rtl
from tests.timing.rtl_runs import check_replay


@pytest.mark.slow
@pytest.mark.parametrize("array", ["4x4", "16x8"])
@pytest.mark.parametrize(
    "name", ["both", "stride_and_dilation_of_two", "three_apart", "odd_strides", "more_padding_than_kernel"]
)
def test_on_two_arrays(name, array, rtl):
    run_on_rtl(DILATED_POOLS[name], machine(array), rtl)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["after_a_convolution", "beside_others"])
def test_with_others_and_as_predicted(name, rtl):
    check_replay(DILATED_POOLS[name], machine("4x4"), rtl)
