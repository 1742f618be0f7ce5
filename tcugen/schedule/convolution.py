"""WEIGHT and COMPUTE of one convolution."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tcugen.isa import Opcode, Unit
from tcugen.mapping.phases import Phase
from tcugen.mapping.stripes import input_rows
from tcugen.mapping.tasks import ConvTask
from tcugen.mapping.tiling import Range, WeightPanel, split
from tcugen.schedule.emit import Emitter, SramView, address
from tcugen.schedule.pieces import ranges_by_need
from tcugen.schedule.results import Cut, Results, Target
from tcugen.schedule.tracker import Region


@dataclass(frozen=True)
class WorkItem(Target):
    """A cut whose operands have their places."""

    source: SramView


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
        phase: Which pixels of the output tensor the task makes; all of them if None.
    """

    def __init__(
        self,
        emitter: Emitter,
        task: ConvTask,
        panel: WeightPanel,
        blocks: dict[tuple[int, int], int],
        table: int | None = None,
        phase: Phase | None = None,
    ):
        self._table_to_stream = table  # until the first WEIGHT has brought it
        self.emitter, self.task, self.panel, self.blocks = emitter, task, panel, blocks
        self.architecture = emitter.architecture
        self.in_layout, self.results = emitter.layouts[task.input], Results(emitter, task, phase)

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
        drain = self.results.drain(item, keep)
        for piece in others:
            self._compute(item, *piece)
        self.results.note_tiles(item, drain)

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


def column_ranges(panel: WeightPanel, columns: Range, weight_tiles: int, parameter_groups: int) -> list[Range]:
    """Ranges of column groups that stay in the rings together, for a task of several rectangles."""
    count = columns[1] - columns[0]
    together = max(1, min(count, weight_tiles // panel.n_tiles, parameter_groups))
    return [(columns[0] + a, columns[0] + b) for a, b in split(count, -(-count // together))]
