"""Whether a machine gets depthwise convolutions beside its array."""

from collections.abc import Sequence
from dataclasses import replace

from tcugen.arch import Architecture
from tcugen.mapping.depthwise import DepthwiseTask
from tcugen.mapping.plan import geometry_of
from tcugen.mapping.tasks import PoolUnitTask, tasks_of
from tcugen.mapping.tiling import busy_cycles
from tcugen.sizing.workload import Workload

NOTEWORTHY = 0.1
"""Share of the array's cycles that depthwise convolutions must take on it."""
LARGEST_SHARE = 0.25
"""Of the array's multipliers, that those beside it may be."""
ROWS_PER_LANE = 4
"""With a lane for so many rows, a pixel is requantised in four cycles; of 3x3 kernels the taps of one take three."""
LANE_MULTIPLIERS = 4
"""Of a requantising lane: a product of two numbers of 24 bits."""


def depthwise_share(workloads: Sequence[Workload], candidate: Architecture) -> float:
    """Share of the array's cycles that go into convolutions which the pool unit would take."""
    array, beside, everything = replace(candidate, depthwise=0), 0, 0
    for work in workloads:
        taken = tasks_of(work.network, work.int32_outputs, depthwise=True)
        shapes = geometry_of(work.network, array, work.int32_outputs)
        panels = zip(shapes.tasks, taken, shapes.panels, strict=True)
        for task, other, panel in panels:
            if panel is None or isinstance(task, PoolUnitTask):
                continue
            cycles = busy_cycles(task, panel, array)
            everything += cycles
            beside += cycles if isinstance(other, DepthwiseTask) else 0
    return beside / max(1, everything)


def with_depthwise(candidate: Architecture, workloads: Sequence[Workload]) -> Architecture:
    """The candidate, with depthwise convolutions beside the array if they are worth it."""
    equipped = replace(candidate, depthwise=max(1, candidate.rows // ROWS_PER_LANE))
    added = equipped.depthwise_multipliers + LANE_MULTIPLIERS * equipped.depthwise
    if added > LARGEST_SHARE * candidate.multipliers or depthwise_share(workloads, candidate) < NOTEWORTHY:
        return candidate
    return equipped


def depthwise_reason(workloads: Sequence[Workload], machine: Architecture) -> dict[str, str]:
    """Why the machine has them, by its parameter; empty if it has none."""
    if not machine.depthwise:
        return {}
    share = depthwise_share(workloads, machine)
    reason = f"depthwise convolutions, which would take {share:.0%} of the array's cycles, run beside it"
    return {"depthwise": f"depthwise {machine.depthwise} lanes: {reason}"}
