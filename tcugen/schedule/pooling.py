"""POOL instructions of a max pool, and COMPUTE with DRAIN of a global average pool."""

from collections.abc import Iterator
from dataclasses import dataclass

from tcugen.isa import Opcode, Unit
from tcugen.mapping.stripes import input_rows
from tcugen.mapping.tasks import AverageTask, PoolTask
from tcugen.mapping.tiling import Range, WeightPanel, split, x_tiles
from tcugen.program import Observation
from tcugen.schedule.emit import Emitter, SramView, address
from tcugen.schedule.pool_walks import Walk, walks
from tcugen.schedule.tracker import join

_TAIL_PIECES = 4
"""Row pieces of the last channel group, so that little is left to do when its producer ends."""


@dataclass(frozen=True)
class PoolItem:
    """Channel planes and output rows of one POOL instruction."""

    planes: tuple[int, int]
    rows: tuple[int, int]


def tail_items(planes: tuple[int, int], rows: tuple[int, int]) -> list[PoolItem]:
    """Work items after a producer that finishes one channel group after the other."""
    first, last = planes
    pieces = [PoolItem((first, last - 2), rows)] if last - first > 2 else []
    if last - first > 1:
        pieces.append(PoolItem((last - 2, last - 1), rows))
    tail = split(rows[1] - rows[0], _TAIL_PIECES)
    return pieces + [PoolItem((last - 1, last), (rows[0] + a, rows[0] + b)) for a, b in tail]


def emit_pool(emitter: Emitter, task: PoolTask, piece: PoolItem, source: SramView, target: SramView) -> None:
    """The POOL instructions of a piece: one if no taps are apart."""
    for walk in walks(task, emitter.layouts[task.input], piece.rows):
        _emit_walk(emitter, task, piece.planes, walk, source, target)


def _emit_walk(emitter: Emitter, task: PoolTask, planes: Range, walk: Walk, source: SramView, target: SramView) -> None:
    layout, out_layout = emitter.layouts[task.input], emitter.layouts[task.output]
    rows = walk.y, walk.y + (walk.n_y - 1) * walk.y_step + 1
    read, written = source.region(planes, input_rows(task, *rows)), target.region(planes, rows)
    tracker = emitter.tracker
    emitter.append(
        Opcode.POOL,
        join(tracker.before_read(read), tracker.before_write(Unit.POOL, written)),
        {
            "base": address(source.at(planes[0], walk.row) + walk.column * layout.pixel_bytes),
            "group_step": source.plane_step,
            "row_step": walk.tap_bytes,
            "out_base": target.at(planes[0], walk.y) + walk.x * out_layout.pixel_bytes,
            "out_group_step": target.plane_step,
            "out_row_step": walk.y_step * out_layout.row_bytes,
            "n_groups": planes[1] - planes[0],
            "n_y": walk.n_y,
            "n_x": walk.n_x,
            "n_ky": walk.kernel[0],
            "n_kx": walk.kernel[1],
            "stride_y": walk.stride[0],
            "stride_x": walk.stride[1],
            "iy0": walk.place[0],
            "ix0": walk.place[1],
            "height": walk.size[0],
            "width": walk.size[1],
        },
        Observation(0, task.output, planes[0] * layout.word, walk.y, walk.x, y_step=walk.y_step),
    )
    count = emitter.count(Unit.POOL)
    tracker.note_read(Unit.POOL, count, read)
    tracker.note_write(Unit.POOL, count, written)


@dataclass(frozen=True)
class AverageItem:
    """Input planes of one COMPUTE of an average pool: `pixels` column groups' worth of `words` planes each."""

    first_plane: int
    pixels: int
    words: int
    source: SramView
    target: SramView

    @property
    def planes(self) -> tuple[int, int]:
        return self.first_plane, self.first_plane + self.pixels * self.words


def average_shapes(planes: tuple[int, int], panel: WeightPanel, depth: int) -> Iterator[tuple[int, int, int]]:
    """(first plane, pixels, words) of the COMPUTEs that cover a range of planes.

    Every pixel takes `panel.n_groups` planes; planes left over make one more pixel of fewer words.
    """
    first, last = planes
    pixels, rest = divmod(last - first, panel.n_groups)
    if pixels:
        for a, b in x_tiles(pixels, depth):
            yield first + a * panel.n_groups, b - a, panel.n_groups
    if rest:
        yield last - rest, 1, rest


def emit_average(emitter: Emitter, task: AverageTask, panel: WeightPanel, item: AverageItem, offset: int) -> None:
    """WEIGHT, COMPUTE and DRAIN of one item; the pixels of COMPUTE are channel planes, its kernel the whole input."""
    layout, architecture, tracker = emitter.layouts[task.input], emitter.architecture, emitter.tracker
    tile_loop = {"n_columns": panel.n_columns, "n_y": 1, "block_rows": 1, "n_x": item.pixels}
    n_tiles = item.words * panel.n_ky * panel.n_kx
    emitter.append(
        Opcode.WEIGHT, (0,) * len(Unit), {"offset": offset, "n_columns": panel.n_columns, "n_tiles": n_tiles}
    )
    read = item.source.region(item.planes, (0, layout.height))
    x_step = item.words * item.source.plane_step
    emitter.append(
        Opcode.COMPUTE,
        tracker.before_read(read),
        {
            "base": item.source.at(item.first_plane, 0),
            "group_step": item.source.plane_step,
            "ky_step": layout.row_bytes,
            "kx_step": layout.pixel_bytes,
            "x_step": x_step,
            "row_bytes": item.pixels * x_step,
            "height": layout.height,
            "stride_y": 1,
            **tile_loop,
            "n_groups": item.words,
            "n_ky": panel.n_ky,
            "n_kx": panel.n_kx,
            "finish": 1,
        },
    )
    tracker.note_read(Unit.COMPUTE, emitter.count(Unit.COMPUTE, panel.n_columns), read)
    written = item.target.region(item.planes, (0, 1))
    last = item.words * architecture.rows - (panel.n_columns - 1) * architecture.columns
    emitter.append(
        Opcode.DRAIN,
        tracker.before_write(Unit.DRAIN, written),
        {
            "out_base": item.target.at(item.first_plane, 0),
            "out_plane_step": item.target.plane_step,
            "out_x_step": item.words * item.target.plane_step,
            **tile_loop,
            "last_steps": min(architecture.columns, last) // architecture.output_lanes,
        },
        Observation(0, task.output, item.first_plane * layout.word, x_channels=item.words * layout.word),
    )
    tracker.note_write(Unit.DRAIN, emitter.count(Unit.DRAIN, panel.n_columns), written)
