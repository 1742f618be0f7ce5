"""COMPUTE, DRAIN and WEIGHT of one convolution."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tcugen.compiler.bands import input_rows
from tcugen.compiler.emit import Emitter, Place, address
from tcugen.compiler.lower import Task
from tcugen.compiler.pieces import ranges_by_need
from tcugen.compiler.tile import Rect, Strip, split
from tcugen.compiler.tracker import Region, later
from tcugen.isa import Opcode, Unit
from tcugen.program import Observation


@dataclass(frozen=True)
class Job:
    """A rectangle of output pixels for a range of column groups, and the operands' places."""

    columns: tuple[int, int]
    rect: Rect
    source: Place
    target: Place
    residual: Place | None


class Convolution:
    """Emits the jobs of one task.

    Args:
        emitter: Receives the instructions.
        task, strip: What to compute.
        column_bytes: Bytes of one column group in the weight stream.
        blocks: Offset in window WEIGHTS by column range, for every range that `weight` is called with.
    """

    def __init__(self, emitter: Emitter, task: Task, strip: Strip, blocks: dict[tuple[int, int], int]):
        self.emitter, self.task, self.strip, self.blocks = emitter, task, strip, blocks
        self.architecture = emitter.architecture
        self.in_layout, self.out_layout = emitter.layouts[task.input], emitter.layouts[task.output]

    def fits_rings(self, columns: tuple[int, int]) -> bool:
        """All tiles and parameters of these column groups can stay in the rings, for one COMPUTE after the other."""
        count = columns[1] - columns[0]
        if self.strip.column_words is None and count > 1:
            return False
        return (
            count * self.strip.n_tiles <= self.architecture.weight_tiles and count <= self.architecture.parameter_groups
        )

    def order(self, jobs: list[Job]) -> Iterator[tuple[Job, bool, bool]]:
        """Jobs in order with two facts: its weights must be streamed; the next job uses the same ones again."""
        for index, job in enumerate(jobs):
            first = index == 0 or jobs[index - 1].columns != job.columns
            last = index + 1 == len(jobs) or jobs[index + 1].columns != job.columns
            fits = self.fits_rings(job.columns)
            yield job, first or not fits, fits and not last

    def emit(self, job: Job, stream: bool, keep: bool) -> None:
        """Emit one job.

        Args:
            job: What to compute.
            stream: Emit its WEIGHT first.
            keep: Its weights stay in the rings for the next job.
        """
        parts = (job.rect,)
        if stream and not keep and self.strip.n_tiles > self.architecture.weight_tiles:
            parts = job.rect.by_block()
        for rect in parts:
            if stream:
                self._weight(job.columns)
            self._job(replace(job, rect=rect), keep)

    def _weight(self, columns: tuple[int, int]) -> None:
        self.emitter.append(
            Opcode.WEIGHT,
            (0,) * len(Unit),
            {"offset": self.blocks[columns], "n_columns": columns[1] - columns[0], "n_tiles": self.strip.n_tiles},
        )

    def _job(self, job: Job, keep: bool) -> None:
        rect, (first, last) = job.rect, job.columns
        whole = (0, self.strip.n_groups)
        computes: list[tuple[tuple[int, int], tuple[int, int], tuple[int, int], bool]] = []
        if self.strip.column_words is None and not keep:
            computes = [((j, j + 1), (rect.y0, rect.y1), whole, False) for j in range(first, last)]
        elif keep:
            computes = [(job.columns, (rect.y0, rect.y1), whole, True)]
        else:
            head, rest = self._first_column(job)
            computes = head + ([((rest, last), (rect.y0, rect.y1), whole, False)] if rest < last else [])
        for index, (columns, rows, groups, kept) in enumerate(computes):
            self._compute(job, columns, rows, groups, kept)
            if index == 0:
                drain = self._drain(job, keep)
        self._note_tiles(job, drain)

    def _first_column(self, job: Job) -> tuple[list, int]:
        """COMPUTE pieces that start as early as they can, and the column group that the rest starts with."""
        rect, (first, last) = job.rect, job.columns
        rows, whole, counts = (rect.y0, rect.y1), (0, self.strip.n_groups), self.emitter.counts
        if self.strip.column_words:
            needs = [self._need(job, (j, j + 1), rows, whole) for j in range(first, last)]
            cuts = ranges_by_need(needs, counts)
            return [((first + a, first + b), rows, whole, False) for a, b in cuts], last
        column = (first, first + 1)
        if rect.n_blocks > 1:
            blocks = rect.blocks()
            cuts = ranges_by_need([self._need(job, column, block, whole) for block in blocks], counts)
            if len(cuts) > 1:
                spans = [(blocks[a][0], blocks[b - 1][1]) for a, b in cuts]
                return [(column, span, whole, span[1] < rect.y1) for span in spans], first + 1
        elif self.strip.n_groups > 1:
            groups = [(g, g + 1) for g in range(self.strip.n_groups)]
            cuts = ranges_by_need([self._need(job, column, rows, group) for group in groups], counts)
            if len(cuts) > 1:
                return [(column, rows, cut, False) for cut in cuts], first + 1
        return [], first

    def _read_region(
        self, job: Job, columns: tuple[int, int], rows: tuple[int, int], groups: tuple[int, int]
    ) -> Region:
        words = self.strip.first_words[columns[0] : columns[1]]
        planes = (int(words.min()) + groups[0], int(words.max()) + groups[1])
        return job.source.region(planes, input_rows(self.task, *rows))

    def _need(self, job: Job, columns, rows, groups) -> tuple[int, ...]:
        return self.emitter.tracker.before_read(self._read_region(job, columns, rows, groups))

    def _compute(
        self, job: Job, columns: tuple[int, int], rows: tuple[int, int], groups: tuple[int, int], keep: bool
    ) -> None:
        task, strip, rect, layout = self.task, self.strip, job.rect, self.in_layout
        waits = self._need(job, columns, rows, groups)
        iy0 = rows[0] * task.stride[0] - task.padding[0]
        x_step = task.stride[1] * layout.pixel_bytes
        plane = int(strip.first_words[columns[0]]) + groups[0]
        n_columns, n_blocks = columns[1] - columns[0], -(-(rows[1] - rows[0]) // rect.block_rows)
        self.emitter.append(
            Opcode.COMPUTE,
            waits,
            {
                "base": address(job.source.at(plane, iy0)),
                "column_step": (strip.column_words or 0) * job.source.plane_step,
                "group_step": job.source.plane_step,
                "ky_step": layout.row_bytes,
                "y_step": task.stride[0] * layout.row_bytes,
                "kx_step": layout.word,
                "x_step": x_step,
                "offset0": rect.x0 * x_step - task.padding[1] * layout.pixel_bytes,
                "row_bytes": layout.width * layout.pixel_bytes,
                "iy0": iy0,
                "height": layout.height,
                "stride_y": task.stride[0],
                "n_columns": n_columns,
                "n_y": rows[1] - rows[0],
                "block_rows": min(rect.block_rows, rows[1] - rows[0]),
                "n_x": rect.n_x,
                "n_groups": groups[1] - groups[0],
                "n_ky": strip.n_ky,
                "n_kx": strip.n_kx,
                "pad": task.pad,
                "accumulate": int(groups[0] > 0),
                "finish": int(groups[1] == strip.n_groups),
                "keep": int(keep),
            },
        )
        count = self.emitter.count(Unit.COMPUTE, n_columns * n_blocks)
        self.emitter.tracker.note_read(Unit.COMPUTE, count, self._read_region(job, columns, rows, groups))

    def _channels(self, job: Job) -> tuple[int, int]:
        """Output channels that the job writes, whole lane steps."""
        lanes, columns = self.architecture.output_lanes, self.architecture.columns
        channels = self.task.output_shape.channels
        return job.columns[0] * columns, min(job.columns[1] * columns, -(-channels // lanes) * lanes)

    def _pad_bytes(self, end_channel: int) -> int:
        """Bytes of a pixel behind its last channel, if that is the one before `end_channel`."""
        if end_channel < self.task.output_shape.channels:
            return 0
        return self.out_layout.pixel_bytes - ((end_channel - 1) % self.out_layout.word + 1)

    def _written(self, job: Job, channels: tuple[int, int], rows: tuple[int, int]) -> list[Region]:
        word, layout = self.architecture.rows, self.out_layout
        region = job.target.region((channels[0] // word, -(-channels[1] // word)), rows)
        if not layout.int32:
            return [region]
        return [Region(region.start + k * layout.byte_step, region.count, region.step, region.length) for k in range(4)]

    def _drain(self, job: Job, keep: bool) -> int:
        """Emit DRAIN; returns the count of its first tile minus one."""
        task, rect, layout, columns = self.task, job.rect, self.out_layout, self.architecture.columns
        rows = (rect.y0, rect.y1)
        first_channel, end_channel = self._channels(job)
        first_plane, word, lanes = first_channel // layout.word, layout.word, self.architecture.output_lanes
        tracker = self.emitter.tracker
        waits = (0,) * len(Unit)
        for region in self._written(job, (first_channel, end_channel), rows):
            waits = later(waits, tracker.before_write(Unit.DRAIN, region))
        last_column = (job.columns[1] - 1) * columns
        fields = {
            "out_base": job.target.at(first_plane, rect.y0) + rect.x0 * layout.pixel_bytes,
            "out_plane_step": job.target.plane_step,
            "out_y_step": layout.row_bytes,
            "out_x_step": layout.pixel_bytes,
            "byte_step": layout.byte_step if layout.int32 else 0,
            "n_columns": job.columns[1] - job.columns[0],
            "n_y": rect.y1 - rect.y0,
            "block_rows": rect.block_rows,
            "n_x": rect.n_x,
            "channel0": first_channel % word,
            "last_steps": -(-(min(end_channel, last_column + columns) - last_column) // lanes),
            "pad_steps": self._pad_bytes(end_channel) // lanes,
            "zero_point": task.zero_point,
            "clamp_low": task.clamp[0],
            "clamp_high": task.clamp[1],
            "int32": int(layout.int32),
            "keep": int(keep),
        }
        residual_region = None
        if task.add is not None:
            residual_region = job.residual.region((first_plane, -(-end_channel // word)), rows)
            waits = later(waits, tracker.before_read(residual_region))
            fields |= {
                "residual_base": job.residual.at(first_plane, rect.y0) + rect.x0 * layout.pixel_bytes,
                "residual_plane_step": job.residual.plane_step,
                "add_multiplier": task.add.multiplier,
                "residual_multiplier": task.add.residual_multiplier,
                "add_shift": task.add.shift,
                "residual_zero_point": task.add.residual_zero_point,
                "add_zero_point": task.add.zero_point,
                "add_clamp_low": task.add.clamp[0],
                "add_clamp_high": task.add.clamp[1],
                "residual": 1,
            }
        self.emitter.append(Opcode.DRAIN, waits, fields, Observation(0, task.output, first_channel, rect.y0, rect.x0))
        before = self.emitter.counts[Unit.DRAIN]
        count = self.emitter.count(Unit.DRAIN, (job.columns[1] - job.columns[0]) * rect.n_blocks)
        if residual_region is not None:
            tracker.note_read(Unit.DRAIN, count, residual_region)
        return before

    def _note_tiles(self, job: Job, before: int) -> None:
        """Give every output tile its own count, so that readers wait for no more than they need."""
        columns, end_channel = self.architecture.columns, self._channels(job)[1]
        blocks, count = job.rect.blocks(), before
        for column in range(*job.columns):
            channels = (column * columns, min((column + 1) * columns, end_channel))
            for block in blocks:
                count += 1
                for region in self._written(job, channels, block):
                    self.emitter.tracker.note_write(Unit.DRAIN, count, region)


def column_ranges(strip: Strip, columns: tuple[int, int], weight_tiles: int, parameter_groups: int) -> list:
    """Ranges of column groups that stay in the rings together, for a task of several rectangles."""
    count = columns[1] - columns[0]
    together = max(1, min(count, weight_tiles // strip.n_tiles, parameter_groups))
    return [(columns[0] + a, columns[0] + b) for a, b in split(count, -(-count // together))]
