"""Placement by lifetime, spilling, stripes."""

import itertools

import pytest

from tcugen.arch import Architecture
from tcugen.mapping.placement import Demand, place
from tcugen.mapping.plan import plan_network
from tcugen.network.resnets import bundled_network
from tests.compiler.networks import NETWORKS
from tests.typed import present


def test_no_two_live_items_overlap():
    demands = [Demand((str(k),), 16 * (1 + k * 7 % 5), k % 6, k % 6 + k % 3) for k in range(20)]
    placed = present(place(demands, 16 * 40))
    assert sorted(demand.names for _, demand in placed) == sorted(demand.names for demand in demands)
    for (a, first), (b, second) in itertools.combinations(placed, 2):
        if first.start <= second.end and second.start <= first.end:
            assert a + first.size <= b or b + second.size <= a


def test_exact_fit_needs_the_right_order():
    """A tensor of 8 stays while 4, then 1, then 4 are needed beside it: 13 suffice if the 1 goes to the end."""
    demands = [Demand(("x",), 8, 0, 3), Demand(("a",), 4, 1, 2), Demand(("b",), 1, 2, 3), Demand(("d",), 4, 3, 3)]
    assert place(demands, 13) is not None
    assert place(demands, 12) is None


@pytest.fixture(scope="module")
def resnet20():
    return bundled_network("resnet20")


def test_sum_takes_the_place_of_its_operand(resnet20):
    addresses = plan_network(resnet20, Architecture(activation_kib=64)).allocation.addresses
    assert addresses["layer1.1.add"] == addresses["layer1.0.add"]


@pytest.mark.parametrize("kib", [64, 40, 24, 12])
def test_live_tensors_do_not_overlap(resnet20, kib):
    plan = plan_network(resnet20, Architecture(activation_kib=kib))
    last = {name: index for index, task in enumerate(plan.tasks) for name in (*task.reads, task.output)}
    first = {}
    for index, task in enumerate(plan.tasks):
        for name in (*task.reads, task.output):
            first.setdefault(name, index)
    addresses, layouts = plan.allocation.addresses, plan.layouts
    for index, task in enumerate(plan.tasks):
        live = [name for name in addresses if first[name] <= index <= last[name]]
        spans = [(addresses[name], addresses[name] + layouts[name].bytes, name) for name in live]
        base, stripes = plan.allocation.buffers[index], plan.allocation.stripes[index]
        if stripes.bytes:
            spans.append((base, base + stripes.bytes, "buffers"))
        for (a0, a1, a), (b0, b1, b) in itertools.combinations(sorted(spans), 2):
            in_place = {a, b} == {task.output, task.residual}
            assert a1 <= b0 or (in_place and (a0, a1) == (b0, b1)), (task.name, a, b)
        assert all(end <= kib * 1024 for _, end, _ in spans)
    assert plan.allocation.peak_bytes <= kib * 1024


def test_only_what_does_not_fit_is_spilled(resnet20):
    resident = [
        len(plan_network(resnet20, Architecture(activation_kib=kib)).allocation.addresses) for kib in (64, 40, 24, 12)
    ]
    assert resident[0] == len(resnet20.nodes) + 1 - 9
    assert resident == sorted(resident, reverse=True) and resident[-1] < resident[0]


def test_stripes_cover_all_rows_and_channels():
    plan = plan_network(NETWORKS["deep"], Architecture(activation_kib=8))
    assert any(stripes.bytes for stripes in plan.allocation.stripes)
    for task, stripes in zip(plan.tasks, plan.allocation.stripes, strict=True):
        for ranges, end in ((stripes.stripes, task.output_shape.height), (stripes.channel_tiles, None)):
            assert ranges[0][0] == 0
            assert all(a[1] == b[0] for a, b in itertools.pairwise(ranges))
            assert end is None or ranges[-1][1] == end
