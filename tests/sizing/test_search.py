"""The search: what it picks, what it says about it, and what it refuses."""

from dataclasses import replace

import pytest

from tcugen.arch import Architecture
from tcugen.mapping.plan import geometry_of, plan_network
from tcugen.mapping.tasks import tasks_of
from tcugen.network.check import checked_network
from tcugen.network.graph import Shape
from tcugen.network.operators import Add, Conv, GlobalAveragePool, MaxPool, Requantise
from tcugen.network.resnets import BUNDLED_NAMES, bundled_network
from tcugen.planning.planned import priced
from tcugen.planning.search import best_plan
from tcugen.sizing.budget import Budget
from tcugen.sizing.buffers import accumulator_need, buffer_bytes, columns_together, limit_bytes
from tcugen.sizing.errors import SizingError
from tcugen.sizing.search import size

RESNET50 = bundled_network("resnet50")


@pytest.fixture(scope="module")
def resnet50():
    return size(RESNET50)


def test_resnet50_with_the_default_budget(resnet50):
    a = resnet50.architecture
    assert (a.multipliers, a.accumulator_bits, a.activation_kib, a.bus_bytes) == (256, 28, 1280, 8)
    assert resnet50.cycles == sum(cost.cycles for cost in resnet50.costs)
    assert 0.97 < resnet50.utilisation < 0.99
    assert resnet50.spilled == ()
    assert resnet50.shapes[a.rows, a.columns] == min(resnet50.shapes.values())


def test_what_is_predicted_is_the_price_of_the_plan_that_is_kept(resnet50):
    again = best_plan(RESNET50, resnet50.architecture)
    assert again.schedule.instructions == resnet50.planned.schedule.instructions
    assert priced(again.plan).cycles == again.cycles == resnet50.cycles


def test_every_parameter_has_a_reason(resnet50):
    reasons = resnet50.reasons
    assert list(reasons) == list(Architecture().to_dict())
    assert reasons["accumulator_bits"] == "accumulator 28 bits: layer4.0.conv2 sums 4608 products"
    assert reasons["activation_kib"].startswith("activation memory 1280 KiB: layer2.0.conv2 has 1,304,")
    assert reasons["rows"].startswith("array 8x32: ") and "16x16" in reasons["rows"]
    assert resnet50.runner_up and "more than 8x32, most of them lost to" in resnet50.runner_up


def test_the_same_input_gives_the_same_result():
    first, second = (size(bundled_network("resnet20")) for _ in range(2))
    assert (first.architecture, first.cycles, first.reasons) == (second.architecture, second.cycles, second.reasons)


@pytest.mark.parametrize("multipliers", [16, 64, 100, 256, 1024, 5000])
@pytest.mark.parametrize("name", ["resnet18", "resnet20"])
def test_budgets_are_kept(name, multipliers):
    a = size(bundled_network(name), Budget(multipliers=multipliers, max_activation_kib=640)).architecture
    assert a.multipliers <= multipliers
    assert a.activation_kib <= 640
    assert buffer_bytes(a) <= limit_bytes(a.multipliers)


LARGE = ("resnet101", "resnet152", "wide_resnet50_2")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.verify if name in LARGE else ()) for name in BUNDLED_NAMES]
)
def test_every_bundled_network_has_a_machine(name):
    sizing = size(bundled_network(name))
    assert sizing.architecture.multipliers == 256
    assert sizing.utilisation > 0.9 or name in ("resnext50_32x4d", "wide_resnet50_2")


def test_memory_grows_where_the_placement_leaves_gaps():
    """1,024 KiB hold what is alive at once, but only without gaps; the stem would go to memory and back."""
    sizing = size(bundled_network("resnet18"), None, {"rows": 16, "columns": 16})
    assert sizing.architecture.activation_kib == 1152 and not sizing.spilled
    assert sizing.utilisation > 0.958


def test_what_is_spilled_is_named_with_the_memory_that_keeps_it():
    sizing = size(bundled_network("resnet20"), None, {"rows": 16, "columns": 16, "activation_kib": 24})
    assert sizing.spilled
    for spilled in sizing.spilled:
        assert spilled.bytes == sizing.planned.plan.layouts[spilled.tensor].bytes
        assert spilled.kept_kib is not None
        larger = replace(sizing.architecture, activation_kib=spilled.kept_kib)
        assert plan_network(bundled_network("resnet20"), larger).allocation.is_resident(spilled.tensor)


