"""COMPUTE, DRAIN and WEIGHT of one convolution."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tcugen.isa import Opcode, Unit
from tcugen.mapping.stripes import input_rows
from tcugen.mapping.tasks import ConvTask
from tcugen.mapping.tiling import Range, Rectangle, WeightPanel, split
from tcugen.program import Observation
from tcugen.schedule.emit import Emitter, SramView, address
from tcugen.schedule.pieces import ranges_by_need
from tcugen.schedule.tracker import Region, join


@dataclass(frozen=True)
class Cut:
    """A rectangle of output pixels for a range of column groups."""

    columns: Range
    rectangle: Rectangle


@dataclass(frozen=True)
class WorkItem(Cut):
    """A cut whose operands have their places; `residual` is None without an add."""

    source: SramView
    target: SramView
    residual: SramView | None


_Piece = tuple[Range, Range, Range, bool, Range]
"""Column groups, output rows and channel blocks of one COMPUTE; whether its weights stay in the ring; kernel rows."""


class Convolution:
    """Emits the items of one task.

    Args:
        emitter: Receives the instructions.
        task, panel: What to compute.
        column_bytes: Bytes of one column group in the weight stream.
        blocks: Offset in window WEIGHTS by column range, for every range that `weight` is called with.
        table: Offset of the table in that window, or None.
    """

    def __init__(
        self,
        emitter: Emitter,
        task: ConvTask,
        panel: WeightPanel,
        blocks: dict[tuple[int, int], int],
        table: int | None = None,
    ):
        # Until the first WEIGHT has brought the table and the first DRAIN taken it.
        self._table_to_stream, self._table_to_load = table, table is not None
        self.emitter, self.task, self.panel, self.blocks = emitter, task, panel, blocks
        self.architecture = emitter.architecture
        self.in_layout, self.out_layout = emitter.layouts[task.input], emitter.layouts[task.output]

    def fits_rings(self, columns: tuple[int, int]) -> bool:
        """All tiles and parameters of these column groups can stay in the rings, for one COMPUTE after the other."""
        count = columns[1] - columns[0]
        if self.task.skips_rows or (self.panel.column_words is None and count > 1):
            return False
        return (
            count * self.panel.n_tiles <= self.architecture.weight_tiles and count <= self.architecture.parameter_groups
        )

    def order(self, cuts: list[Cut]) -> Iterator[tuple[Cut, bool, bool]]:
        """Cuts in order with two facts: its weights must be streamed; the next cut uses the same ones again."""
        for index, cut in enumerate(cuts):
            first = index == 0 or cuts[index - 1].columns != cut.columns
            last = index + 1 == len(cuts) or cuts[index + 1].columns != cut.columns
            fits = self.fits_rings(cut.columns)
            yield cut, first or not fits, fits and not last

    def emit(self, item: WorkItem, stream: bool, keep: bool) -> None:
        """Emit one item.

        Args:
            item: What to compute.
            stream: Emit its WEIGHT first.
            keep: Its weights stay in the rings for the next item.
        """
        parts = (item.rectangle,)
        if self.task.skips_rows or (stream and not keep and self.panel.n_tiles > self.architecture.weight_tiles):
            parts = item.rectangle.by_block()
        for rectangle in parts:
            if stream:
                self._weight(item.columns)
            self._item(replace(item, rectangle=rectangle), keep)

    def _weight(self, columns: tuple[int, int]) -> None:
        if self._table_to_stream is not None:
            groups = self.architecture.table_groups
            fields = {"offset": self._table_to_stream, "n_columns": groups, "n_tiles": 0}
            self.emitter.append(Opcode.WEIGHT, (0,) * len(Unit), fields)
            self._table_to_stream = None
        self.emitter.append(
            Opcode.WEIGHT,
            (0,) * len(Unit),
            {"offset": self.blocks[columns], "n_columns": columns[1] - columns[0], "n_tiles": self.panel.n_tiles},
        )

    def _item(self, item: WorkItem, keep: bool) -> None:
        first, *others = self._pieces(item, keep)
        self._compute(item, *first)
        drain = self._drain(item, keep)
        for piece in others:
            self._compute(item, *piece)
        self._note_tiles(item, drain)

    def _pieces(self, item: WorkItem, keep: bool) -> list[_Piece]:
        """What each COMPUTE of the item does, in order."""
        rectangle, (first, last) = item.rectangle, item.columns
        rows, whole, taps = (rectangle.y0, rectangle.y1), (0, self.panel.n_groups), (0, self.panel.n_ky)
        if self.task.skips_rows:
            # One tile of output after the other, which each kernel row adds to.
            return [((j, j + 1), rows, whole, False, (ky, ky + 1)) for j in range(first, last) for ky in range(taps[1])]
        if keep:
            return [(item.columns, rows, whole, True, taps)]
        if self.panel.column_words is None:
            return [((j, j + 1), rows, whole, False, taps) for j in range(first, last)]
        head, rest = self._first_column(item)
        return head + ([((rest, last), rows, whole, False, taps)] if rest < last else [])

    def _first_column(self, item: WorkItem) -> tuple[list[_Piece], int]:
        """COMPUTE pieces that start as early as they can, and the column group that the rest starts with."""
        rectangle, (first, last) = item.rectangle, item.columns
        rows, whole, counts = (rectangle.y0, rectangle.y1), (0, self.panel.n_groups), self.emitter.counts
        taps = (0, self.panel.n_ky)
        if self.panel.column_words:
            needs = [self._need(item, (j, j + 1), rows, whole) for j in range(first, last)]
            cuts = ranges_by_need(needs, counts)
            return [((first + a, first + b), rows, whole, False, taps) for a, b in cuts], last
        column = (first, first + 1)
        if rectangle.n_blocks > 1:
            blocks = rectangle.blocks()
            cuts = ranges_by_need([self._need(item, column, block, whole) for block in blocks], counts)
            if len(cuts) > 1:
                spans = [(blocks[a][0], blocks[b - 1][1]) for a, b in cuts]
                return [(column, span, whole, span[1] < rectangle.y1, taps) for span in spans], first + 1
        elif self.panel.n_groups > 1:
            groups = [(g, g + 1) for g in range(self.panel.n_groups)]
            cuts = ranges_by_need([self._need(item, column, rows, group) for group in groups], counts)
            if len(cuts) > 1:
                return [(column, rows, cut, False, taps) for cut in cuts], first + 1
        return [], first

    def _read_region(
        self, item: WorkItem, columns: tuple[int, int], rows: tuple[int, int], groups: tuple[int, int]
    ) -> Region:
        words = self.panel.first_words[columns[0] : columns[1]]
        planes = (int(words.min()) + groups[0], int(words.max()) + groups[1])
        return item.source.region(planes, input_rows(self.task, *rows))

    def _need(self, item: WorkItem, columns: Range, rows: Range, groups: Range) -> tuple[int, ...]:
        return self.emitter.tracker.before_read(self._read_region(item, columns, rows, groups))

    def _compute(self, item: WorkItem, columns: Range, rows: Range, groups: Range, keep: bool, taps: Range) -> None:
        task, panel, rectangle, layout = self.task, self.panel, item.rectangle, self.in_layout
        waits = self._need(item, columns, rows, groups)
        iy0 = rows[0] * task.stride[0] - task.padding[0] + taps[0] * task.dilation[0]
        x_step = task.stride[1] * layout.pixel_bytes
        plane = int(panel.first_words[columns[0]]) + groups[0]
        n_columns, n_blocks = columns[1] - columns[0], -(-(rows[1] - rows[0]) // rectangle.block_rows)
        self.emitter.append(
            Opcode.COMPUTE,
            waits,
            {
                "base": address(item.source.at(plane, iy0)),
                "column_step": (panel.column_words or 0) * item.source.plane_step,
                "group_step": item.source.plane_step,
                "ky_step": layout.row_bytes,
                "y_step": task.stride[0] * layout.row_bytes,
                "kx_step": layout.word * task.dilation[1],
                "x_step": x_step,
                "offset0": rectangle.x0 * x_step - task.padding[1] * layout.pixel_bytes,
                "row_bytes": layout.width * layout.pixel_bytes,
                "iy0": iy0,
                "height": layout.height,
                "stride_y": task.stride[0],
                "n_columns": n_columns,
                "n_y": rows[1] - rows[0],
                "block_rows": min(rectangle.block_rows, rows[1] - rows[0]),
                "n_x": rectangle.n_x,
                "n_groups": groups[1] - groups[0],
                "n_ky": taps[1] - taps[0],
                "n_kx": panel.n_kx,
                "accumulate": int(groups[0] > 0 or taps[0] > 0),
                "finish": int(groups[1] == panel.n_groups and taps[1] == panel.n_ky),
                "keep": int(keep),
            },
        )
        count = self.emitter.count(Unit.COMPUTE, n_columns * n_blocks)
        self.emitter.tracker.note_read(Unit.COMPUTE, count, self._read_region(item, columns, rows, groups))

    def _channels(self, item: WorkItem) -> tuple[int, int]:
        """Output channels that the item writes, whole lane steps."""
        lanes, columns = self.architecture.output_lanes, self.architecture.columns
        channels = self.task.output_shape.channels
        return item.columns[0] * columns, min(item.columns[1] * columns, -(-channels // lanes) * lanes)

    def _pad_bytes(self, end_channel: int) -> int:
        """Bytes of a pixel beyond its last channel, if that is the one before `end_channel`."""
        if end_channel < self.task.output_shape.channels:
            return 0
        return self.out_layout.pixel_bytes - ((end_channel - 1) % self.out_layout.word + 1)

    def _written(self, item: WorkItem, channels: tuple[int, int], rows: tuple[int, int]) -> list[Region]:
        word, layout = self.architecture.rows, self.out_layout
        region = item.target.region((channels[0] // word, -(-channels[1] // word)), rows)
        if not layout.int32:
            return [region]
        return [Region(region.start + k * layout.byte_step, region.count, region.step, region.length) for k in range(4)]

    def _drain(self, item: WorkItem, keep: bool) -> int:
        """Emit DRAIN; returns the count of its first tile minus one."""
        task, rectangle, layout, columns = self.task, item.rectangle, self.out_layout, self.architecture.columns
        rows = (rectangle.y0, rectangle.y1)
        first_channel, end_channel = self._channels(item)
        first_plane, word, lanes = first_channel // layout.word, layout.word, self.architecture.output_lanes
        tracker = self.emitter.tracker
        waits = (0,) * len(Unit)
        for region in self._written(item, (first_channel, end_channel), rows):
            waits = join(waits, tracker.before_write(Unit.DRAIN, region))
        last_column = (item.columns[1] - 1) * columns
        fields = {
            "out_base": item.target.at(first_plane, rectangle.y0) + rectangle.x0 * layout.pixel_bytes,
            "out_plane_step": item.target.plane_step,
            "out_y_step": layout.row_bytes,
            "out_x_step": layout.pixel_bytes,
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
            residual_region = item.residual.region((first_plane, -(-end_channel // word)), rows)
            waits = join(waits, tracker.before_read(residual_region))
            fields |= {
                "residual_base": item.residual.at(first_plane, rectangle.y0) + rectangle.x0 * layout.pixel_bytes,
                "residual_plane_step": item.residual.plane_step,
                "residual": 1,
            }
        self.emitter.append(
            Opcode.DRAIN, waits, fields, Observation(0, task.output, first_channel, rectangle.y0, rectangle.x0)
        )
        before = self.emitter.counts[Unit.DRAIN]
        count = self.emitter.count(Unit.DRAIN, (item.columns[1] - item.columns[0]) * rectangle.n_blocks)
        if residual_region is not None:
            tracker.note_read(Unit.DRAIN, count, residual_region)
        return before

    def _note_tiles(self, item: WorkItem, before: int) -> None:
        """Give every output tile its own count, so that readers wait for no more than they need."""
        columns, end_channel = self.architecture.columns, self._channels(item)[1]
        blocks, count = item.rectangle.blocks(), before
        for column in range(*item.columns):
            channels = (column * columns, min((column + 1) * columns, end_channel))
            for block in blocks:
                count += 1
                for region in self._written(item, channels, block):
                    self.emitter.tracker.note_write(Unit.DRAIN, count, region)


def column_ranges(panel: WeightPanel, columns: Range, weight_tiles: int, parameter_groups: int) -> list[Range]:
    """Ranges of column groups that stay in the rings together, for a task of several rectangles."""
    count = columns[1] - columns[0]
    together = max(1, min(count, weight_tiles // panel.n_tiles, parameter_groups))
    return [(columns[0] + a, columns[0] + b) for a, b in split(count, -(-count // together))]
