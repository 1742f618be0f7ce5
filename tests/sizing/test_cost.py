"""The cost model on whole networks: consistency, order of magnitude, and what moves it in which direction."""

from dataclasses import replace

import pytest

from tcugen.arch import Architecture
from tcugen.network.resnets import BUNDLED_NAMES, bundled_network
from tcugen.network.select import select
from tcugen.sizing.cost import REASONS, predict

RESNET50 = bundled_network("resnet50")
DEFAULT = Architecture()
SHAPES = [(4, 4), (8, 8), (16, 16), (32, 32), (8, 32), (32, 8)]


def cycles(network=RESNET50, **changes: int) -> int:
    return sum(cost.cycles for cost in predict(network, replace(DEFAULT, **changes)))


@pytest.mark.parametrize("name", BUNDLED_NAMES)
@pytest.mark.parametrize("rows, columns", SHAPES)
def test_cycles_are_work_plus_losses(name, rows, columns):
    network = bundled_network(name)
    architecture = Architecture(rows=rows, columns=columns, output_lanes=4)
    costs = predict(network, architecture)
    assert [cost.node for cost in costs] == [node.name for node in network.nodes]
    for cost in costs:
        assert set(cost.losses) <= set(REASONS)
        assert all(lost >= 0 for lost in cost.losses.values())
        assert cost.cycles == -(-cost.macs // architecture.multipliers) + sum(cost.losses.values())
        assert cost.cycles >= cost.array_cycles or cost.op == "max_pool"
        assert (cost.fused_into is not None) == (cost.op == "add")
    assert sum(cost.macs for cost in costs) == network.mac_count


def test_resnet50_on_16x16_comes_near_its_peak():
    """15.97 M cycles are the floor; stem and fully connected layer cost 3 %, all the rest less than 1 %."""
    total = cycles()
    assert 0.96 < RESNET50.mac_count / (256 * total) < 0.975
    by_name = {cost.node: cost for cost in predict(RESNET50, DEFAULT)}
    assert by_name["conv1"].reason == REASONS["rows"]
    assert by_name["conv1"].array_cycles == 4 * 14 * 12544
    assert by_name["maxpool"].reason == REASONS["pool"] and by_name["maxpool"].array_cycles == 9 * 4 * 3136
    assert by_name["fc"].reason == REASONS["weights"]
    assert by_name["layer1.1.add"].reason == "fused into layer1.1.conv3"
    assert by_name["layer1.1.add"].cycles == 0


def test_the_fully_connected_layer_takes_as_long_as_its_weights():
    cost = predict(RESNET50, DEFAULT)[-1]
    assert cost.memory_cycles == 63 * (128 * 256 + 128) // 8
    assert cost.memory_cycles - DEFAULT.weight_buffer_bytes // 8 <= cost.cycles <= cost.memory_cycles + 1000


def test_memory_cycles_of_resnet50_are_its_weights_once():
    weights = sum(cost.memory_cycles for cost in predict(RESNET50, DEFAULT)) * 8
    assert 25_502_912 < weights < 1.02 * 25_502_912 + 150_528


@pytest.mark.parametrize(
    "better, worse",
    [
        ({"bus_bytes": 16}, {}),
        ({}, {"bus_bytes": 4}),
        ({"output_lanes": 8}, {}),
        ({}, {"output_lanes": 2}),
        ({}, {"weight_tiles": 64}),
        ({}, {"activation_kib": 512}),
        ({"activation_kib": 512}, {"activation_kib": 64}),
        ({}, {"rows": 8}),
        ({}, {"parameter_groups": 2, "weight_tiles": 64}),
        ({"rows": 32, "columns": 32}, {}),
    ],
)
def test_more_of_anything_is_not_slower(better, worse):
    assert cycles(**better) < cycles(**worse)


def test_4_bytes_per_cycle_lose_several_percent():
    assert 1.03 < cycles(bus_bytes=4) / cycles() < 1.10


def test_spilled_tensors_are_named_as_the_reason():
    costs = {cost.node: cost for cost in predict(RESNET50, replace(DEFAULT, activation_kib=256))}
    assert costs["layer1.1.conv1"].losses["memory"] > 0
    assert costs["layer4.1.conv1"].losses["memory"] == 0


def test_every_extract_can_be_predicted():
    for node in bundled_network("resnet20").nodes:
        (cost,) = predict(select(bundled_network("resnet20"), [node.name]), DEFAULT)
        assert cost.cycles > 0


def test_an_add_alone_moves_data():
    (cost,) = predict(select(RESNET50, ["layer3.1.add"]), DEFAULT)
    assert cost.macs == 0 and cost.losses["no multiplications"] == 1024 // 16 * 196
