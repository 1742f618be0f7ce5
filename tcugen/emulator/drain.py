"""The DRAIN unit: bias, product, requantisation, residual add, table, and results back to the activation memory.

For every column group, for every block, the next finished tile is taken. Lane step s of column group col makes the L
channels from ch = channel0 + col * C + s * L on, C / L steps or `last_steps` in the last group. A result is stored at

    out_base + x * out_x_step + y * out_y_step + (ch // R) * out_plane_step + ch % R   (modulo 2**24)

with y counted over all of 0 .. n_y - 1; byte k of an int32 result is k * byte_step further. After the last channel
of the last group follow pad_steps * L bytes of 0 in the same word. The residual operand
is read at the same place counted from residual_base with residual_plane_step, before that place is written; with
per_channel at that of the first pixel. With multiply the sums are multiplied by it before they are requantised; with
unrounded they are scaled with FRACTION_BITS fraction bits, and the sum with it is what is rounded.
Channels are counted without channel0 where they select parameters.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import FRACTION_BITS, PARAMETER_BYTES, TABLE_ENTRIES
from tcugen.emulator.arithmetic import (
    MAXIMUM_SHIFT,
    centred_product,
    multiplier_is_supported,
    requantise,
    residual_add,
    with_fraction,
)
from tcugen.emulator.memory import ADDRESS_MASK
from tcugen.emulator.ordering import Work
from tcugen.emulator.shared import Bank, Shared, blocks
from tcugen.emulator.step import Blocked, Step
from tcugen.isa import Unit

MAXIMUM_FACTOR = 255
"""Largest magnitude of a sum that is multiplied by an operand: the difference of two int8."""


def _check(shared: Shared, step: Step) -> None:
    architecture = shared.architecture
    lanes = architecture.output_lanes
    if not 1 <= step["last_steps"] <= architecture.output_steps:
        raise step.error("last_steps", f"is {step['last_steps']}, but it must be 1 .. {architecture.output_steps}")
    if step["channel0"] % lanes or step["channel0"] >= architecture.rows:
        raise step.error(
            "channel0",
            f"is {step['channel0']}, but it must be a multiple of {lanes} lanes below {architecture.rows} rows",
        )
    last = step["channel0"] + (step["n_columns"] - 1) * architecture.columns + (step["last_steps"] - 1) * lanes
    if last % architecture.rows + (1 + step["pad_steps"]) * lanes > architecture.rows:
        raise step.error("pad_steps", f"is {step['pad_steps']}, but padding must end within the word it begins in")
    if step["int32"] and step["residual"]:
        raise step.error("residual", "is set together with int32, but 32-bit sums are stored as they are")
    if step["residual"] and step["add_shift"] > MAXIMUM_SHIFT:
        raise step.error("add_shift", f"is {step['add_shift']}, but it must be 0 .. {MAXIMUM_SHIFT}")
    for field in ("table", "load_table"):
        if step[field] and not shared.architecture.tables:
            raise step.error(field, "is set, but the architecture has no tables")
    for field, option in (("multiply",) * 2, ("per_channel",) * 2, ("unrounded", "unrounded_add")):
        if step[field] and not getattr(shared.architecture, option):
            raise step.error(field, f"is set, but the architecture has no {option}")
        if step[field] and not step["residual"]:
            raise step.error(field, "is set without residual, but it says how that operand is used")
    if step["unrounded"]:
        for field, only in (("multiply", 0), ("add_multiplier", 0), ("add_shift", FRACTION_BITS)):
            if step[field] != only:
                raise step.error(field, f"is {step[field]}, but it must be {only} where the sum is not rounded before")
    if step["table"] and step["int32"]:
        raise step.error("table", "is set together with int32, but 32-bit sums are stored as they are")
    if step["keep"] and step["n_columns"] > shared.parameters.capacity:
        raise step.error(
            "keep",
            f"{step['n_columns']} parameter groups are read again, but the ring holds {shared.parameters.capacity}",
        )


def _unpack_parameters(
    step: Step, group: NDArray[np.uint8], channels: int
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Folded bias (int64) and multiplier bits (uint32) of the first `channels` columns."""
    entries = group.reshape(-1, PARAMETER_BYTES)[:channels]
    bias = np.ascontiguousarray(entries[:, :4]).view("<i4")[:, 0].astype(np.int64)
    multiplier = np.ascontiguousarray(entries[:, 4:]).view("<u4")[:, 0]
    if not step["int32"] and not (supported := multiplier_is_supported(multiplier)).all():
        lane = int(np.flatnonzero(~supported)[0])
        value = multiplier[lane : lane + 1].view(np.float32)[0]
        raise step.error("multiplier", f"of column {lane} is {value}, but it must be 0 or in [2**-40, 2**8)")
    return bias, multiplier


