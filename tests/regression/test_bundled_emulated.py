"""Every bundled network beside the ResNets, whole, on the emulator: every tensor equals golden."""

import pytest

from tcugen.network.bundled import NETWORK_NAMES, network_named
from tcugen.network.resnets import BUNDLED_NAMES
from tcugen.sizing.search import size
from tests.compiler.networks import run_against_golden

ALWAYS = ("lenet5",)
FURTHER = [name for name in NETWORK_NAMES if name not in (*BUNDLED_NAMES, *ALWAYS)]


def check_whole(name: str) -> None:
    network = network_named(name)
    program = run_against_golden(network, size(network, None, {"rows": 16, "columns": 16}).architecture)
    assert program.mac_count == network.mac_count


@pytest.mark.parametrize("name", ALWAYS)
def test_whole_network(name):
    check_whole(name)


@pytest.mark.verify
@pytest.mark.parametrize("name", FURTHER)
def test_whole_larger_network(name):
    check_whole(name)
