"""The POOL unit: maximum over a window of int8 words, channel groups outermost.

Tap (ky, kx) of output (y, x) reads the R bytes at

    base + g * group_step + (y * stride_y + ky) * row_step + (x * stride_x + kx) * R   (modulo 2**24)

if input row iy0 + y * stride_y + ky is in 0 .. height - 1 and input column ix0 + x * stride_x + kx in 0 .. width - 1;
other taps are left out. The output word goes to out_base + g * out_group_step + y * out_row_step + x * R. The reads
of an output row precede its writes. With the field `depthwise` it is another loop: see `tcugen.emulator.depthwise`.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tcugen.emulator.depthwise import depthwise
from tcugen.emulator.memory import ADDRESS_MASK
from tcugen.emulator.shared import Shared
from tcugen.emulator.step import Step
from tcugen.isa import Unit


def _axis(step: Step, axis: str, first: str, extent: str) -> tuple[NDArray[np.int64], NDArray[np.bool]]:
    """Input position relative to the first tap, and whether it is inside: both [outputs, taps] of one axis."""
    taps = np.arange(step[f"n_{axis}"])[:, None] * step[f"stride_{axis}"] + np.arange(step[f"n_k{axis}"])
    position = step[first] + taps
    inside = (position >= 0) & (position < step[extent])
    if not (has_tap := inside.any(axis=1)).all():
        output = int(np.flatnonzero(~has_tap)[0])
        raise step.error(first, f"output {axis} = {output} has no tap inside 0 .. {step[extent] - 1}")
    return taps, inside


def pool(shared: Shared, step: Step) -> Iterator[None]:
    """Execute one POOL: one count."""
    if step["depthwise"]:
        yield from depthwise(shared, step)
        return
    step.require_positive("n_groups", "n_y", "n_x", "n_ky", "n_kx")
    rows = shared.architecture.rows
    work = shared.clocks.work(Unit.POOL, step)
    tap_rows, row_inside = _axis(step, "y", "iy0", "height")
    tap_columns, column_inside = _axis(step, "x", "ix0", "width")
    pixels, lanes = np.arange(step["n_x"])[:, None], np.arange(rows)
    for group in range(step["n_groups"]):
        for y in range(step["n_y"]):
            result = np.full((step["n_x"], rows), -128, np.int8)
            row_bases = step["base"] + group * step["group_step"] + tap_rows[y][row_inside[y]] * step["row_step"]
            for kx in range(step["n_kx"]):
                inside = column_inside[:, kx]
                words = tap_columns[inside, kx, None] * rows + lanes
                taps = shared.activation.read(work, "base", row_bases[:, None, None] + words & ADDRESS_MASK)
                result[inside] = np.maximum(result[inside], taps.view(np.int8).max(axis=0, initial=-128))
            out = step["out_base"] + group * step["out_group_step"] + y * step["out_row_step"] + pixels * rows + lanes
            shared.activation.write(work, "out_base", out & ADDRESS_MASK, result.view(np.uint8))
            shared.observer.write(step, group * rows, y, result[None])
    shared.clocks.complete(work)
    yield None
