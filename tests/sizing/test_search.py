"""The search: what it picks, what it says about it, and what it refuses."""

import pytest
from tcugen.sizing.cost import predict
from tcugen.sizing.tiling import Tiling

from tcugen.arch import Architecture
from tcugen.network.check import checked_network
from tcugen.network.graph import Shape
from tcugen.network.operators import Add, Conv, GlobalAveragePool, MaxPool, Requantise
from tcugen.network.resnets import BUNDLED_NAMES, bundled_network
from tcugen.sizing.buffers import accumulator_need, buffer_bytes, limit_bytes, strips_together
from tcugen.sizing.errors import SizingError
from tcugen.sizing.search import Budget, size

RESNET50 = bundled_network("resnet50")


def test_resnet50_with_the_default_budget():
    sizing = size(RESNET50)
    a = sizing.architecture
    assert (a.rows, a.columns, a.accumulator_depth, a.output_lanes) == (16, 16, 256, 4)
    assert (a.accumulator_bits, a.activation_kib, a.bus_bytes) == (28, 1280, 8)
    assert sizing.costs == predict(RESNET50, a)
    assert sizing.cycles == sum(cost.cycles for cost in sizing.costs)
    assert 0.96 < sizing.utilisation < 0.98
    assert (16, 16) in sizing.shapes


def test_every_parameter_has_a_reason():
    reasons = size(RESNET50).reasons
    assert list(reasons) == list(Architecture().to_dict())
    assert reasons["accumulator_bits"] == "accumulator 28 bits: layer4.0.conv2 sums 4608 products"
    assert reasons["activation_kib"] == (
        "activation memory 1280 KiB: layer2.0.conv2 has 1,304,576 bytes of tensors alive"
    )
    assert reasons["rows"].startswith("array 16x16: ") and "8x32" in reasons["rows"]


def test_the_same_input_gives_the_same_result():
    assert size(RESNET50) == size(RESNET50)


@pytest.mark.parametrize("multipliers", [16, 64, 100, 256, 1024, 5000])
@pytest.mark.parametrize("name", ["resnet18", "resnet20"])
def test_budgets_are_kept(name, multipliers):
    a = size(bundled_network(name), Budget(multipliers=multipliers, activation_kib=640)).architecture
    assert a.multipliers <= multipliers
    assert a.activation_kib <= 640
    assert buffer_bytes(a) <= limit_bytes(a.multipliers)


@pytest.mark.parametrize("name", BUNDLED_NAMES)
def test_every_bundled_network_has_a_machine(name):
    sizing = size(bundled_network(name))
    assert sizing.architecture.multipliers == 256
    assert sizing.utilisation > 0.85


def test_lanes_follow_the_size_of_the_array():
    lanes = {m: size(RESNET50, Budget(multipliers=m, bus_bytes=32)).architecture.output_lanes for m in (64, 256, 1024)}
    assert lanes == {64: 1, 256: 4, 1024: 16}


@pytest.mark.parametrize("multipliers", [16, 64, 256])
def test_the_weight_ring_holds_every_strip_that_is_used_twice(multipliers):
    """So each weight crosses the bus once: 25.5 MB, 1 % of parameters and padding, and the image."""
    sizing = size(RESNET50, Budget(multipliers=multipliers))
    moved = sum(cost.memory_cycles for cost in sizing.costs) * 8
    assert moved < 1.02 * 25_502_912 + 2 * 150_528


def test_a_small_network_gets_small_memories():
    a = size(bundled_network("resnet20")).architecture
    assert a.activation_kib == 64 and a.weight_buffer_bytes < 64 * 1024 and a.accumulator_bits == 25


POOL = {"kernel": (2, 2), "stride": (2, 2)}
IDLE = {
    "a pool": [MaxPool("p", ("image",), **POOL)],
    "adds and pools": [Add("a", ("image", "image")), MaxPool("p", ("a",), **POOL)],
    "a pool and an average": [MaxPool("p", ("image",), **POOL), GlobalAveragePool("g", ("p",))],
    "a change of scale": [Requantise("r", ("image",))],
}


@pytest.mark.parametrize("fixed", [{}, {"rows": 8, "columns": 4}], ids=["any array", "8x4"])
@pytest.mark.parametrize("nodes", IDLE.values(), ids=IDLE)
def test_a_network_without_products_has_a_machine(nodes, fixed):
    sizing = size(checked_network("n", (("image", Shape(3, 16, 16)),), nodes), fixed=fixed)
    assert sizing.cycles > 0 and sizing.utilisation == 0
    assert (sizing.architecture.rows, sizing.architecture.columns) == ((8, 4) if fixed else (4, 4))
    assert set(sizing.reasons) == set(sizing.architecture.to_dict())


def test_too_little_activation_memory_is_said():
    sizing = size(RESNET50, Budget(activation_kib=512))
    assert sizing.architecture.activation_kib == 512
    assert "more than the budget" in sizing.reasons["activation_kib"]
    assert sizing.cycles > size(RESNET50).cycles


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
    sizing = size(bundled_network("resnet18"), None, fixed)
    for name, value in fixed.items():
        assert getattr(sizing.architecture, name) == value
        flag = "--array" if name in ("rows", "columns") else f"--{name.replace('_', '-')}"
        assert sizing.reasons[name] == f"{value}: set by {flag}"
    assert set(sizing.reasons) == set(sizing.architecture.to_dict())


REFUSED = [
    (Budget(multipliers=15), {}, ("--multipliers 15", "at least 16", "raise")),
    (Budget(multipliers=True), {}, ("--multipliers True", "must be an integer")),
    (Budget(activation_kib=0), {}, ("--activation-kib 0", "between 1 and 8192", "correct --activation-kib")),
    (Budget(bus_bytes=12), {}, ("--bus-bytes 12", "one of 4, 8, 16, 32, 64", "correct --bus-bytes")),
    (None, {"rows": 12}, ("--array 12", "one of 4, 8, 16, 32", "correct --array")),
    (None, {"columns": "16"}, ("--array 16", "must be an integer")),
    (None, {"accumulator_depth": 100}, ("--accumulator-depth 100", "a power of two between 16 and 4096")),
    (None, {"accumulator_bits": 16}, ("--accumulator-bits 16", "between 20 and 32")),
    (None, {"weight_tiles": 100}, ("--weight-tiles 100", "a power of two")),
    (None, {"output_lanes": 3}, ("--output-lanes 3", "a power of two")),
    (None, {"output_lanes": 64}, ("--output-lanes 64", "a power of two up to")),
    (None, {"output_lanes": 32}, ("--output-lanes 32", "must not exceed rows and columns", "lower --output-lanes")),
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
    need, node, products = accumulator_need(one_conv(channels, kernel))
    assert (need, node, products) == (bits, "only", channels * kernel * kernel)
    assert products * 2**14 <= 2 ** (bits - 1) - 1


def test_a_sum_too_large_for_32_bits_is_refused_by_name():
    with pytest.raises(SizingError, match="node 'only': sums 131076 products .* at most 131071; use fewer"):
        accumulator_need(one_conv(14564, 3))


def test_strips_together():
    tilings = [Tiling(n, passes, (16,), 4, 4, 1, 16, 16) for n, passes in ((4, 4), (2, 100), (8, 2))]
    assert strips_together(tilings, 16) == 8
    assert strips_together(tilings, 8) == 4
    assert strips_together(tilings, 1) == 1
    assert strips_together(tilings, 116) == 9
