"""Which machines get depthwise convolutions beside the array."""

import pytest

from tcugen.arch import Architecture
from tcugen.network.bundled import network_named
from tcugen.network.graph import Network
from tcugen.sizing.depthwise import depthwise_share, with_depthwise
from tcugen.sizing.search import size
from tcugen.sizing.workload import Workload
from tests.compiler.depthwise_networks import depthwise
from tests.compiler.networks import conv, network

MACHINE = Architecture(accumulator_bits=32)
SEPARABLE = network("separable", (16, 12, 12), conv("a", "image", 64), depthwise("b", "a", 64, padding=(1, 1, 1, 1)),
                    conv("c", "b", 16))  # fmt: skip


def lanes(net: Network, rows: int = 16, columns: int = 16) -> int:
    machine = Architecture(rows=rows, columns=columns, output_lanes=1)
    return with_depthwise(machine, (Workload(net),)).depthwise


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_networks_of_depthwise_convolutions_get_them(name):
    assert lanes(network_named(name)) == 4


@pytest.mark.parametrize("name", ["resnet20", "resnet50", "resnext50_32x4d", "vgg16", "squeezenet1_1"])
def test_others_do_not(name):
    assert lanes(network_named(name)) == 0


@pytest.mark.parametrize("rows, columns, expected", [(4, 16, 1), (8, 16, 2), (16, 16, 4), (32, 32, 8), (16, 32, 4),
                                                     (8, 8, 0), (16, 14, 0), (32, 8, 0)])  # fmt: skip
def test_they_take_a_quarter_of_the_arrays_multipliers_at_most(rows, columns, expected):
    assert lanes(SEPARABLE, rows, columns) == expected
    added = 3 * rows + 4 * expected
    assert expected == 0 or added <= rows * columns / 4


def test_the_share_is_of_the_arrays_own_cycles():
    # Of 16x16, per pixel: 4 passes of a, 9 for each of 4 groups of b, 4 of c.
    assert depthwise_share((Workload(SEPARABLE),), MACHINE) == 36 / 44


def test_sizing_says_why():
    sized = size(SEPARABLE, fixed={"rows": 8, "columns": 16, "activation_kib": 32})
    assert sized.architecture.depthwise == 2
    assert sized.reasons["depthwise"] == (
        "depthwise 2 lanes: depthwise convolutions, which would take 82% of the array's cycles, run beside it"
    )
    plain = size(network("plain", (16, 8, 8), conv("a", "image", 16)), fixed={"rows": 8, "columns": 16})
    assert plain.architecture.depthwise == 0 and "depthwise" not in plain.reasons
