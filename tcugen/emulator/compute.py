"""The COMPUTE unit: weight tiles times activation operands, summed in accumulator banks.

For every column group, for every block of output rows, one tile: a pass per (g, ky, kx) in that order adds
`sum over j of byte_j * weight[j][c]` to the sum of each pixel and column c. A column group's tiles are read again for
every block and freed during its last block, unless `keep` holds all of the instruction's tiles and rewinds to the
first. Every tile counts, finished or not. `finish` = 0 or `accumulate` = 1 needs an instruction of one tile: the array
holds one bank.
"""

from collections.abc import Generator, Iterator

import numpy as np
from numpy.typing import NDArray

from tcugen.emulator.operand import OperandReader
from tcugen.emulator.shared import ACCUMULATOR_BANKS, Bank, Shared, blocks
from tcugen.emulator.step import Blocked, Step
from tcugen.isa import Unit

EXACT_PRODUCTS = 1024
"""Products of two int8 whose float32 sum is exact in any order: 1024 * 2**14 = 2**24."""

_SINGLE_THREAD_PRODUCTS = 1 << 18
"""Products per matrix multiplication: BLAS spreads larger ones over threads, which at these sizes only costs time."""


def _check(shared: Shared, step: Step, n_blocks: int, n_passes: int) -> None:
    architecture = shared.architecture
    pixels = min(step["block_rows"], step["n_y"]) * step["n_x"]
    if pixels > architecture.accumulator_depth:
        raise step.error(
            "block_rows",
            f"blocks of {pixels} pixels exceed the accumulator depth {architecture.accumulator_depth}; "
            "use fewer rows per block",
        )
    if step["keep"]:
        held = step["n_columns"] * n_passes
    elif n_blocks > 1:
        held = n_passes
    else:
        held = 1
    if held > shared.tiles.capacity:
        raise step.error(
            "keep" if step["keep"] else "block_rows",
            f"{held} weight tiles are read again, but the weight ring holds {shared.tiles.capacity}",
        )
    tiles = step["n_columns"] * n_blocks
    if (step["accumulate"] or not step["finish"]) and tiles != 1:
        name = "accumulate" if step["accumulate"] else "finish"
        raise step.error(name, f"the array holds one tile between instructions, but this one makes {tiles}")


def _open_bank(shared: Shared, step: Step, pixels: int) -> Generator[Blocked | None, None, Bank]:
    """The bank that the next tile adds to."""
    if step["accumulate"]:
        if shared.open_bank is None:
            raise step.error("accumulate", "no tile is left with the array; clear `finish` of the COMPUTE before")
        if len(shared.open_bank.sums) != pixels:
            raise step.error("accumulate", f"adds {pixels} pixels to a tile of {len(shared.open_bank.sums)} pixels")
        return shared.open_bank
    if shared.open_bank is not None:
        raise step.error("accumulate", f"would drop the sums that {shared.open_bank.step} left with the array")
    while not shared.bank_is_free:
        yield Blocked(step, "finish", f"all {ACCUMULATOR_BANKS} accumulator banks wait for a DRAIN")
    bank = shared.open_bank = Bank(np.zeros((pixels, shared.architecture.columns), np.int64), 0, step)
    yield None
    return bank


def _multiply(
    shared: Shared, step: Step, operand: NDArray[np.int8], sums: NDArray[np.int64], release: bool
) -> Iterator[Blocked | None]:
    """Add all passes of one tile to int64 `sums` [pixels, C]; `release` frees each weight tile once it is used."""
    rows, columns = shared.architecture.rows, shared.architecture.columns
    pixels, n_passes, _ = operand.shape
    at_once = max(1, min(EXACT_PRODUCTS, _SINGLE_THREAD_PRODUCTS // (pixels * columns)) // rows)
    done = 0
    while done < n_passes:
        while not shared.tiles.available:
            yield Blocked(step, "n_columns", f"pass {done} of {n_passes} has no weight tile")
        count = min(shared.tiles.available, n_passes - done, at_once)
        weights = shared.tiles.take(count).view(np.int8).reshape(count * rows, columns)
        part = operand[:, done : done + count].reshape(pixels, count * rows)
        sums += (part.astype(np.float32) @ weights.astype(np.float32)).astype(np.int64)
        done += count
        if release:
            shared.tiles.free()
        yield None


def _check_sums(shared: Shared, step: Step, sums: NDArray[np.int64]) -> None:
    bits = shared.architecture.accumulator_bits
    limit = 1 << bits - 1
    low, high = int(sums.min()), int(sums.max())
    if low < -limit or high >= limit:
        raise step.error(
            "accumulate",
            f"a sum of {low if low < -limit else high} does not fit the accumulators of {bits} bits "
            "(architecture.accumulator_bits)",
        )


def compute(shared: Shared, step: Step) -> Iterator[Blocked | None]:
    """Execute one COMPUTE: n_columns * blocks counts."""
    step.require_positive("n_columns", "n_y", "block_rows", "n_x", "n_groups", "n_ky", "n_kx")
    rows_of_blocks = blocks(step)
    n_passes = step["n_groups"] * step["n_ky"] * step["n_kx"]
    _check(shared, step, len(rows_of_blocks), n_passes)
    reader = OperandReader(step, shared.activation)
    first_tile = shared.tiles.read
    for column in range(step["n_columns"]):
        first_of_column = shared.tiles.read
        for number, (y0, n_rows) in enumerate(rows_of_blocks):
            is_last = number == len(rows_of_blocks) - 1
            shared.tiles.rewind(first_of_column)
            bank = yield from _open_bank(shared, step, n_rows * step["n_x"])
            work = shared.clocks.work(Unit.COMPUTE, step)
            operand = reader.read(work, column, y0, n_rows)
            release = is_last and not step["keep"]
            yield from _multiply(shared, step, operand, bank.sums, release)
            _check_sums(shared, step, bank.sums)
            shared.clocks.complete(work)
            if step["finish"]:
                bank.count = work.count
                shared.finished.append(bank)
                shared.open_bank = None
            yield None
    if step["keep"]:
        shared.tiles.rewind(first_tile)
