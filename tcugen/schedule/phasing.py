"""WEIGHT, COMPUTE and DRAIN of a task in phases: one convolution after the other, into the same tensor."""

from tcugen.mapping.tasks import PhasedTask
from tcugen.mapping.tiling import Range, panel_of, rectangles
from tcugen.schedule.convolution import Convolution, WorkItem, column_ranges
from tcugen.schedule.emit import Emitter, SramView
from tcugen.schedule.results import Cut
from tcugen.schedule.weight_blocks import PhaseBlock, WeightBlocks


class Phasing:
    """Emits the stripes of one task.

    Args:
        emitter: Receives the instructions.
        index: Number of the task.
        task: What to compute.
        weights: Receives the blocks of weights, each once.
    """

    def __init__(self, emitter: Emitter, index: int, task: PhasedTask, weights: WeightBlocks):
        self.emitter, self.index, self.task, self.weights = emitter, index, task, weights
        self._blocks: list[dict[Range, int]] = [{} for _ in task.phases]
        layout = emitter.layouts[task.input]
        self._convolutions = [
            Convolution(emitter, part, panel_of(part, layout, emitter.architecture), blocks, phase=phase)
            for part, blocks, phase in zip(task.convolutions, self._blocks, task.phases, strict=True)
        ]

    def emit(self, rows: Range, source: SramView, target: SramView) -> None:
        """Emit output rows rows[0] .. rows[1] - 1 from and to where they are."""
        for number, phase in enumerate(self.task.phases):
            own = phase.rows(*rows)
            if own[0] == own[1]:
                continue
            convolution = self._convolutions[number]
            cuts = self._cuts(number, own)
            for cut, stream, keep in convolution.order(cuts):
                convolution.emit(WorkItem(cut.columns, cut.rectangle, target, None, source), stream, keep)

    def _cuts(self, number: int, rows: Range) -> list[Cut]:
        architecture, convolution = self.emitter.architecture, self._convolutions[number]
        panel, blocks = convolution.panel, self._blocks[number]
        shape = rectangles(*rows, self.task.phases[number].size[1], architecture.accumulator_depth)
        parts = [(0, panel.n_columns)]
        if len(shape) > 1:
            parts = column_ranges(panel, parts[0], architecture.weight_tiles, architecture.parameter_groups)
        for part in parts:
            if part not in blocks:
                size = (part[1] - part[0]) * panel.column_bytes(architecture)
                blocks[part] = self.weights.add(PhaseBlock(self.index, number, part), size)
        return [Cut(part, rectangle) for part in parts for rectangle in shape]
