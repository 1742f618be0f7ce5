"""The plan that a replay finds fastest."""

import pytest

from tcugen.arch import Architecture
from tcugen.mapping.allocate import BUFFER_SHARE
from tcugen.mapping.plan import plan_network
from tcugen.mapping.stripes import ITEM_CYCLES
from tcugen.network.operators import Concat, Slice
from tcugen.network.resnets import bundled_network
from tcugen.planning.costs import node_costs
from tcugen.planning.planned import priced
from tcugen.planning.search import LADDER, SHARES, best_plan, quick_plan
from tests.compiler.view_networks import VIEWS

RESNET20 = bundled_network("resnet20")


def test_nothing_is_searched_where_all_is_on_chip():
    lines: list[str] = []
    planned = best_plan(RESNET20, Architecture(activation_kib=64), progress=lines.append)
    assert not planned.plan.has_stripes and lines == []
    assert planned.cycles == quick_plan(RESNET20, Architecture(activation_kib=64)).cycles


@pytest.mark.parametrize("kib", [24, 12])
def test_no_neighbour_on_the_ladder_is_faster(kib):
    architecture = Architecture(rows=8, columns=8, activation_kib=kib, output_lanes=2)
    best = best_plan(RESNET20, architecture)
    prices = {
        share: [priced(plan_network(RESNET20, architecture, (), cycles, share)).cycles for cycles in LADDER]
        for share in (BUFFER_SHARE, *SHARES)
    }
    (row, at), *_ = [(row, row.index(best.cycles)) for row in prices.values() if best.cycles in row]
    assert all(best.cycles <= cycles for cycles in row[max(0, at - 1) : at + 2])
    assert all(best.cycles <= row[LADDER.index(ITEM_CYCLES)] for row in prices.values())
    assert best.cycles <= quick_plan(RESNET20, architecture).cycles


@pytest.mark.parametrize("name", ["dense", "all_before", "partial_block", "two_places"])
@pytest.mark.parametrize("kib", [4, 6])
def test_copies_are_tried_where_sharing_spills(name, kib):
    architecture = Architecture(rows=4, columns=4, activation_kib=kib, output_lanes=2, bus_bytes=4)
    network = VIEWS[name]
    gathers = [node.name for node in network.nodes if isinstance(node, Concat | Slice)]
    sharing, copying = (priced(plan_network(network, architecture, copied=copied)) for copied in ((), gathers))
    assert not copying.plan.allocation.views.of and not copying.plan.shared
    best = best_plan(network, architecture)
    assert best.cycles <= sharing.cycles
    assert best.cycles <= copying.cycles or not sharing.plan.allocation.views.of


def test_a_start_is_not_asked_for_again():
    architecture = Architecture(activation_kib=12)
    start = quick_plan(RESNET20, architecture)
    assert best_plan(RESNET20, architecture, start=start).cycles == best_plan(RESNET20, architecture).cycles


def test_costs_add_up():
    planned = quick_plan(RESNET20, Architecture(activation_kib=24))
    costs = node_costs(RESNET20, planned)
    assert [cost.node for cost in costs] == [node.name for node in RESNET20.nodes]
    assert sum(cost.cycles for cost in costs) == planned.cycles
    assert sum(cost.macs for cost in costs) == RESNET20.mac_count
    for cost in costs:
        assert cost.fused_into is None or (cost.cycles == 0 and cost.fused_into.endswith("conv2"))
