"""A plan as instructions, without a single weight: shapes alone decide all that is in here."""

from collections.abc import Iterable
from dataclasses import dataclass

from tcugen.isa import Instruction, Window
from tcugen.mapping.layouts import align
from tcugen.mapping.plan import Plan
from tcugen.program import Observation, Port, TensorLayout
from tcugen.schedule.emit import DramAddress, after_the_stream, numbered
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
        loaded_bytes: At its end, which LOAD instructions bring on chip; WEIGHT instructions stream the rest.
        inputs, outputs: Tensors of windows INPUT and OUTPUT.
        input_bytes, output_bytes, scratch_bytes: Sizes of those windows.
    """

    plan: Plan
    instructions: tuple[Instruction, ...]
    observations: tuple[Observation, ...]
    weight_blocks: tuple[WeightBlock, ...]
    weight_bytes: int
    loaded_bytes: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    input_bytes: int
    output_bytes: int
    scratch_bytes: int


def _dram(names: Iterable[str], window: Window, layouts: dict[str, TensorLayout]) -> tuple[dict[str, DramAddress], int]:
    """Offsets of tensors in a window, one after the other, and the window's size."""
    dram: dict[str, DramAddress] = {}
    size = 0
    for name in names:
        dram[name] = DramAddress(window, size)
        size = align(size + layouts[name].bytes, _PORT_BYTES)
    return dram, size


def _scratch(plan: Plan) -> tuple[dict[str, DramAddress], int]:
    """The same of window SCRATCH, where tensors that share storage share it too."""
    dram: dict[str, DramAddress] = {}
    views, size = plan.allocation.views, 0
    for name in plan.spilled:
        if name in dram:
            continue
        plane_bytes, members = plan.layouts[name].plane_bytes, views.members(name)
        dram |= {member: DramAddress(Window.SCRATCH, size + views.place(member)[1] * plane_bytes) for member in members}
        whole = views.of[name].planes * plane_bytes if name in views.of else plan.layouts[name].bytes
        size = align(size + whole, _PORT_BYTES)
    return dram, size


def schedule_plan(plan: Plan) -> Schedule:
    """The instructions of a plan; the same plan gives the same instructions.

    Raises:
        CompileError: If a shape is too large for the instruction set. Names node, value, rule and remedy.
    """
    layouts = plan.layouts
    input_dram, input_bytes = _dram(plan.inputs, Window.INPUT, layouts)
    output_dram, output_bytes = _dram(plan.outputs, Window.OUTPUT, layouts)
    scratch_dram, scratch_bytes = _scratch(plan)
    weights = WeightBlocks(plan.architecture.bus_bytes)
    scheduler = Scheduler(plan, input_dram | output_dram | scratch_dram, weights)
    instructions, observations = numbered(scheduler.run())
    return Schedule(
        plan=plan,
        instructions=tuple(after_the_stream(one, weights.streamed_bytes) for one in instructions),
        observations=observations,
        weight_blocks=weights.blocks,
        weight_bytes=weights.size,
        loaded_bytes=weights.loaded_bytes,
        inputs=tuple(Port(name, input_dram[name].offset, layouts[name]) for name in plan.inputs),
        outputs=tuple(Port(name, output_dram[name].offset, layouts[name]) for name in plan.outputs),
        input_bytes=input_bytes,
        output_bytes=output_bytes,
        scratch_bytes=scratch_bytes,
    )
