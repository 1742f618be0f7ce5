"""A block of every kind that the bundled networks beside the ResNets hold, on the RTL, cropped; LeNet-5 whole."""

import pytest

from sim.resnet_cases import crop
from tcugen.network.bundled import network_named
from tcugen.network.graph import Network
from tcugen.network.select import select
from tcugen.sizing.search import size
from tests.machines import machine
from tests.regression.runs import run_on_rtl

BLOCKS = {
    "a Fire module": ("squeezenet1_1", "features.3."),
    "an Inception module": ("googlenet", "inception3a."),
    "a depthwise convolution of stride 2, TensorFlow's padding": ("mobilenet_v1", "conv_dw_2", "conv_pw_2"),
    "an inverted residual of stride 2": ("mobilenet_v2", "features.2."),
    "an inverted residual with its add": ("mobilenet_v2", "features.3."),
    "5x5 depthwise of stride 2": ("efficientnet_lite0", "blocks_3."),
    "5x5 depthwise with its add": ("efficientnet_lite0", "blocks_4."),
    "pre-activation with projection": ("resnet50_v2", "layer1.0."),
    "pre-activation": ("resnet50_v2", "layer1.1."),
    "odd channels": ("resnet50_pruned", "layer1.0."),
    "64 groups of 4": ("resnext101_64x4d", "layer1.0."),
    "32 groups of 8": ("resnext101_32x8d", "layer1.1."),
    "wide bottleneck": ("wide_resnet101_2", "layer1.1."),
    "11x11 of stride 4": ("alexnet", "features.0", "features.2"),
    "3x3 and its pool": ("vgg16", "features.2", "features.4"),
}
"""Network, and what the names of the block's nodes are or, where they end in a point, begin with."""


def block(name: str, *parts: str) -> Network:
    network = network_named(name)
    chosen = [node.name for node in network.nodes if any(_belongs(node.name, part) for part in parts)]
    return select(network, chosen)


def _belongs(name: str, part: str) -> bool:
    return name.startswith(part) if part.endswith(".") else name == part


@pytest.mark.slow
@pytest.mark.parametrize("case", BLOCKS.values(), ids=BLOCKS)
def test_a_block_on_8x8(case, rtl):
    part = block(*case)
    assert len(part.nodes) > 1
    pixels = (37, 30) if case[0] == "alexnet" else (9, 8)
    run_on_rtl(crop(part, *pixels), machine("8x8"), rtl)


@pytest.mark.slow
def test_lenet5_on_8x8(rtl):
    run_on_rtl(network_named("lenet5"), machine("8x8"), rtl)


@pytest.mark.verify
@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v2", "alexnet", "resnet110_stochastic_depth"])
def test_whole_network(name, rtl):
    sizing = size(network_named(name), None, {"rows": 16, "columns": 16})
    program, outcome = run_on_rtl(network_named(name), sizing.architecture, rtl)
    assert outcome.cycles[0] == pytest.approx(sizing.cycles, rel=0.01)
    assert program.mac_count == network_named(name).mac_count
