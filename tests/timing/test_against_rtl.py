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
def test_resnet50_with_128_kib(rtl):
    """Whole networks on other machines are rows of `tcugen bench`, see tests/commands/test_bench_command.py."""
    budget = Budget(max_activation_kib=128)
    network = bundled_network("resnet50")
    check_replay(network, size(network, budget, {"rows": 16, "columns": 16}).architecture, rtl)
