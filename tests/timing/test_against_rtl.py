"""Predicted cycles beside those of the RTL, per network and per layer."""

import pytest

from tcugen.network.check import checked_network
from tcugen.network.graph import Shape
from tcugen.network.operators import Conv, GlobalAveragePool, Linear
from tcugen.network.resnets import bundled_network
from tcugen.network.select import select
from tcugen.sizing.search import Budget, size
from tests.machines import ODD, machine
from tests.timing.rtl_runs import check_replay

BLOCK = ("layer2.1.conv1", "layer2.1.conv2", "layer2.1.add")

TABLE = [
    ("resnet18", "16x16", 1280, 8),
    ("resnet34", "16x16", 1280, 8),
    ("resnet50", "16x16", 1280, 8),
    ("resnet50", "16x16", 256, 8),
    ("resnet50", "16x16", 128, 8),
    ("resnet50", "16x16", 64, 8),
    ("resnet50", "16x16", 1280, 4),
    ("resnet50", "32x32", 1280, 16),
    ("resnet50", "8x8", 256, 8),
    ("resnet50", "8x32", 64, 8),
    ("resnext50_32x4d", "16x16", 1280, 8),
    ("resnet20", "4x4", 1280, 8),
    ("resnet20", "16x16", 1280, 8),
    ("resnet20", "32x32", 1280, 8),
]
"""Network, array, most KiB of activation memory, bytes per beat."""


@pytest.mark.parametrize("name", ["4x4", "16x8"])
def test_block_whose_tensors_are_in_memory(name, rtl):
    check_replay(select(bundled_network("resnet20"), BLOCK), machine(name), rtl)


@pytest.mark.slow
def test_a_tensor_that_leaves_beside_an_average(rtl):
    """Each pass of an average reads a word or two: it was taken to keep STORE from their bank for ever."""
    nodes = (
        Conv("conv", ("image",), 16, (3, 3), padding=(1, 1, 1, 1)),
        GlobalAveragePool("average", ("conv",)),
        Linear("fc", ("average",), 10),
    )
    network = checked_network("leaves", (("image", Shape(3, 10, 10)),), nodes, ("fc", "conv"))
    check_replay(network, machine("8x8"), rtl)


@pytest.mark.slow
@pytest.mark.parametrize("memory", ["fixed", "ddr"])
def test_resnet20_on_8x8(memory, rtl):
    check_replay(bundled_network("resnet20"), machine("8x8"), rtl, memory)


@pytest.mark.verify
@pytest.mark.parametrize("name", ODD)
def test_resnet20_on_further_machines(name, rtl):
    check_replay(bundled_network("resnet20"), machine(name), rtl)


@pytest.mark.verify
@pytest.mark.parametrize("name, array, kib, bus_bytes", TABLE)
def test_table(name, array, kib, bus_bytes, rtl):
    network = bundled_network(name)
    rows, columns = map(int, array.split("x"))
    budget = Budget(max_activation_kib=kib, bus_bytes=bus_bytes)
    architecture = size(network, budget, {"rows": rows, "columns": columns}).architecture
    check_replay(network, architecture, rtl)
