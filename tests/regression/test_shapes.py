"""Every shape of layer and block that the bundled ResNets hold, on the RTL: cropped at 8x8, whole at 16x16."""

import pytest

from sim.resnet_cases import CASES, crop, distinct_convolutions
from tcugen.network.resnets import bundled_network
from tests.machines import machine
from tests.regression.runs import run_on_rtl

CROPPED = (7, 6)
"""Pixels of a cropped input, y and x: odd and even, and a stride of 2 leaves a border."""

CROPPED_STEM = (37, 30)


def test_resnet50_has_23_shapes_of_convolution():
    assert len(distinct_convolutions(bundled_network("resnet50"))) == 23
    assert sum(name.startswith("conv-v1-") for name in CASES) == 3
    assert sum(name.startswith("bottleneck-") for name in CASES) == 12


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_cropped_on_8x8(name, rtl):
    run_on_rtl(crop(CASES[name], *(CROPPED_STEM if name == "stem" else CROPPED)), machine("8x8"), rtl)


@pytest.mark.verify
@pytest.mark.parametrize("name", CASES)
def test_whole_on_16x16(name, rtl):
    run_on_rtl(CASES[name], machine("16x16"), rtl)


@pytest.mark.verify
@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("bottleneck-")])
def test_whole_on_4x4(name, rtl):
    run_on_rtl(CASES[name], machine("4x4_sized"), rtl)


@pytest.mark.verify
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("bottleneck-")])
def test_whole_blocks_on_8x16(name, rtl):
    run_on_rtl(CASES[name], machine("8x16"), rtl)