def _check_sums(step: Step, sums: NDArray[np.int64]) -> None:
    low, high = int(sums.min()), int(sums.max())
    if low < -(1 << 31) or high >= 1 << 31:
        raise step.error("bias", f"sum plus folded bias is {low if low < -(1 << 31) else high}, beyond 32 bits")


class _Places:
    """Addresses of the results of one DRAIN: [rows, n_x, channels] for a column group and a block."""

    def __init__(self, shared: Shared, step: Step):
        y, x = np.arange(step["n_y"])[:, None], np.arange(step["n_x"])
        self._pixels = y * step["out_y_step"] + x * step["out_x_step"]
        self._rows = shared.architecture.rows
        self._step = step

    def addresses(self, operand: str, first_channel: int, channels: int, y0: int, n_rows: int) -> NDArray[np.int64]:
        """`operand` is "out" or "residual"."""
        step = self._step
        channel = step["channel0"] + first_channel + np.arange(channels)
        lanes = step[f"{operand}_base"] + channel // self._rows * step[f"{operand}_plane_step"] + channel % self._rows
        pixels = self._pixels[y0 : y0 + n_rows, :, None]
        if operand == "residual" and step["per_channel"]:
            pixels = np.zeros_like(pixels)
        return pixels + lanes & ADDRESS_MASK


def _requantised(
    shared: Shared,
    step: Step,
    work: Work,
    sums: NDArray[np.int64],
    multiplier: NDArray[np.uint32],
    residual: NDArray[np.int64] | None,
) -> NDArray[np.int64]:
    """Sums as int8, with the residual operand at addresses `residual` added or multiplied if there is one."""
    limits = step["zero_point"], step["clamp_low"], step["clamp_high"]
    if residual is None:
        return requantise(sums, multiplier, *limits)
    operand = shared.activation.read(work, "residual_base", residual).view(np.int8).astype(np.int64)
    if step["multiply"]:
        if np.abs(sums).max() > MAXIMUM_FACTOR:
            raise step.error("multiply", f"multiplies a sum of {np.abs(sums).max()}, but at most {MAXIMUM_FACTOR} may")
        return requantise(centred_product(sums, operand, step["residual_zero_point"]), multiplier, *limits)
    if step["unrounded"]:
        result = with_fraction(sums, multiplier), 0, 1
    else:
        result = requantise(sums, multiplier, *limits), step["zero_point"], step["add_multiplier"]
    return residual_add(
        *result,
        operand,
        step["residual_zero_point"],
        step["residual_multiplier"],
        step["add_shift"],
        step["add_zero_point"],
        step["add_clamp_low"],
        step["add_clamp_high"],
    )


def _looked_up(shared: Shared, step: Step, values: NDArray[np.int64]) -> NDArray[np.int64]:
    if not step["table"]:
        return values
    if shared.table is None:
        raise step.error("table", "is set, but no instruction has loaded one")
    return shared.table[values + 128].astype(np.int64)


