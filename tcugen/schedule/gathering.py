"""WEIGHT, COMPUTE and DRAIN of a gather: every column group adds up words of several tensors, one tile at a time."""

from dataclasses import dataclass
from itertools import groupby, pairwise

from tcugen.isa import Opcode, Unit
from tcugen.mapping.gather import Piece, column_pieces, passes
from tcugen.mapping.tasks import GatherTask
from tcugen.mapping.tiling import Range, Rectangle
from tcugen.schedule.emit import Emitter, SramView, address
from tcugen.schedule.results import Results, Target
from tcugen.schedule.weight_blocks import GatherBlock, WeightBlocks


@dataclass(frozen=True)
class GatherItem:
    """One block of pixels, where its results go and where each part of the task is."""

    rectangle: Rectangle
    target: SramView
    sources: tuple[SramView, ...]


@dataclass(frozen=True)
class Run:
    """Column groups `columns` that one WEIGHT and the same COMPUTEs serve.

    Attributes:
        pieces: Of the first of them.
        step: Words from one column group's piece to the next one's; 0 for a single column group.
    """

    columns: Range
    pieces: tuple[Piece, ...]
    step: int


class Gathering:
    """Emits the items of one task.

    Args:
        emitter: Receives the instructions.
        index: Number of the task.
        task: What to compute.
        ranges: Column groups that are computed; the others stand where they should.
        weights: Receives the blocks of weights, each once.
    """

    def __init__(
        self, emitter: Emitter, index: int, task: GatherTask, ranges: tuple[Range, ...], weights: WeightBlocks
    ):
        self.emitter, self.task, self.results = emitter, task, Results(emitter, task)
        architecture = emitter.architecture
        groups = column_pieces(task, architecture.rows, architecture.columns)
        self.runs = {columns: runs_of(groups, columns) for columns in ranges}
        self._offsets: dict[Range, int] = {}
        for run in (run for runs in self.runs.values() for run in runs):
            tiles = passes(run.pieces) * architecture.tile_bytes
            size = (run.columns[1] - run.columns[0]) * (architecture.parameter_group_bytes + tiles)
            self._offsets[run.columns] = weights.add(GatherBlock(index, run.columns), size)

    def emit(self, item: GatherItem) -> None:
        """Emit one item of a single block of rows."""
        for columns, runs in self.runs.items():
            self._range(item, Target(columns, item.rectangle, item.target, None), runs)

    def _range(self, item: GatherItem, target: Target, runs: tuple[Run, ...]) -> None:
        """Emit neighbouring column groups."""
        drain: int | None = None
        for run in runs:
            n_columns, n_tiles = run.columns[1] - run.columns[0], passes(run.pieces)
            fields = {"offset": self._offsets[run.columns], "n_columns": n_columns, "n_tiles": n_tiles}
            self.emitter.append(Opcode.WEIGHT, (0,) * len(Unit), fields)
            for number in range(len(run.pieces)):
                self._compute(item, run, number)
                if drain is None:
                    # At once, since COMPUTEs wait in a queue for what it empties.
                    drain = self.results.drain(target, keep=False)
        assert drain is not None, "a tensor has channels"
        self.results.note_tiles(target, drain)

    def _compute(self, item: GatherItem, run: Run, number: int) -> None:
        piece, rectangle = run.pieces[number], item.rectangle
        source, layout = item.sources[piece.part], self.emitter.layouts[self.task.parts[piece.part].tensor]
        n_columns, rows = run.columns[1] - run.columns[0], (rectangle.y0, rectangle.y1)
        first, end = piece.words
        region = source.region((first, end + (n_columns - 1) * run.step), rows)
        tracker = self.emitter.tracker
        self.emitter.append(
            Opcode.COMPUTE,
            tracker.before_read(region),
            {
                "base": address(source.at(first, rows[0])),
                "column_step": run.step * source.plane_step,
                "group_step": source.plane_step,
                "ky_step": layout.row_bytes,
                "y_step": layout.row_bytes,
                "kx_step": layout.word,
                "x_step": layout.pixel_bytes,
                "offset0": rectangle.x0 * layout.pixel_bytes,
                "row_bytes": layout.width * layout.pixel_bytes,
                "iy0": rows[0],
                "height": layout.height,
                "stride_y": 1,
                "n_columns": n_columns,
                "n_y": rows[1] - rows[0],
                "block_rows": rows[1] - rows[0],
                "n_x": rectangle.n_x,
                "n_groups": end - first,
                "n_ky": 1,
                "n_kx": 1,
                "accumulate": int(number > 0),
                "finish": int(number + 1 == len(run.pieces)),
            },
        )
        tracker.note_read(Unit.COMPUTE, self.emitter.count(Unit.COMPUTE, n_columns), region)


def runs_of(groups: tuple[tuple[Piece, ...], ...], within: Range) -> tuple[Run, ...]:
    """Column groups of a range in runs: those that each take one piece of one part, equally many words, equal steps
    apart."""

    def kind(column: int) -> tuple[int, int] | None:
        first, *more = groups[column]
        return None if more else (first.part, first.words[1] - first.words[0])

    runs: list[Run] = []
    for key, members in groupby(range(*within), kind):
        columns = list(members)
        steps = {groups[b][0].words[0] - groups[a][0].words[0] for a, b in pairwise(columns)}
        if key is not None and len(steps) <= 1:
            runs.append(Run((columns[0], columns[-1] + 1), groups[columns[0]], steps.pop() if steps else 0))
        else:
            runs += [Run((column, column + 1), groups[column], 0) for column in columns]
    return tuple(runs)
