"""DRAIN of what the array makes of one task, and what is known about its tiles afterwards."""

from dataclasses import dataclass

from tcugen.isa import Opcode, Unit
from tcugen.mapping.phases import Phase
from tcugen.mapping.tasks import ConvTask, GatherTask
from tcugen.mapping.tiling import Range, Rectangle
from tcugen.program import Observation
from tcugen.schedule.emit import Emitter, SramView
from tcugen.schedule.tracker import Region, join


@dataclass(frozen=True)
class Cut:
    """A rectangle of output pixels for a range of column groups."""

    columns: Range
    rectangle: Rectangle


@dataclass(frozen=True)
class Target(Cut):
    """A cut whose results have their place; `residual` is None without an add."""

    target: SramView
    residual: SramView | None


class Results:
    """Emits the DRAINs of one task and keeps the tracker up to date.

    Args:
        emitter: Receives the instructions.
        task: What the array computes.
        phase: Which pixels of the tensor those of the task are; all of them if None.
    """

    def __init__(self, emitter: Emitter, task: ConvTask | GatherTask, phase: Phase | None = None):
        self.emitter, self.task = emitter, task
        whole = task.output_shape
        self.phase = phase or Phase((0, 0), (1, 1), (whole.height, whole.width), (1, 1), (0, 0))
        self.architecture, self.out_layout = emitter.architecture, emitter.layouts[task.output]
        self._table_to_load = task.table  # until the first DRAIN has taken it

    def _channels(self, item: Target) -> tuple[int, int]:
        """Output channels that the item writes, whole lane steps."""
        lanes, columns = self.architecture.output_lanes, self.architecture.columns
        channels = self.task.output_shape.channels
        return item.columns[0] * columns, min(item.columns[1] * columns, -(-channels // lanes) * lanes)

    def _pad_bytes(self, end_channel: int) -> int:
        """Bytes of a pixel beyond its last channel, if that is the one before `end_channel`."""
        if end_channel < self.task.output_shape.channels:
            return 0
        return self.out_layout.pixel_bytes - ((end_channel - 1) % self.out_layout.word + 1)

    def _written(self, item: Target, channels: tuple[int, int], block: tuple[int, int]) -> list[Region]:
        """What the rows of a block write, or more: a phase's rows whole, and those between them."""
        word, layout = self.architecture.rows, self.out_layout
        rows = self.phase.place(block[0], 0)[0], self.phase.place(block[1] - 1, 0)[0] + 1
        region = item.target.region((channels[0] // word, -(-channels[1] // word)), rows)
        if not layout.int32:
            return [region]
        return [Region(region.start + k * layout.byte_step, region.count, region.step, region.length) for k in range(4)]

    def drain(self, item: Target, keep: bool) -> int:
        """Emit DRAIN; returns the count of its first tile minus one."""
        task, rectangle, layout, columns = self.task, item.rectangle, self.out_layout, self.architecture.columns
        rows = (rectangle.y0, rectangle.y1)
        (y0, x0), (step_y, step_x) = self.phase.place(rectangle.y0, rectangle.x0), self.phase.step
        first_channel, end_channel = self._channels(item)
        first_plane, word, lanes = first_channel // layout.word, layout.word, self.architecture.output_lanes
        tracker = self.emitter.tracker
        waits = (0,) * len(Unit)
        for region in self._written(item, (first_channel, end_channel), rows):
            waits = join(waits, tracker.before_write(Unit.DRAIN, region))
        last_column = (item.columns[1] - 1) * columns
        fields = {
            "out_base": item.target.at(first_plane, y0) + x0 * layout.pixel_bytes,
            "out_plane_step": item.target.plane_step,
            "out_y_step": step_y * layout.row_bytes,
            "out_x_step": step_x * layout.pixel_bytes,
            "byte_step": layout.byte_step if layout.int32 else 0,
            "n_columns": item.columns[1] - item.columns[0],
            "n_y": rectangle.y1 - rectangle.y0,
            "block_rows": rectangle.block_rows,
            "n_x": rectangle.n_x,
            "channel0": first_channel % word,
            "last_steps": -(-(min(end_channel, last_column + columns) - last_column) // lanes),
            "pad_steps": self._pad_bytes(end_channel) // lanes,
            "int32": int(layout.int32),
            "keep": int(keep),
        }
        if task.table:
            fields |= {"table": 1, "load_table": int(self._table_to_load)}
            self._table_to_load = False
        residual_region = None
        if item.residual is not None:
            single = task.per_channel
            read_rows, read_x = ((0, 1), 0) if single else (rows, rectangle.x0)
            residual_region = item.residual.region((first_plane, -(-end_channel // word)), read_rows)
            waits = join(waits, tracker.before_read(residual_region))
            fields |= {
                "residual_base": item.residual.at(first_plane, read_rows[0]) + read_x * layout.pixel_bytes,
                "residual_plane_step": item.residual.plane_step,
                "residual": 1,
                "multiply": int(task.multiply),
                "per_channel": int(single),
            }
            if task.unrounded:
                fields["unrounded"] = 1
        self.emitter.append(
            Opcode.DRAIN,
            waits,
            fields,
            Observation(0, task.output, first_channel, y0, x0, y_step=step_y, x_step=step_x),
        )
        before = self.emitter.counts[Unit.DRAIN]
        count = self.emitter.count(Unit.DRAIN, (item.columns[1] - item.columns[0]) * rectangle.n_blocks)
        if residual_region is not None:
            tracker.note_read(Unit.DRAIN, count, residual_region)
        return before

    def note_tiles(self, item: Target, before: int) -> None:
        """Give every output tile its own count, so that readers wait for no more than they need."""
        columns, end_channel = self.architecture.columns, self._channels(item)[1]
        blocks, count = item.rectangle.blocks(), before
        for column in range(*item.columns):
            channels = (column * columns, min((column + 1) * columns, end_channel))
            for block in blocks:
                count += 1
                for region in self._written(item, channels, block):
                    self.emitter.tracker.note_write(Unit.DRAIN, count, region)