def test_lanes_follow_the_size_of_the_array():
    network = bundled_network("resnet18")
    lanes = {m: size(network, Budget(multipliers=m, bus_bytes=32)).architecture.output_lanes for m in (64, 256, 1024)}
    assert lanes[64] < lanes[256] < lanes[1024]


@pytest.mark.parametrize("side", [8, 16])
def test_the_weight_ring_holds_every_panel_that_is_used_twice(side):
    """So each weight crosses the bus once: 25.5 MB, 1 % of parameters and padding, the image and the program."""
    moved = size(RESNET50, None, {"rows": side, "columns": side}).planned.prediction.bytes_read
    assert moved < 1.02 * 25_502_912 + 2 * 150_528


def test_a_small_network_gets_small_memories():
    a = size(bundled_network("resnet20")).architecture
    assert a.activation_kib == 64 and a.weight_buffer_bytes < 64 * 1024 and a.accumulator_bits == 25


HALVING = (2, 2), (2, 2)
"""Kernel and stride of a pool."""
IDLE = {
    "a pool": [MaxPool("p", ("image",), *HALVING)],
    "adds and pools": [Add("a", ("image", "image")), MaxPool("p", ("a",), *HALVING)],
    "a pool and an average": [MaxPool("p", ("image",), *HALVING), GlobalAveragePool("g", ("p",))],
    "a change of scale": [Requantise("r", ("image",))],
}


@pytest.mark.parametrize("fixed", [{}, {"rows": 8, "columns": 4}], ids=["any array", "8x4"])
@pytest.mark.parametrize("nodes", IDLE.values(), ids=IDLE)
def test_a_network_without_products_has_a_machine(nodes, fixed):
    sizing = size(checked_network("n", (("image", Shape(3, 16, 16)),), nodes), fixed=fixed)
    assert sizing.cycles > 0 and sizing.utilisation == 0
    assert not fixed or (sizing.architecture.rows, sizing.architecture.columns) == (8, 4)
    assert set(sizing.reasons) == set(sizing.architecture.to_dict())


def test_too_little_activation_memory_is_said():
    sizing = size(bundled_network("resnet18"), Budget(max_activation_kib=512), {"rows": 16, "columns": 16})
    assert sizing.architecture.activation_kib == 512
    assert "more than the 512 KiB" in sizing.reasons["activation_kib"]
    assert sizing.spilled


def test_arrays_that_cannot_run_are_named_with_the_reason():
    network = bundled_network("resnet20")
    reason = size(network, None, {"activation_kib": 2}).reasons["rows"]
    shapes, _, why = reason.partition("cannot run on ")[2].partition(": on ")
    assert set(shapes.split(", ")) == {"32x8", "8x32"}
    assert why.startswith(f"{shapes.split(', ')[0]} node 'layer1.0.conv1': needs 3584 bytes")
    for shape in shapes.split(", "):
        rows, columns = map(int, shape.split("x"))
        with pytest.raises(SizingError, match="--activation-kib 2: holds no plan"):
            size(network, None, {"rows": rows, "columns": columns, "activation_kib": 2})


def test_a_memory_without_any_plan_names_the_smallest_that_has_one():
    network = bundled_network("resnet20")
    with pytest.raises(SizingError) as caught:
        size(network, None, {"rows": 16, "columns": 16, "activation_kib": 1})
    kib = int(str(caught.value).rpartition("--activation-kib ")[2])
    assert f"the smallest activation memory that does is {kib} KiB" in str(caught.value)
    assert size(network, None, {"rows": 16, "columns": 16, "activation_kib": kib}).cycles
    with pytest.raises(SizingError):
        size(network, None, {"rows": 16, "columns": 16, "activation_kib": kib - 1})


FIXED = [
    {"rows": 8, "columns": 32},
    {"rows": 32},
    {"accumulator_depth": 64},
    {"accumulator_depth": 4096},
    {"weight_tiles": 32},
    {"parameter_groups": 2},
    {"output_lanes": 16},
    {"accumulator_bits": 32},
    {"activation_kib": 300},
    {"bus_bytes": 64},
    {"bus_address_bits": 32},
    {"rows": 32, "columns": 32},
    {"rows": 4, "columns": 4, "output_lanes": 1, "weight_tiles": 2, "accumulator_depth": 16},
]


