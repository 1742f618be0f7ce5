"""One machine for several networks."""

import pytest

from tcugen.network.resnets import bundled_network
from tcugen.sizing.buffers import buffer_bytes, limit_bytes
from tcugen.sizing.errors import SizingError
from tcugen.sizing.search import size, size_for
from tcugen.sizing.workload import Workload
from tests.compiler.networks import NETWORKS
from tests.compiler.table_networks import TABLES

RESNET20 = bundled_network("resnet20")
BOTTLENECK = NETWORKS["bottleneck"]


@pytest.fixture(scope="module")
def both():
    return size_for([Workload(RESNET20), Workload(BOTTLENECK)])


def test_all_have_one_machine(both):
    assert both[0].architecture == both[1].architecture
    assert both[0].reasons == both[1].reasons
    assert set(both[0].reasons) == set(both[0].architecture.to_dict())
    assert buffer_bytes(both[0].architecture) <= limit_bytes(256)


def test_each_network_has_its_own_plan(both):
    for network, sizing in zip((RESNET20, BOTTLENECK), both, strict=True):
        assert sizing.planned.plan.network == network
        assert sizing.cycles == sum(cost.cycles for cost in sizing.costs)
        assert [cost.node for cost in sizing.costs] == [node.name for node in network.nodes]


def test_the_fewest_cycles_together_win(both):
    """Of the arrays that were compared, none is better by more than those that count as equal."""
    cycles = sum(sizing.cycles for sizing in both)
    for rows, columns in both[0].shapes:
        fixed = {"rows": rows, "columns": columns}
        others = size_for([Workload(RESNET20), Workload(BOTTLENECK)], None, fixed)
        assert sum(sizing.cycles for sizing in others) >= 0.99 * cycles


def test_every_need_is_met(both):
    for network in (RESNET20, BOTTLENECK):
        alone = size(network, None, {"rows": both[0].architecture.rows, "columns": both[0].architecture.columns})
        for name in ("accumulator_bits", "activation_kib"):
            assert getattr(both[0].architecture, name) >= getattr(alone.architecture, name)


def test_hardware_that_one_of_them_needs_is_there():
    curved = TABLES["behind_convolutions"]
    sizings = size_for([Workload(NETWORKS["chain"]), Workload(curved)])
    assert sizings[0].architecture.tables == 1
    assert "the first is" in sizings[0].reasons["tables"]


def test_one_network_is_sized_as_ever():
    one, same = (
        size(RESNET20, None, {"rows": 8, "columns": 8}),
        size_for([Workload(RESNET20)], None, {"rows": 8, "columns": 8})[0],
    )
    assert (one.architecture, one.cycles, one.reasons, one.shapes, one.runner_up) == (
        *(same.architecture, same.cycles, same.reasons, same.shapes, same.runner_up),
    )


def test_a_memory_that_is_too_small_for_one_of_them_is_refused():
    with pytest.raises(
        SizingError, match="--activation-kib 1: holds no plan of chain and resnet20; the smallest .* is [0-9]+"
    ):
        size_for(
            [Workload(NETWORKS["chain"]), Workload(RESNET20)], None, {"rows": 4, "columns": 4, "activation_kib": 1}
        )
