"""A plan as instructions, without a single weight: shapes alone decide all that is in here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tcugen.isa import Instruction, Window
from tcugen.mapping.layouts import align
from tcugen.mapping.plan import Plan
from tcugen.program import Observation, Port, TensorLayout
from tcugen.schedule.emit import Home, numbered
from tcugen.schedule.scheduler import Scheduler
from tcugen.schedule.weight_blocks import WeightBlock, WeightBlocks

_PORT_BYTES = 64
"""Alignment of tensors inside their windows: the widest bus."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """Instructions whose numbers are still missing: padding value, zero points, clamps and the ratios of adds are 0.

    Attributes:
        plan: What it was made from.
        instructions: In fetch order; the last is END. Field `layer` is the number of the task.
        observations: One per DRAIN and POOL.
        weight_blocks: What stands where in window WEIGHTS.
        weight_bytes: Size of that window.
        inputs, outputs: Tensors of windows INPUT and OUTPUT.
        input_bytes, output_bytes, scratch_bytes: Sizes of those windows.
    """

    plan: Plan
    instructions: tuple[Instruction, ...]
    observations: tuple[Observation, ...]
    weight_blocks: tuple[WeightBlock, ...]
    weight_bytes: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    input_bytes: int
    output_bytes: int
    scratch_bytes: int


def _homes(names: Iterable[str], window: Window, layouts: dict[str, TensorLayout]) -> tuple[dict[str, Home], int]:
    """Offsets of tensors in a window, one after the other, and the window's size."""
    homes: dict[str, Home] = {}
    size = 0
    for name in names:
        homes[name] = Home(window, size)
        size = align(size + layouts[name].bytes, _PORT_BYTES)
    return homes, size


def schedule_plan(plan: Plan, progress: Callable[[str], None] | None = None) -> Schedule:
    """The instructions of a plan; the same plan gives the same instructions.

    Args:
        plan: What to do.
        progress: Called with one line of text per task.

    Raises:
        CompileError: If a shape is too large for the instruction set. Names node, value, rule and remedy.
    """
    layouts = plan.layouts
    input_homes, input_bytes = _homes(plan.inputs, Window.INPUT, layouts)
    output_homes, output_bytes = _homes(plan.outputs, Window.OUTPUT, layouts)
    scratch_homes, scratch_bytes = _homes(plan.spilled, Window.SCRATCH, layouts)
    weights = WeightBlocks(plan.architecture.bus_bytes)
    scheduler = Scheduler(plan, input_homes | output_homes | scratch_homes, weights, progress or (lambda line: None))
    instructions, observations = numbered(scheduler.run())
    return Schedule(
        plan=plan,
        instructions=instructions,
        observations=observations,
        weight_blocks=weights.blocks,
        weight_bytes=weights.size,
        inputs=tuple(Port(name, input_homes[name].offset, layouts[name]) for name in plan.inputs),
        outputs=tuple(Port(name, output_homes[name].offset, layouts[name]) for name in plan.outputs),
        input_bytes=input_bytes,
        output_bytes=output_bytes,
        scratch_bytes=scratch_bytes,
    )
