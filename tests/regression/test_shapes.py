"""Every shape of layer and block that the bundled ResNets hold, on the RTL: cropped at 8x8, whole at 16x16."""

import pytest

from tcugen.network.graph import Network
from tcugen.network.resnets import bundled_network
from tcugen.network.select import select
from tests.machines import machine
from tests.regression.extracts import block, blocks, crop, distinct_convolutions
from tests.regression.runs import run_on_rtl

CROPPED = (7, 6)
"""Pixels of a cropped input, y and x: odd and even, and a stride of 2 leaves a border."""

CROPPED_STEM = (37, 30)


def _cases() -> dict[str, Network]:
    v15, v1 = bundled_network("resnet50"), bundled_network("resnet50_v1")
    convolutions = distinct_convolutions(v15)
    cases = {f"conv-{text}": select(v15, [node.name]) for text, node in convolutions.items()}
    strided = {text: node for text, node in distinct_convolutions(v1).items() if text not in convolutions}
    cases |= {f"conv-v1-{text}": select(v1, [node.name]) for text, node in strided.items()}
    cases["stem"] = select(v15, ["conv1", "maxpool"])
    cases["fc"] = select(v15, ["fc"])
    cases["head"] = select(v15, ["avgpool", "fc"])
    cases |= {f"bottleneck-v1.5-{prefix}": block(v15, prefix) for prefix in blocks(v15)}
    cases |= {f"bottleneck-v1-{prefix}": block(v1, prefix) for prefix in blocks(v1) if prefix.endswith(".0")}
    for name, kind in (("resnet18", "basic"), ("resnet20", "cifar"), ("resnext50_32x4d", "resnext")):
        network = bundled_network(name)
        cases |= {f"{kind}-{prefix}": block(network, prefix) for prefix in blocks(network)}
    return cases


CASES = _cases()


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
