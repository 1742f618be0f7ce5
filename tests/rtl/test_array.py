from random import Random

import pytest

from tcugen.rtl.array import Array
from tests.rtl.instructions import small
from tests.rtl.streams import run

EXTREMES = (-128, 127, 0, -1)


def sums_of(words, swaps, stores, rows, columns):
    """For each word its sums: row r works r cycles later, with the weights its shadow held when the swap came by."""
    sums = [[0] * columns for _ in words]
    for r in range(rows):
        live, shadow, next_store = [0] * columns, [0] * columns, 0
        own = [(cycle, weights) for cycle, row, weights in stores if row == r]
        for cycle, word in enumerate(words):
            while next_store < len(own) and own[next_store][0] < cycle + r:
                shadow = own[next_store][1]
                next_store += 1
            if swaps[cycle]:
                live = shadow
            for c in range(columns):
                sums[cycle][c] += word[r] * live[c]
    return sums


def drive(array, words, swaps, stores):
    """Run the array; returns the sums that stand in each cycle."""
    by_cycle = {cycle: (row, weights) for cycle, row, weights in stores}
    seen = []

    async def bench(ctx):
        for cycle in range(len(words)):
            ctx.set(array.operand, words[cycle])
            ctx.set(array.swap, swaps[cycle])
            row, weights = by_cycle.get(cycle, (0, [0] * array.columns))
            ctx.set(array.weight_en, cycle in by_cycle)
            ctx.set(array.weight_row, row)
            ctx.set(array.weight_data, weights)
            seen.append([ctx.get(array.sums[c]) for c in range(array.columns)])
            await ctx.tick()

    run(array, bench)
    return seen


@pytest.mark.parametrize("rows, columns", [(4, 4), (8, 4), (4, 8)])
@pytest.mark.parametrize("values", ["random", "extreme"])
def test_any_operands_weights_and_swaps(rows, columns, values):
    random = Random(rows * columns)
    array = Array(small(rows, columns))
    cycles = 150

    def byte():
        return random.choice(EXTREMES) if values == "extreme" else random.randrange(-128, 128)

    words = [[byte() for _ in range(rows)] for _ in range(cycles)]
    swaps = [int(random.random() < 0.2) for _ in range(cycles)]
    stores = [
        (cycle, random.randrange(rows), [byte() for _ in range(columns)])
        for cycle in range(cycles)
        if random.random() < 0.7
    ]
    seen = drive(array, words, swaps, stores)
    assert seen[array.latency :] == sums_of(words, swaps, stores, rows, columns)[: cycles - array.latency]


@pytest.mark.parametrize("rows", [4, 8])
def test_the_largest_sums_fit(rows):
    array = Array(small(rows, 4))
    words = [[-128] * rows for _ in range(2 * rows + 5)]
    stores = [(row, row, [-128, 127, -128, 127]) for row in range(rows)]
    swaps = [int(cycle == rows) for cycle in range(len(words))]
    seen = drive(array, words, swaps, stores)
    assert seen[rows + array.latency] == [rows * 128 * 128, -rows * 128 * 127] * 2


def test_a_loader_can_chase_the_wave():
    """A tile is stored row by row from the very cycle of the swap to the previous one: no cycle is lost."""
    rows = columns = 4
    random = Random(3)
    array = Array(small(rows, columns))
    tiles = [[[random.randrange(-128, 128) for _ in range(columns)] for _ in range(rows)] for _ in range(6)]
    words = [[random.randrange(-128, 128) for _ in range(rows)] for _ in range(rows * (len(tiles) + 3))]
    stores = [(rows * k + r, r, tiles[k][r]) for k in range(len(tiles)) for r in range(rows)]
    swaps = [int(cycle % rows == 0 and cycle > 0) for cycle in range(len(words))]
    seen = drive(array, words, swaps, stores)
    for cycle in range(rows, rows * len(tiles)):
        tile = tiles[cycle // rows - 1]
        expected = [sum(words[cycle][r] * tile[r][c] for r in range(rows)) for c in range(columns)]
        assert seen[cycle + array.latency] == expected
