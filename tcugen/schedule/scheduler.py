"""Tasks to instructions: loads and stores, stripes, and pools that run row by row after the convolution they read."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from types import UnionType
from typing import assert_never

from tcugen.mapping.depthwise import DepthwiseTask
from tcugen.mapping.gather import part_words
from tcugen.mapping.layouts import align
from tcugen.mapping.plan import Plan
from tcugen.mapping.stripes import StripePlanner, input_rows
from tcugen.mapping.tasks import AverageTask, ConvTask, GatherTask, PhasedTask, PoolTask, PoolUnitTask
from tcugen.mapping.tiling import Range, Rectangle, WeightPanel, rectangles
from tcugen.schedule.convolution import Convolution, WorkItem, column_ranges
from tcugen.schedule.depthwise import emit_depthwise, group_items
from tcugen.schedule.emit import DramAddress, Emitter, Entry, SramView
from tcugen.schedule.gathering import Gathering, GatherItem
from tcugen.schedule.hoist import hoist_weights
from tcugen.schedule.phasing import Phasing
from tcugen.schedule.pooling import AverageItem, PoolItem, average_shapes, emit_average, emit_pool, tail_items
from tcugen.schedule.results import Cut
from tcugen.schedule.weight_blocks import AverageBlock, ConvolutionBlock, DepthwiseBlock, TableBlock, WeightBlocks

_LOAD_PIECES = 6
"""Pieces of a tensor's load that nobody asks for row by row."""

_ROW_PIECES = 16
"""Row pieces of a layer that starts while its input arrives or that feeds a pool."""


@dataclass(frozen=True)
class _Striped:
    """One stripe of one channel tile: its number, output rows, channel blocks and cuts."""

    number: int
    rows: Range
    planes: Range
    cuts: tuple[Cut, ...]


