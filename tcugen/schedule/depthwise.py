"""POOL instructions of a depthwise convolution."""

from tcugen.isa import Opcode, Unit
from tcugen.mapping.depthwise import DepthwiseTask
from tcugen.mapping.stripes import input_rows
from tcugen.mapping.tiling import split
from tcugen.program import Observation
from tcugen.schedule.emit import Emitter, SramView, address
from tcugen.schedule.pooling import PoolItem
from tcugen.schedule.tracker import Region, join

_PIECES = 4
"""Row pieces of the first channel group, which start while its producer makes it, and of the last, of which little is
left to do when its producer ends."""


def group_items(planes: tuple[int, int], rows: tuple[int, int]) -> list[PoolItem]:
    """Work items after a producer that finishes one channel group after the other: each as soon as it can be."""
    first, last = planes
    items: list[PoolItem] = []
    for plane in range(first, last):
        pieces = split(rows[1] - rows[0], _PIECES if plane in (first, last - 1) else 1)
        items += [PoolItem((plane, plane + 1), (rows[0] + a, rows[0] + b)) for a, b in pieces]
    return items


def emit_depthwise(
    emitter: Emitter, task: DepthwiseTask, piece: PoolItem, source: SramView, target: SramView, weights: int
) -> None:
    """One POOL instruction of a depthwise convolution whose weights are at address `weights`."""
    layout, out_layout = emitter.layouts[task.input], emitter.layouts[task.output]
    first, groups = piece.planes[0], piece.planes[1] - piece.planes[0]
    block = emitter.architecture.depthwise_block_bytes(task.kernel[0])
    iy0, ix0 = piece.rows[0] * task.stride[0] - task.padding[0], -task.padding[1]
    read = source.region(piece.planes, input_rows(task, *piece.rows))
    read_weights = Region(weights + first * block, 1, 0, groups * block)
    written = target.region(piece.planes, piece.rows)
    tracker = emitter.tracker
    waits = join(tracker.before_read(read), tracker.before_read(read_weights))
    emitter.append(
        Opcode.POOL,
        join(waits, tracker.before_write(Unit.POOL, written)),
        {
            "base": address(source.at(first, iy0) + ix0 * layout.pixel_bytes),
            "weights": weights + first * block,
            "group_step": source.plane_step,
            "row_step": layout.row_bytes,
            "out_base": target.at(first, piece.rows[0]),
            "out_group_step": target.plane_step,
            "out_row_step": out_layout.row_bytes,
            "n_groups": groups,
            "n_y": piece.rows[1] - piece.rows[0],
            "n_x": task.input_columns,
            "n_ky": task.kernel[0],
            "n_kx": 1,
            "stride_y": task.stride[0],
            "stride_x": 1,
            "step_x": task.stride[1],
            "iy0": iy0,
            "ix0": ix0,
            "height": layout.height,
            "width": layout.width,
            "depthwise": 1,
        },
        Observation(0, task.output, first * layout.word, piece.rows[0]),
    )
    count = emitter.count(Unit.POOL)
    tracker.note_read(Unit.POOL, count, read)
    tracker.note_read(Unit.POOL, count, read_weights)
    tracker.note_write(Unit.POOL, count, written)
