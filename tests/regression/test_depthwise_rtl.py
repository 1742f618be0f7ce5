"""Depthwise convolutions beside the array on the RTL: tensors equal to golden and emulator, cycles to the replay."""

from dataclasses import replace

import pytest

from tests.compiler.depthwise_networks import DEPTHWISE, PASSED, equipped
from tests.machines import Emitted, machine
from tests.regression.runs import run_on_rtl
from tests.timing.rtl_runs import check_replay


def check(net, array: str, kib: int, rtl: Emitted) -> None:
    architecture = replace(machine(array), activation_kib=kib, tables=1)
    architecture = replace(architecture, **equipped(architecture))
    run_on_rtl(net, architecture, rtl)
    check_replay(net, architecture, rtl)


@pytest.mark.slow
def test_an_inverted_bottleneck_on_8x6(rtl):
    check(DEPTHWISE["inverted"], "8x6", 32, rtl)


@pytest.mark.slow
def test_a_tensor_passed_to_the_pool_unit_on_4x4(rtl):
    check(PASSED, "4x4", 6, rtl)


@pytest.mark.verify
@pytest.mark.parametrize("array, kib", [("8x6", 32), ("4x4", 2), ("16x8", 3)])
@pytest.mark.parametrize("name", DEPTHWISE)
def test_kernels_strides_and_stripes(name, array, kib, rtl):
    check(DEPTHWISE[name], array, kib, rtl)
