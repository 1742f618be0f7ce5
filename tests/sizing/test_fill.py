"""The machine that fills a room: nothing that fits is faster, what does not fit is named."""

import itertools
from dataclasses import replace

import pytest

from tcugen.arch import COLUMN_SIZES, ROW_SIZES, Architecture, ArchitectureError, most_lanes
from tcugen.network.resnets import bundled_network
from tcugen.planning.planned import priced
from tcugen.planning.search import quick_plan
from tcugen.sizing.budget import Budget
from tcugen.sizing.buffers import buffer_bytes
from tcugen.sizing.errors import SizingError
from tcugen.sizing.fill import NoRoomError, fill
from tcugen.sizing.room import Room
from tests.compiler.table_networks import TABLES

RESNET20 = bundled_network("resnet20")
ROOMY = Budget(max_activation_kib=8192)


def room(multipliers, kib):
    """Multipliers as a part has them, and KiB of all memories."""
    return Room(
        "the room",
        {"multipliers": multipliers, "KiB": kib},
        lambda a: {
            "multipliers": a.multipliers + 8 * a.output_lanes,
            "KiB": a.activation_kib + buffer_bytes(a) / 1024,
        },
    )


def test_a_room_says_what_there_is_too_much_of():
    small, machine = room(20, 100), Architecture(rows=4, columns=4, activation_kib=64, output_lanes=1)
    assert small.over(machine) == {"multipliers": (24, 20)}
    assert not small.holds(machine) and room(24, 100).holds(machine)
    assert small.excess(machine) == 24 / 20
    assert room(0, 100).excess(machine) == float("inf")


@pytest.fixture(scope="module")
def filled():
    return fill(RESNET20, room(60, 120), ROOMY, {})


def test_what_fills_a_room_fits_and_is_priced_by_its_plan(filled):
    sizing = filled.sizing
    assert room(60, 120).holds(sizing.architecture)
    assert sizing.cycles == priced(sizing.planned.plan).cycles == sum(cost.cycles for cost in sizing.costs)
    assert list(sizing.reasons) == list(Architecture().to_dict())
    assert "of what fits the room" in sizing.reasons["rows"]


def test_nothing_else_that_fits_is_faster(filled):
    """All arrays and lanes with the memories of the one that was chosen."""
    best = filled.sizing.architecture
    others = 0
    for rows, columns in itertools.product(ROW_SIZES, COLUMN_SIZES):
        for lanes in (1 << k for k in range(most_lanes(rows, columns).bit_length())):
            try:
                other = replace(best, output_lanes=1, weight_tiles=64)
                other = replace(replace(other, rows=rows, columns=columns), output_lanes=lanes)
            except ArchitectureError:
                continue
            if room(60, 120).holds(other):
                others += 1
                assert quick_plan(RESNET20, other).cycles >= filled.sizing.cycles
    assert others > 10


def test_the_next_larger_array_does_not_fit_and_may_be_faster(filled):
    larger, best = filled.larger_array, filled.sizing.architecture
    assert larger is not None
    assert set(room(60, 120).over(larger)) == {"multipliers"}
    assert larger.multipliers * larger.output_lanes > best.multipliers * best.output_lanes
    assert filled.larger_memory is None


def test_where_memory_is_short_the_machine_that_keeps_every_tensor_is_named():
    filled = fill(RESNET20, room(60, 34), ROOMY, {})
    best, memory = filled.sizing.architecture, filled.larger_memory
    assert filled.sizing.spilled and best.activation_kib % 16 == 0
    assert memory is not None and memory == replace(best, activation_kib=memory.activation_kib)
    assert "KiB" in room(60, 34).over(memory)
    assert "as much as the room holds" in filled.sizing.reasons["activation_kib"]


def test_in_a_room_without_end_nothing_is_larger():
    filled = fill(RESNET20, room(10_000, 10_000), ROOMY, {})
    assert filled.sizing.architecture.multipliers == ROW_SIZES[-1] * COLUMN_SIZES[-1]
    assert filled.larger_array is None and filled.larger_memory is None


def test_what_is_fixed_stays():
    fixed = {"rows": 8, "columns": 6, "activation_kib": 48, "accumulator_depth": 64, "weight_tiles": 32}
    filled = fill(RESNET20, room(100, 200), Budget(bus_bytes=4), fixed)
    values = filled.sizing.architecture.to_dict()
    assert {name: values[name] for name in fixed} == fixed
    assert values["bus_bytes"] == 4
    assert filled.sizing.reasons["rows"] == "8: set by --array"


def test_multipliers_of_the_budget_are_a_limit():
    assert fill(RESNET20, room(100, 200), Budget(multipliers=40), {}).sizing.architecture.multipliers <= 40


@pytest.mark.parametrize(
    "space,fixed,message",
    [
        (room(15, 200), {}, "no machine for resnet20 fits the room: .* 4x2 with 1 lane .* takes 16 of 15 multipliers"),
        (room(60, 200), {"rows": 16, "columns": 16}, "16x16 with 1 lane and 16 KiB, takes 264 of 60 multipliers"),
        (room(60, 200), {"activation_kib": 512}, "takes 5[0-9.]+ of 200 KiB"),
    ],
)
def test_what_does_not_fit_is_refused(space, fixed, message):
    with pytest.raises(NoRoomError, match=message) as caught:
        fill(RESNET20, space, ROOMY, fixed)
    assert not space.holds(caught.value.smallest)


def test_a_budget_smaller_than_the_array_is_refused():
    with pytest.raises(SizingError, match="--multipliers 8: .*raise --multipliers"):
        fill(RESNET20, room(60, 200), Budget(multipliers=8), {"rows": 8, "columns": 8})


def test_a_network_with_tables_gets_a_machine_with_tables():
    found = fill(TABLES["behind_convolutions"], room(60, 120), ROOMY, {"rows": 4, "columns": 4})
    assert found.sizing.architecture.tables == 1
    assert set(found.sizing.reasons) == set(found.sizing.architecture.to_dict())
    assert found.sizing.reasons["tables"].startswith("tables: ")
