"""POOL with the field `depthwise`: a convolution of each channel with a kernel of its own, of three columns.

n_x counts the input columns that are walked, so a row has (n_x - 3) / step_x + 1 outputs. For channel group g the tap
in kernel row ky of input column c and output row y is the word of R bytes at

    base + g * group_step + (y * stride_y + ky) * row_step + c * R   (modulo 2**24)

if input row iy0 + y * stride_y + ky is in 0 .. height - 1 and input column ix0 + c in 0 .. width - 1; the bytes of
others are `pad`. Output o of the row is, for every channel,

    acc = bias + sum over ky and kx = 0 .. 2 of tap(ky, o * step_x + kx) * weight[ky][kx]
    clamp(rint(float32(acc) * M) + zero_point, clamp_low, clamp_high)

and goes to out_base + g * out_group_step + y * out_row_step + o * R. The group's weights are the words from
weights + g * (3 * n_ky + 8) * R on, one byte per channel, weight[ky][kx] in word 3 * ky + kx; after them come the int32
bias and the float32 M of each channel. The reads of an output row precede its writes.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tcugen.arch import DEPTHWISE_COLUMNS, DEPTHWISE_ROWS, PARAMETER_BYTES
from tcugen.emulator.arithmetic import multiplier_is_supported, requantise
from tcugen.emulator.memory import ADDRESS_MASK
from tcugen.emulator.ordering import Work
from tcugen.emulator.shared import Shared
from tcugen.emulator.step import Step
from tcugen.isa import Unit


def _check(shared: Shared, step: Step) -> None:
    if not shared.architecture.depthwise:
        raise step.error("depthwise", "is set, but the architecture has no depthwise")
    step.require_positive("n_groups", "n_y", "n_x", "n_ky", "n_kx", "step_x", "stride_x")
    if step["n_ky"] > DEPTHWISE_ROWS:
        raise step.error("n_ky", f"is {step['n_ky']}, but a depthwise kernel has at most {DEPTHWISE_ROWS} rows")
    for field in ("n_kx", "stride_x"):
        if step[field] != 1:
            raise step.error(field, f"is {step[field]}, but with depthwise it must be 1")
    walked = step["n_x"] - DEPTHWISE_COLUMNS
    if walked < 0 or walked % step["step_x"]:
        raise step.error("n_x", f"is {step['n_x']}, but it must be 3 more than a multiple of step_x {step['step_x']}")
    if step["weights"] % shared.architecture.rows:
        raise step.error("weights", f"is {step['weights']}, but it must be a multiple of {shared.architecture.rows}")


def _block(
    shared: Shared, step: Step, work: Work, group: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32]]:
    """Weights [n_ky, 3, R], bias [R], bits of the multipliers [R] of a channel group."""
    rows, n_ky = shared.architecture.rows, step["n_ky"]
    size = shared.architecture.depthwise_block_bytes(n_ky)
    addresses = step["weights"] + group * size + np.arange(size) & ADDRESS_MASK
    block = shared.activation.read(work, "weights", addresses)
    parameters = block[-PARAMETER_BYTES * rows :].view("<u4").reshape(rows, 2)
    weights = block[: -PARAMETER_BYTES * rows].view(np.int8).astype(np.int64)
    multiplier = np.ascontiguousarray(parameters[:, 1])
    if not (supported := multiplier_is_supported(multiplier)).all():
        lane = int(np.flatnonzero(~supported)[0])
        value = multiplier.view(np.float32)[lane]
        raise step.error("multiplier", f"of channel {lane} of group {group} is {value}, but it must be 0 or in "
                         "[2**-40, 2**8)")  # fmt: skip
    bias = np.ascontiguousarray(parameters[:, 0]).view(np.int32).astype(np.int64)
    return weights.reshape(n_ky, DEPTHWISE_COLUMNS, rows), bias, multiplier


def _row_taps(shared: Shared, step: Step, work: Work, group: int, y: int) -> NDArray[np.int64]:
    """The taps of an output row, [n_ky, n_x, R]."""
    rows = shared.architecture.rows
    taps = np.full((step["n_ky"], step["n_x"], rows), step["pad"], np.int64)
    columns = np.arange(step["n_x"])
    inside = columns[(step["ix0"] + columns >= 0) & (step["ix0"] + columns < step["width"])]
    words = inside[:, None] * rows + np.arange(rows)
    for ky in range(step["n_ky"]):
        row = y * step["stride_y"] + ky
        if 0 <= step["iy0"] + row < step["height"]:
            first = step["base"] + group * step["group_step"] + row * step["row_step"]
            read = shared.activation.read(work, "base", first + words & ADDRESS_MASK)
            taps[ky, inside] = read.view(np.int8)
    return taps


def depthwise(shared: Shared, step: Step) -> Iterator[None]:
    """Execute one POOL with `depthwise`: one count."""
    _check(shared, step)
    rows, step_x = shared.architecture.rows, step["step_x"]
    outputs = (step["n_x"] - DEPTHWISE_COLUMNS) // step_x + 1
    work = shared.clocks.work(Unit.POOL, step)
    pixels = np.arange(outputs)[:, None] * rows + np.arange(rows)
    for group in range(step["n_groups"]):
        weights, bias, multiplier = _block(shared, step, work, group)
        for y in range(step["n_y"]):
            taps = _row_taps(shared, step, work, group, y)
            sums = np.broadcast_to(bias, (outputs, rows)).copy()
            for kx in range(DEPTHWISE_COLUMNS):
                seen = taps[:, kx : kx + (outputs - 1) * step_x + 1 : step_x]
                sums += (seen * weights[:, kx, None]).sum(axis=0)
            if (wide := sums[(sums < -(1 << 31)) | (sums >= 1 << 31)]).size:
                raise step.error("weights", f"sum plus folded bias of group {group} is {wide[0]}, beyond 32 bits")
            result = requantise(sums, multiplier, step["zero_point"], step["clamp_low"], step["clamp_high"])
            values = result.astype(np.int8)
            out = step["out_base"] + group * step["out_group_step"] + y * step["out_row_step"] + pixels
            shared.activation.write(work, "out_base", out & ADDRESS_MASK, values.view(np.uint8))
            shared.observer.write(step, group * rows, y, values[None])
    shared.clocks.complete(work)
    yield None