def _load_table(shared: Shared, step: Step) -> Iterator[Blocked | None]:
    """The table that stands in the parameter ring before the groups of this instruction."""
    groups: list[NDArray[np.uint8]] = []
    for number in range(shared.architecture.table_groups):
        while not shared.parameters.available:
            yield Blocked(step, "load_table", f"group {number} of the table has not come")
        groups.append(shared.parameters.take(1)[0])
        shared.parameters.free()
        yield None
    shared.table = np.concatenate(groups)[:TABLE_ENTRIES].view(np.int8)


def _store(shared: Shared, step: Step, work: Work, addresses: NDArray[np.int64], values: NDArray[np.int64]) -> None:
    if not step["int32"]:
        shared.activation.write(work, "out_base", addresses, values.astype(np.int8).view(np.uint8))
        return
    for k in range(4):
        place = addresses + k * step["byte_step"] & ADDRESS_MASK
        shared.activation.write(work, "out_base", place, (values >> 8 * k & 0xFF).astype(np.uint8))


def _take_tile(shared: Shared, step: Step, pixels: int) -> Bank:
    bank = shared.finished.popleft()
    if len(bank.sums) != pixels:
        raise step.error("block_rows", f"expects {pixels} pixels, but {bank.step} made a tile of {len(bank.sums)}")
    shared.clocks.join(Unit.DRAIN, Unit.COMPUTE, bank.count)
    return bank


def _drain_tile(
    shared: Shared,
    step: Step,
    places: _Places,
    box: tuple[int, int, int, int],
    sums: NDArray[np.int64],
    multiplier: NDArray[np.uint32],
    padding: int,
) -> None:
    """One count, with `padding` bytes of 0 after its channels.

    `box` is (first channel, channels, first row, rows); int64 `sums` [rows, n_x, channels] with bias.
    """
    _check_sums(step, sums)
    work = shared.clocks.work(Unit.DRAIN, step)
    result = sums
    if not step["int32"]:
        residual = places.addresses("residual", *box) if step["residual"] else None
        result = _looked_up(shared, step, _requantised(shared, step, work, sums, multiplier, residual))
    _store(shared, step, work, places.addresses("out", *box), result)
    first_channel, channels, y0, n_rows = box
    if padding:
        zeros = places.addresses("out", first_channel + channels, padding, y0, n_rows)
        _store(shared, step, work, zeros, np.zeros(zeros.shape, np.int64))
    shared.observer.write(step, first_channel, y0, result)
    shared.clocks.complete(work)


def drain(shared: Shared, step: Step) -> Iterator[Blocked | None]:
    """Execute one DRAIN: n_columns * blocks counts."""
    step.require_positive("n_columns", "n_y", "block_rows", "n_x")
    _check(shared, step)
    architecture = shared.architecture
    places = _Places(shared, step)
    padding = step["pad_steps"] * architecture.output_lanes
    if step["load_table"]:
        yield from _load_table(shared, step)
    first_group = shared.parameters.read
    for column in range(step["n_columns"]):
        last_column = column == step["n_columns"] - 1
        channels = step["last_steps"] * architecture.output_lanes if last_column else architecture.columns
        while not shared.parameters.available:
            yield Blocked(step, "n_columns", f"column group {column} has no parameters")
        bias, multiplier = _unpack_parameters(step, shared.parameters.take(1)[0], channels)
        for y0, n_rows in blocks(step):
            while not shared.finished:
                yield Blocked(step, "n_columns", "no finished tile to take")
            bank = _take_tile(shared, step, n_rows * step["n_x"])
            sums = (bank.sums[:, :channels] + bias).reshape(n_rows, step["n_x"], channels)
            box = (column * architecture.columns, channels, y0, n_rows)
            _drain_tile(shared, step, places, box, sums, multiplier, padding if last_column else 0)
            yield None
        if not step["keep"]:
            shared.parameters.free()
            yield None
    if step["keep"]:
        shared.parameters.rewind(first_group)
