"""How large the on-chip buffers may be, and the widths and depths that follow from shapes alone."""

from collections.abc import Sequence
from typing import assert_never

from tcugen.arch import ACTIVATION_BANKS, Architecture, bits_for
from tcugen.mapping.depthwise import DepthwiseTask
from tcugen.mapping.tasks import AverageTask, ConvTask, GatherTask, PhasedTask, PoolTask, Task
from tcugen.mapping.tiling import WeightPanel
from tcugen.sizing.errors import SizingError

SMALL_LIMIT_BYTES, LARGE_LIMIT_BYTES = 128 * 1024, 320 * 1024
"""Most bytes of all on-chip buffers but the activation memory, up to SMALL_MULTIPLIERS multipliers and beyond."""
SMALL_MULTIPLIERS = 256

QUEUE_BYTES = 8 * 1024
"""Set aside for instruction queues, bus and residual buffers."""

PRODUCT_BITS = 14
"""A product of two int8 is at most 2**14 in magnitude, (-128) * (-128)."""

VALUE_BITS = 7
"""An int8 is at most 2**7 in magnitude; an average sums such values, its weights are 1."""

MIN_ACCUMULATOR_BITS, MAX_ACCUMULATOR_BITS = 20, 32


def limit_bytes(multipliers: int) -> int:
    """Bytes that accumulators, weight ring and parameter ring may take together."""
    return (SMALL_LIMIT_BYTES if multipliers <= SMALL_MULTIPLIERS else LARGE_LIMIT_BYTES) - QUEUE_BYTES


def buffer_bytes(architecture: Architecture) -> int:
    """Bytes of accumulators, weight ring, parameter ring and tables."""
    a = architecture
    return a.accumulator_bytes + a.weight_buffer_bytes + a.parameter_buffer_bytes + a.table_bytes


def datapath_bits(architecture: Architecture) -> int:
    """Bits that activation memory and accumulators move per cycle: what an array shape costs beside its multipliers."""
    accumulators = 2 * architecture.columns * architecture.accumulator_bits
    return 8 * architecture.rows * ACTIVATION_BANKS + accumulators


def accumulator_need(tasks: Sequence[Task]) -> tuple[int, str]:
    """Bits that hold every sum of products and of values, and in words which sum needs them.

    Raises:
        SizingError: If a node sums more than 32 bits hold.
    """
    largest, reason = 0, "the smallest there is"
    for task in tasks:
        match task:
            case ConvTask():
                count = task.input_shape.channels // task.groups * task.kernel[0] * task.kernel[1]
                bits, terms = PRODUCT_BITS, "products"
                name, remedy = task.runs, "use fewer input channels or a smaller kernel"
            case PhasedTask():
                taps = max(phase.kernel[0] * phase.kernel[1] for phase in task.phases)
                count = task.channels // task.groups * taps
                bits, terms = PRODUCT_BITS, "products"
                name, remedy = task.name, "use fewer input channels or a smaller kernel"
            case AverageTask():
                count = task.kernel[0] * task.kernel[1]
                bits, terms = VALUE_BITS, "values"
                name, remedy = task.name, "use a smaller input"
            case PoolTask() | DepthwiseTask() | GatherTask():
                continue
            case _:
                assert_never(task)
        magnitude = count << bits
        if magnitude.bit_length() + 1 > MAX_ACCUMULATOR_BITS:
            raise SizingError(
                f"node {name!r}: sums {count} {terms} of 8 bits, but {MAX_ACCUMULATOR_BITS}-bit accumulators hold at "
                f"most {(1 << MAX_ACCUMULATOR_BITS - 1 - bits) - 1} {terms}; {remedy}"
            )
        if magnitude > largest:
            largest, reason = magnitude, f"{name} sums {count} {terms}"
    return max(MIN_ACCUMULATOR_BITS, largest.bit_length() + 1), reason


def largest_power(limit: int) -> int:
    """The largest power of two up to `limit`, at least 2."""
    return max(2, 1 << max(1, limit).bit_length() - 1)


def columns_together(panels: Sequence[WeightPanel], weight_tiles: int) -> int:
    """The most column groups, in order of use, whose tiles are in a ring of `weight_tiles` at the same time."""
    sizes = [panel.n_tiles for panel in panels for _ in range(panel.n_columns)]
    most, first, inside = 1, 0, 0
    for index, size in enumerate(sizes):
        inside += size
        while inside > weight_tiles and first < index:
            inside -= sizes[first]
            first += 1
        most = max(most, index - first + 1)
    return most


def parameter_groups(panels: Sequence[WeightPanel], weight_tiles: int) -> int:
    """Parameter ring that never holds up the weight stream: a group for every column group in the weight ring, and
    two for those that the output path still works on; a power of two."""
    return 1 << bits_for(columns_together(panels, weight_tiles) + 2)
