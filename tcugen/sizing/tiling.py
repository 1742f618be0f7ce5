"""How the array and the output path share one task: column groups, blocks of pixels, passes, and their cycles."""

from dataclasses import dataclass

from tcugen.arch import Architecture
from tcugen.network.operators import GlobalAveragePool
from tcugen.sizing.tasks import Task

HANDOVER_CYCLES = 10
"""Cycles beyond `rows` from the last operand of a tile to the first accumulator that the output path reads."""


@dataclass(frozen=True)
class Tiling:
    """One task on the array.

    A tile is one block of output pixels of one column group. Every pass over a tile takes `rows` input bytes per
    pixel and lasts as long as its pixels, but no less than loading the next weight tile: `rows` cycles.

    Attributes:
        n_columns: Column groups of `columns` output channels.
        passes: Passes per tile, one weight tile each.
        blocks: Pixels of each block, the same for every column group.
        steps, last_steps: Cycles of the output path per pixel, in any column group and in the last.
        words: Input words of `rows` channels, the outermost loop of the passes.
        rows, columns: Of the array.
    """

    n_columns: int
    passes: int
    blocks: tuple[int, ...]
    steps: int
    last_steps: int
    words: int
    rows: int
    columns: int

    @property
    def pixels(self) -> int:
        return sum(self.blocks)

    @property
    def strip_bytes(self) -> int:
        """Weight bytes of one column group."""
        return self.passes * self.rows * self.columns

    @property
    def busy_cycles(self) -> int:
        """Cycles in which the array takes an operand."""
        return self.n_columns * self.passes * self.pixels

    @property
    def array_cycles(self) -> int:
        """Cycles of the array if nothing holds it up."""
        return self.n_columns * sum(self.array_tile(pixels) for pixels in self.blocks)

    @property
    def output_cycles(self) -> int:
        return self.pixels * (self.steps * (self.n_columns - 1) + self.last_steps)

    @property
    def last_drain_cycles(self) -> int:
        """Cycles of the output path for the last tile."""
        return self.blocks[-1] * self.last_steps

    @property
    def early_cycles(self) -> int:
        """Cycles of the first column group that do not need the last part of the input: its last rows if there are
        several blocks, else its last channels."""
        strip = sum(self.array_tile(pixels) for pixels in self.blocks)
        parts = len(self.blocks) if len(self.blocks) > 1 else self.words
        return strip - -(-strip // parts)

    def array_tile(self, pixels: int) -> int:
        return self.passes * max(pixels, self.rows)

    def tile_cycles(self, pixels: int, steps: int) -> int:
        """Cycles per tile of array and output path together.

        With two accumulator banks, one unit is at work while the other bank is filled or emptied, so the slower one
        sets the pace; and in two tiles' time one bank is filled, handed over and emptied.
        """
        array, output = self.array_tile(pixels), pixels * steps
        return max(array, output, (array + output + self.rows + HANDOVER_CYCLES + 1) // 2)

    def strip_blocks(self, last: bool) -> list[int]:
        """Cycles of each tile of one column group, the last one or any other."""
        steps = self.last_steps if last else self.steps
        return [self.tile_cycles(pixels, steps) for pixels in self.blocks]


def tile_task(task: Task, bytes_per_pixel: int, architecture: Architecture, int32: bool = False) -> Tiling:
    """The tiling of a task on the array; its input has `bytes_per_pixel`.

    Args:
        task: Any task but a max_pool.
        bytes_per_pixel: Of the task's first input.
        architecture: The machine.
        int32: The result is stored as 32-bit sums, one byte plane after the other.
    """
    rows, columns, lanes = architecture.rows, architecture.columns, architecture.output_lanes
    depth, shape = architecture.accumulator_depth, task.output_shape
    planes = 4 if int32 else 1
    if isinstance(task.node, GlobalAveragePool):
        # Every position is a pass, every word of channels a pixel; the weights are pieces of the identity.
        words = -(-shape.channels // rows)
        narrow, wide = max(1, rows // columns), max(1, columns // rows)
        pixels = -(-words // wide)
        blocks = (depth,) * (pixels // depth) + ((pixels % depth,) if pixels % depth else ())
        passes = wide * task.input_shape.height * task.input_shape.width
        return Tiling(narrow, passes, blocks, columns // lanes, columns // lanes, wide, rows, columns)
    n_columns = -(-shape.channels // columns)
    folded = -(-task.kernel[1] * bytes_per_pixel // rows)
    words = _input_words(task, rows, columns)
    last_channels = shape.channels - (n_columns - 1) * columns
    return Tiling(
        n_columns,
        words * task.kernel[0] * folded,
        _blocks(shape.height, shape.width, depth),
        planes * (columns // lanes),
        planes * -(-last_channels // lanes),
        words,
        rows,
        columns,
    )


def _input_words(task: Task, rows: int, columns: int) -> int:
    """Words of `rows` input channels that each column group reads: all, or those of its own groups."""
    inputs, outputs, groups = task.input_shape.channels, task.output_shape.channels, task.groups
    if groups == 1:
        return -(-inputs // rows)
    most = 0
    for first in range(0, outputs, columns):
        last = min(first + columns, outputs) - 1
        low = first * groups // outputs * (inputs // groups) // rows
        high = ((last * groups // outputs + 1) * (inputs // groups) - 1) // rows
        most = max(most, high - low + 1)
    return most


def _blocks(height: int, width: int, depth: int) -> tuple[int, ...]:
    """Pixels of each block: whole output rows, as few blocks as fit an accumulator bank, of even size.

    A row that is wider than a bank is cut into ranges of columns first.
    """
    ranges = -(-width // depth)
    blocks: list[int] = []
    for index in range(ranges):
        n_x = width * (index + 1) // ranges - width * index // ranges
        count = -(-height // max(1, depth // n_x))
        rows = -(-height // count)
        full, rest = divmod(height, rows)
        blocks += [rows * n_x] * full + ([rest * n_x] if rest else [])
    return tuple(blocks)