@dataclass
class Scheduler:
    """State of one plan on its way to instructions, which `run` returns; blocks of weights go into `weights`."""

    plan: Plan
    dram: dict[str, DramAddress]
    weights: WeightBlocks

    def __post_init__(self):
        plan = self.plan
        self.architecture, self.tasks, self.layouts = plan.architecture, plan.tasks, plan.layouts
        self.panels, self.allocation = plan.panels, plan.allocation
        self.inputs, self.outputs = frozenset(plan.inputs), frozenset(plan.outputs)
        self.emitter = Emitter(self.architecture, self.layouts, self.dram, self.allocation.views)
        self._loaded: dict[str, int] = {}
        self._weights_loaded: set[int] = set()

    def run(self) -> list[Entry]:
        """All instructions in fetch order, END last."""
        index = 0
        while index < len(self.tasks):
            passes = self.tasks[index].output in self.allocation.passed
            self._enter(index)
            self._load_depthwise(index + (passes or self._pool_follows(index)))
            if passes:
                for _ in self._steps(index):
                    pass
                self._enter(index + 1)
                self._leave(index + 1)
                index += 2
            elif self._pool_follows(index):
                self._with_pool(index)
                index += 2
            else:
                for _ in self._steps(index):
                    pass
                self._leave(index)
                index += 1
        return hoist_weights(self.emitter.finish())

    def _load_depthwise(self, start: int) -> None:
        """Load the weights in the pool unit that are to be there from task `start` on, or were to be before."""
        for index, place in self.allocation.weights.items():
            task = self.tasks[index]
            if place.start <= start and index not in self._weights_loaded and isinstance(task, DepthwiseTask):
                size = align(task.weight_bytes(self.architecture), self.architecture.bus_bytes)
                offset = self.weights.add_loaded(DepthwiseBlock(index), size)
                self.emitter.load_weights(place.address, offset, size)
                self._weights_loaded.add(index)

    def _enter(self, index: int) -> None:
        self.emitter.layer, self.emitter.node = index, self.tasks[index].name

    def _leave(self, index: int) -> None:
        name = self.tasks[index].output
        if name in self.outputs and self.allocation.is_resident(name):
            layout = self.layouts[name]
            factor = 4 if layout.int32 else 1
            self.emitter.store(name, self._resident(name), (0, factor * layout.planes), (0, layout.height))

    def _resident(self, name: str) -> SramView:
        layout = self.layouts[name]
        return SramView(self.allocation.addresses[name], layout.plane_bytes, layout.row_bytes)

    def _ensure(self, name: str, rows_end: int) -> None:
        """Load a resident network input up to a row."""
        if name not in self.inputs or not self.allocation.is_resident(name):
            return
        done = self._loaded.get(name, 0)
        if rows_end <= done:
            return
        layout = self.layouts[name]
        piece = max(1, -(-layout.height // _LOAD_PIECES))
        while done < rows_end:
            end = min(rows_end, done + piece)
            self.emitter.load(name, self._resident(name), (0, layout.planes), (done, end))
            done = end
        self._loaded[name] = done

    def _steps(self, index: int) -> Iterator[int]:
        """Emit a task piece by piece; yields the output rows complete so far."""
        task = self.tasks[index]
        match task:
            case ConvTask():
                return self._conv(index, task)
            case PoolTask() | DepthwiseTask():
                return self._pool(index, task)
            case AverageTask():
                return self._average(index, task)
            case GatherTask():
                return self._gather(index, task)
            case PhasedTask():
                return self._phased(index, task)
            case _:
                assert_never(task)

    def _panel(self, index: int) -> WeightPanel:
        panel = self.panels[index]
        assert panel is not None, "only tasks of the pool unit have none"
        return panel

    def _planner(self, index: int) -> StripePlanner:
        task = self.tasks[index]
        shape = self.layouts[task.input], self.layouts[task.output], self.panels[index]
        return StripePlanner(task, *shape, self.allocation.away(task), self.architecture)

    # Places of the operands of one item ------------------------------------------------------------------------------

    def _source(self, index: int, planner: StripePlanner, number: int, planes: Range, rows: Range) -> SramView:
        """Where the input rows of a stripe are; loads them if they are in memory."""
        task, plan = self.tasks[index], self.allocation.stripes[index]
        if not planner.input_spilled:
            self._ensure(task.input, rows[1])
            return self._resident(task.input)
        layout = self.layouts[task.input]
        base = self.allocation.buffers[index] + plan.input_buffer(number)
        place = SramView(base, (rows[1] - rows[0]) * layout.row_bytes, layout.row_bytes, rows[0], planes[0])
        self.emitter.load(task.input, place, planes, rows)
        return place

    def _target(
        self, index: int, planner: StripePlanner, number: int, planes: Range, rows: Range
    ) -> tuple[SramView, SramView | None]:
        """Where the results of a work item go and where its residual operand is.

        A spilled operand is loaded to where the results go.
        """
        task, plan = self.tasks[index], self.allocation.stripes[index]
        layout = self.layouts[task.output]
        if planner.output_spilled:
            base = self.allocation.buffers[index] + plan.output_buffer(number)
            target = SramView(base, (rows[1] - rows[0]) * layout.row_bytes, layout.row_bytes, rows[0], planes[0])
        else:
            target = self._resident(task.output)
        if task.residual is None:
            return target, None
        if planner.residual_spilled:
            self.emitter.load(task.residual, target, planes, rows)
            return target, target
        self._ensure(task.residual, 1 if task.per_channel else rows[1])
        return target, self._resident(task.residual)

    # Convolutions ---------------------------------------------------------------------------------------------------

    def _conv(self, index: int, task: ConvTask) -> Iterator[int]:
        panel, planner = self._panel(index), self._planner(index)
        width = self.layouts[task.output].width
        items = self._striped(index, planner)
        cuts = [cut for item in items for cut in item.cuts]
        first_of = dict(zip(accumulate((len(item.cuts) for item in items), initial=0), items, strict=False))
        table = self._table_offset(index, task)
        convolution = Convolution(self.emitter, task, panel, self._weight_offsets(index, panel, cuts), table)
        held, stripe = None, -1
        source = None if planner.input_spilled else self._resident(task.input)
        target, residual = None, None
        item = items[0]
        for at, (cut, stream, keep) in enumerate(convolution.order(cuts)):
            if at in first_of:
                item = first_of[at]
                if planner.input_spilled and item.rows != held:
                    held, stripe = item.rows, stripe + 1
                    planes = (0, self.layouts[task.input].planes)
                    source = self._source(index, planner, stripe, planes, input_rows(task, *item.rows))
                target, residual = self._target(index, planner, item.number, item.planes, item.rows)
            if not planner.input_spilled:
                self._ensure(task.input, input_rows(task, cut.rectangle.y0, cut.rectangle.y1)[1])
            assert source is not None and target is not None, "the first cut of an item sets both"
            convolution.emit(WorkItem(cut.columns, cut.rectangle, target, residual, source), stream, keep)
            if planner.output_spilled and (at + 1 in first_of or at + 1 == len(cuts)):
                self._hand_on(index, target, item)
            is_whole = cut.columns[1] == panel.n_columns and cut.rectangle.x1 == width
            yield cut.rectangle.y1 if is_whole else 0

    def _hand_on(self, index: int, source: SramView, item: _Striped) -> None:
        """Store a channel tile or a stripe, or have the pool unit read it, if it is passed to that."""
        task = self.tasks[index]
        if task.output not in self.allocation.passed:
            self.emitter.store(task.output, source, item.planes, item.rows)
            return
        reader = self.tasks[index + 1]
        assert isinstance(reader, DepthwiseTask), "nothing else takes what is passed"
        target = self._resident(reader.output)
        self._enter(index + 1)
        for piece in group_items(item.planes, (0, self.layouts[reader.output].height)):
            self._emit_pool(index + 1, reader, piece, source, target)
        self._enter(index)

    def _striped(self, index: int, planner: StripePlanner) -> list[_Striped]:
        """The stripes and channel tiles of a convolution, each cut into what one COMPUTE's loops can hold."""
        panel, layout = self._panel(index), self.layouts[self.tasks[index].output]
        architecture = self.architecture
        pieces = self._row_pieces(index) if planner.is_resident else None
        items: list[_Striped] = []
        for number, (rows, units) in enumerate(self.allocation.stripes[index].items()):
            columns = planner.units.column_range(*units, panel.n_columns)
            shape = pieces or rectangles(*rows, layout.width, architecture.accumulator_depth)
            parts = [columns]
            if len(shape) > 1:
                parts = column_ranges(panel, columns, architecture.weight_tiles, architecture.parameter_groups)
            cuts = tuple(Cut(part, rectangle) for part in parts for rectangle in shape)
            items.append(_Striped(number, rows, planner.units.plane_range(*units, layout.planes), cuts))
        return items

    def _weight_offsets(self, index: int, panel: WeightPanel, cuts: list[Cut]) -> dict[Range, int]:
        """Offset in window WEIGHTS of every range of column groups, in the order of use."""
        offsets: dict[Range, int] = {}
        for cut in cuts:
            if cut.columns not in offsets:
                size = (cut.columns[1] - cut.columns[0]) * panel.column_bytes(self.architecture)
                offsets[cut.columns] = self.weights.add(ConvolutionBlock(index, cut.columns), size)
        return offsets

    def _table_offset(self, index: int, task: ConvTask) -> int | None:
        """Offset in window WEIGHTS of the task's table, which comes before its weights."""
        size = self.architecture.table_groups * self.architecture.parameter_group_bytes
        return self.weights.add(TableBlock(index), size) if task.table else None

    def _row_pieces(self, index: int) -> tuple[Rectangle, ...] | None:
        """Row pieces of a task that can keep all its weights, if rows of its input arrive or of its output leave."""
        task, panel, architecture = self.tasks[index], self._panel(index), self.architecture
        layout = self.layouts[task.output]
        whole = rectangles(0, layout.height, layout.width, architecture.accumulator_depth)
        arrives = task.input in self.inputs and self._loaded.get(task.input, 0) == 0
        if len(whole) != 1 or whole[0].n_blocks < 2 or not (arrives or self._pool_follows(index, PoolTask)):
            return None
        if panel.column_words is None or panel.n_columns * panel.n_tiles > architecture.weight_tiles:
            return None
        if panel.n_columns > architecture.parameter_groups:
            return None
        blocks = whole[0].blocks()
        per_piece = -(-len(blocks) // _ROW_PIECES)
        edges = [0, *range(1, len(blocks), per_piece), len(blocks)]
        return tuple(
            Rectangle(blocks[a][0], blocks[b - 1][1], 0, layout.width, whole[0].block_rows)
            for a, b in itertools.pairwise(edges)
            if b > a
        )

    # Pools ----------------------------------------------------------------------------------------------------------

    def _pool_follows(self, index: int, kinds: type[PoolTask] | UnionType = PoolUnitTask) -> bool:
        """The next task, one of `kinds`, reads this one's result in the pool unit, both on chip."""
        if index + 1 >= len(self.tasks) or not isinstance(self.tasks[index], ConvTask):
            return False
        pool = self.tasks[index + 1]
        if not isinstance(pool, kinds) or pool.input != self.tasks[index].output:
            return False
        return all(self._planner(at).is_resident for at in (index, index + 1))

    def _with_pool(self, index: int) -> None:
        """A convolution with the pool that reads it, row by row where the convolution's rows complete early."""
        pool = self.tasks[index + 1]
        assert isinstance(pool, PoolUnitTask)
        source, target = self._resident(pool.input), self._resident(pool.output)
        layout = self.layouts[pool.output]
        done = 0
        self._enter(index)
        rows_complete = 0
        for rows_complete in self._steps(index):
            end = done
            while end < layout.height and input_rows(pool, end, end + 1)[1] <= rows_complete:
                end += 1
            if done == 0 and end == layout.height:
                continue
            if end > done:
                self._enter(index + 1)
                self._emit_pool(index + 1, pool, PoolItem((0, layout.planes), (done, end)), source, target)
                self._enter(index)
                done = end
        self._leave(index)
        self._enter(index + 1)
        if done == 0:
            items = group_items if isinstance(pool, DepthwiseTask) else tail_items
            for piece in items((0, layout.planes), (0, layout.height)):
                self._emit_pool(index + 1, pool, piece, source, target)
        self._leave(index + 1)

    def _emit_pool(self, index: int, task: PoolUnitTask, item: PoolItem, source: SramView, target: SramView) -> None:
        if isinstance(task, DepthwiseTask):
            emit_depthwise(self.emitter, task, item, source, target, self.allocation.weights[index].address)
        else:
            emit_pool(self.emitter, task, item, source, target)

    def _pool(self, index: int, task: PoolUnitTask) -> Iterator[int]:
        planner = self._planner(index)
        for number, (rows, units) in enumerate(self.allocation.stripes[index].items()):
            planes = planner.units.plane_range(*units, self.layouts[task.output].planes)
            source = self._source(index, planner, number, planes, input_rows(task, *rows))
            target, _ = self._target(index, planner, number, planes, rows)
            self._emit_pool(index, task, PoolItem(planes, rows), source, target)
            if planner.output_spilled:
                self.emitter.store(task.output, target, planes, rows)
            yield rows[1]

    def _average(self, index: int, task: AverageTask) -> Iterator[int]:
        panel, planner = self._panel(index), self._planner(index)
        offsets: dict[int, int] = {}
        for number, (_, units) in enumerate(self.allocation.stripes[index].items()):
            planes = planner.units.plane_range(*units, self.layouts[task.output].planes)
            source = self._source(index, planner, number, planes, (0, self.layouts[task.input].height))
            target, _ = self._target(index, planner, number, planes, (0, 1))
            for first, pixels, words in average_shapes(planes, panel, self.architecture.accumulator_depth):
                if words not in offsets:
                    size = panel.n_columns * replace(panel, n_groups=words).column_bytes(self.architecture)
                    offsets[words] = self.weights.add(AverageBlock(index, words), size)
                item = AverageItem(first, pixels, words, source, target)
                emit_average(self.emitter, task, panel, item, offsets[words])
            yield 1

    def _phased(self, index: int, task: PhasedTask) -> Iterator[int]:
        planner, layout = self._planner(index), self.layouts[task.output]
        phasing, planes = Phasing(self.emitter, index, task, self.weights), (0, self.layouts[task.input].planes)
        for number, (rows, _) in enumerate(self.allocation.stripes[index].items()):
            source = self._source(index, planner, number, planes, input_rows(task, *rows))
            target, _ = self._target(index, planner, number, (0, layout.planes), rows)
            phasing.emit(rows, source, target)
            if planner.output_spilled:
                self.emitter.store(task.output, target, (0, layout.planes), rows)
            yield rows[1]

    # Gathers --------------------------------------------------------------------------------------------------------

    def _gather(self, index: int, task: GatherTask) -> Iterator[int]:
        planner, layout = self._planner(index), self.layouts[task.output]
        ranges = self.allocation.views.columns_of(task)
        gathering = Gathering(self.emitter, index, task, ranges, self.weights)
        for number, (rows, _) in enumerate(self.allocation.stripes[index].items() if ranges else ()):
            sources = self._part_sources(index, task, number, rows)
            target, _ = self._target(index, planner, number, (0, layout.planes), rows)
            for whole in rectangles(*rows, layout.width, self.architecture.accumulator_depth):
                for rectangle in whole.by_block():
                    gathering.emit(GatherItem(rectangle, target, sources))
            if planner.output_spilled:
                self.emitter.store(task.output, target, (0, layout.planes), rows)
            yield rows[1]

    def _part_sources(self, index: int, task: GatherTask, number: int, rows: Range) -> tuple[SramView, ...]:
        """Where rows of each part are; loads those that are in memory, one after the other into one buffer."""
        base = self.allocation.buffers[index] + self.allocation.stripes[index].input_buffer(number)
        sources: list[SramView] = []
        for part_number, part in enumerate(task.parts):
            if self.allocation.is_resident(part.tensor):
                self._ensure(part.tensor, rows[1])
                sources.append(self._resident(part.tensor))
                continue
            row_bytes, planes = (
                self.layouts[part.tensor].row_bytes,
                part_words(task, part_number, self.architecture.rows),
            )
            plane_step = (rows[1] - rows[0]) * row_bytes
            place = SramView(base, plane_step, row_bytes, rows[0], planes[0])
            self.emitter.load(part.tensor, place, planes, rows)
            sources.append(place)
            base += (planes[1] - planes[0]) * plane_step
        return tuple(sources)