@pytest.mark.parametrize("fixed", FIXED, ids=str)
def test_what_the_user_sets_stays(fixed):
    # A program for few accumulators and little room for weights is long.
    sizing = size(bundled_network("resnet20" if "weight_tiles" in fixed else "resnet18"), None, fixed)
    for name, value in fixed.items():
        assert getattr(sizing.architecture, name) == value
        flag = "--array" if name in ("rows", "columns") else f"--{name.replace('_', '-')}"
        assert sizing.reasons[name] == f"{value}: set by {flag}"
    assert set(sizing.reasons) == set(sizing.architecture.to_dict())


REFUSED = [
    (Budget(multipliers=15), {}, ("--multipliers 15", "at least 16", "raise")),
    (Budget(multipliers=True), {}, ("--multipliers True", "must be an integer")),
    (
        Budget(max_activation_kib=0),
        {},
        ("--max-activation-kib 0", "between 1 and 8192", "correct --max-activation-kib"),
    ),
    (Budget(bus_bytes=12), {}, ("--bus-bytes 12", "one of 4, 8, 16, 32, 64", "correct --bus-bytes")),
    (None, {"rows": 12}, ("--array 12", "one of 4, 8, 16, 32", "correct --array")),
    (None, {"columns": 7}, ("--array 7", "an even number between 2 and 32", "correct --array")),
    (None, {"columns": "16"}, ("--array 16", "must be an integer")),
    (None, {"accumulator_depth": 100}, ("--accumulator-depth 100", "a power of two between 16 and 4096")),
    (None, {"accumulator_bits": 16}, ("--accumulator-bits 16", "between 20 and 32")),
    (None, {"weight_tiles": 100}, ("--weight-tiles 100", "a power of two")),
    (None, {"output_lanes": 3}, ("--output-lanes 3", "a power of two")),
    (None, {"output_lanes": 64}, ("--output-lanes 64", "a power of two that divides")),
    (None, {"output_lanes": 32}, ("--output-lanes 32", "must divide rows and columns", "lower --output-lanes")),
    (None, {"output_lanes": 16, "rows": 8}, ("--output-lanes 16", "rows 8", "lower --output-lanes")),
    (Budget(multipliers=64), {"rows": 32}, ("--multipliers 64", "rows 32", "at least 128", "smaller --array")),
    (Budget(multipliers=64), {"rows": 16, "columns": 16}, ("--multipliers 64", "at least 256")),
    (None, {"lanes": 4}, ("--lanes", "no parameter", "--output-lanes")),
]


@pytest.mark.parametrize("budget, fixed, parts", REFUSED, ids=lambda value: str(value)[:60])
def test_impossible_flags_are_refused(budget, fixed, parts):
    with pytest.raises(SizingError) as caught:
        size(RESNET50, budget, fixed)
    for part in parts:
        assert part in str(caught.value)


def one_conv(channels: int, kernel: int = 1):
    node = Conv("only", ("image",), 8, (kernel, kernel), groups=1)
    return checked_network("n", (("image", Shape(channels, 8, 8)),), [node])


@pytest.mark.parametrize(
    "channels, kernel, bits",
    [(1, 1, 20), (512, 3, 28), (8191, 1, 28), (8192, 1, 29), (65535, 1, 31), (14563, 3, 32)],
)
def test_accumulators_hold_the_largest_sum(channels, kernel, bits):
    need, reason = accumulator_need(tasks_of(one_conv(channels, kernel)))
    products = channels * kernel * kernel
    assert (need, reason) == (bits, f"only sums {products} products")
    assert products * 2**14 <= 2 ** (bits - 1) - 1


@pytest.mark.parametrize("side, bits", [(16, 20), (112, 22), (255, 24)])
def test_accumulators_hold_an_average_too(side, bits):
    network = checked_network("n", (("image", Shape(3, side, side)),), [GlobalAveragePool("g", ("image",))])
    assert accumulator_need(tasks_of(network)) == (bits, f"g sums {side * side} values")


def test_a_sum_too_large_for_32_bits_is_refused_by_name():
    with pytest.raises(SizingError, match="node 'only': sums 131076 products .* at most 131071 products; use fewer"):
        accumulator_need(tasks_of(one_conv(14564, 3)))


def test_columns_together():
    panels = [panel for panel in geometry_of(RESNET50, Architecture()).panels if panel is not None]
    three = [replace(panels[0], n_columns=n, n_groups=tiles, n_ky=1, n_kx=1) for n, tiles in ((4, 4), (2, 100), (8, 2))]
    assert columns_together(three, 16) == 8
    assert columns_together(three, 8) == 4
    assert columns_together(three, 1) == 1
    assert columns_together(three, 116) == 9
