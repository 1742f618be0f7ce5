"""POOL instructions of a max pool, and COMPUTE with DRAIN of a global average pool."""

from collections.abc import Iterator
from dataclasses import dataclass

from tcugen.isa import Opcode, Unit
from tcugen.mapping.stripes import input_rows
from tcugen.mapping.tasks import AverageTask, PoolTask
from tcugen.mapping.tiling import Strip, split, x_tiles
from tcugen.program import Observation
from tcugen.schedule.emit import Emitter, Place, address
from tcugen.schedule.tracker import later

_TAIL_PIECES = 4
"""Row pieces of the last channel group, so that little is left to do when its producer ends."""


@dataclass(frozen=True)
class PoolPiece:
    """Channel planes and output rows of one POOL instruction."""

    planes: tuple[int, int]
    rows: tuple[int, int]


def tail_pieces(planes: tuple[int, int], rows: tuple[int, int]) -> list[PoolPiece]:
    """Pieces behind a producer that finishes one channel group after the other."""
    first, last = planes
    pieces = [PoolPiece((first, last - 2), rows)] if last - first > 2 else []
    if last - first > 1:
        pieces.append(PoolPiece((last - 2, last - 1), rows))
    tail = split(rows[1] - rows[0], _TAIL_PIECES)
    return pieces + [PoolPiece((last - 1, last), (rows[0] + a, rows[0] + b)) for a, b in tail]


def emit_pool(emitter: Emitter, task: PoolTask, piece: PoolPiece, source: Place, target: Place) -> None:
    """One POOL instruction."""
    layout, out_layout = emitter.layouts[task.input], emitter.layouts[task.output]
    iy0, ix0 = piece.rows[0] * task.stride[0] - task.padding[0], -task.padding[1]
    read = source.region(piece.planes, input_rows(task, *piece.rows))
    written = target.region(piece.planes, piece.rows)
    tracker = emitter.tracker
    emitter.append(
        Opcode.POOL,
        later(tracker.before_read(read), tracker.before_write(Unit.POOL, written)),
        {
            "base": address(source.at(piece.planes[0], iy0) + ix0 * layout.pixel_bytes),
            "group_step": source.plane_step,
            "row_step": layout.row_bytes,
            "out_base": target.at(piece.planes[0], piece.rows[0]),
            "out_group_step": target.plane_step,
            "out_row_step": out_layout.row_bytes,
            "n_groups": piece.planes[1] - piece.planes[0],
            "n_y": piece.rows[1] - piece.rows[0],
            "n_x": out_layout.width,
            "n_ky": task.kernel[0],
            "n_kx": task.kernel[1],
            "stride_y": task.stride[0],
            "stride_x": task.stride[1],
            "iy0": iy0,
            "ix0": ix0,
            "height": layout.height,
            "width": layout.width,
        },
        Observation(0, task.output, piece.planes[0] * layout.word, piece.rows[0]),
    )
    count = emitter.count(Unit.POOL)
    tracker.note_read(Unit.POOL, count, read)
    tracker.note_write(Unit.POOL, count, written)


@dataclass(frozen=True)
class AverageJob:
    """Input planes of one COMPUTE of an average pool: `pixels` column groups' worth of `words` planes each."""

    first_plane: int
    pixels: int
    words: int
    source: Place
    target: Place

    @property
    def planes(self) -> tuple[int, int]:
        return self.first_plane, self.first_plane + self.pixels * self.words


def average_shapes(planes: tuple[int, int], strip: Strip, depth: int) -> Iterator[tuple[int, int, int]]:
    """(first plane, pixels, words) of the COMPUTEs that cover a range of planes.

    Every pixel takes `strip.n_groups` planes; planes left over make one more pixel of fewer words.
    """
    first, last = planes
    pixels, rest = divmod(last - first, strip.n_groups)
    if pixels:
        for a, b in x_tiles(pixels, depth):
            yield first + a * strip.n_groups, b - a, strip.n_groups
    if rest:
        yield last - rest, 1, rest


def emit_average(emitter: Emitter, task: AverageTask, strip: Strip, job: AverageJob, offset: int) -> None:
    """WEIGHT, COMPUTE and DRAIN of one job; the pixels of COMPUTE are channel planes, the kernel is the whole input."""
    layout, architecture, tracker = emitter.layouts[task.input], emitter.architecture, emitter.tracker
    tile_loop = {"n_columns": strip.n_columns, "n_y": 1, "block_rows": 1, "n_x": job.pixels}
    n_tiles = job.words * strip.n_ky * strip.n_kx
    emitter.append(
        Opcode.WEIGHT, (0,) * len(Unit), {"offset": offset, "n_columns": strip.n_columns, "n_tiles": n_tiles}
    )
    read = job.source.region(job.planes, (0, layout.height))
    x_step = job.words * job.source.plane_step
    emitter.append(
        Opcode.COMPUTE,
        tracker.before_read(read),
        {
            "base": job.source.at(job.first_plane, 0),
            "group_step": job.source.plane_step,
            "ky_step": layout.row_bytes,
            "kx_step": layout.pixel_bytes,
            "x_step": x_step,
            "row_bytes": job.pixels * x_step,
            "height": layout.height,
            "stride_y": 1,
            **tile_loop,
            "n_groups": job.words,
            "n_ky": strip.n_ky,
            "n_kx": strip.n_kx,
            "finish": 1,
        },
    )
    tracker.note_read(Unit.COMPUTE, emitter.count(Unit.COMPUTE, strip.n_columns), read)
    written = job.target.region(job.planes, (0, 1))
    channels = min(architecture.columns, job.words * architecture.rows)
    emitter.append(
        Opcode.DRAIN,
        tracker.before_write(Unit.DRAIN, written),
        {
            "out_base": job.target.at(job.first_plane, 0),
            "out_plane_step": job.target.plane_step,
            "out_x_step": job.words * job.target.plane_step,
            **tile_loop,
            "last_steps": channels // architecture.output_lanes,
        },
        Observation(0, task.output, job.first_plane * layout.word, x_channels=job.words * layout.word),
    )
    tracker.note_write(Unit.DRAIN, emitter.count(Unit.DRAIN, strip.n_columns), written)
