"""Predicted cycles of candidates, each asked for once."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tcugen.arch import Architecture
from tcugen.mapping.errors import CompileError
from tcugen.mapping.plan import geometry_of
from tcugen.mapping.tasks import PoolUnitTask
from tcugen.mapping.tiling import WeightPanel, busy_cycles
from tcugen.planning.planned import Planned
from tcugen.planning.search import quick_plan
from tcugen.sizing.buffers import buffer_bytes, largest_power, limit_bytes, parameter_groups
from tcugen.sizing.memory import Need, most_needed, need_of
from tcugen.sizing.workload import Workload


class Prices:
    """What is known about candidates for some networks; cycles and bytes are those of an image of each.

    Args:
        workloads: What they are to run.
        progress: Called with one line of text per candidate.
    """

    def __init__(self, workloads: Sequence[Workload], progress: Callable[[str], None]):
        self._workloads, self._progress = tuple(workloads), progress
        self._plans: dict[Architecture, tuple[Planned, ...]] = {}
        self._refused: dict[Architecture, str] = {}
        self._needs: dict[Architecture, Need] = {}

    def plans(self, candidate: Architecture) -> tuple[Planned, ...]:
        """The candidate's plans and their replay, one per network.

        Raises:
            CompileError: If a network cannot run on it.
        """
        if candidate in self._refused:
            raise CompileError(self._refused[candidate])
        if candidate not in self._plans:
            try:
                self._plans[candidate] = tuple(
                    quick_plan(work.network, candidate, work.int32_outputs) for work in self._workloads
                )
            except CompileError as error:
                self._refused[candidate] = str(error)
                self._progress(f"{_name(candidate)}: cannot run: {error}")
                raise
            self._progress(f"{_name(candidate)}: {self.cycles(candidate):,} cycles")
        return self._plans[candidate]

    def cycles(self, candidate: Architecture) -> int:
        """Predicted cycles; as `plans`."""
        return sum(planned.cycles for planned in self.plans(candidate))

    def bytes_read(self, candidate: Architecture) -> int:
        """Predicted bytes that are read; as `plans`."""
        return sum(planned.prediction.bytes_read for planned in self.plans(candidate))

    def has_stripes(self, candidate: Architecture) -> bool:
        """Whether some task runs in more than one piece for lack of space; as `plans`."""
        return any(planned.plan.has_stripes for planned in self.plans(candidate))

    def spent(self, candidate: Architecture) -> dict[str, int]:
        """Predicted cycles by stall reason in lower case, and those in which the array is busy as `tiles`."""
        spent: dict[str, int] = {}
        for planned in self.plans(candidate):
            for reason, cycles in planned.prediction.stalls.items():
                spent[reason.name.lower()] = spent.get(reason.name.lower(), 0) + cycles
        return spent | {"tiles": sum(planned.prediction.busy for planned in self.plans(candidate))}

    def least_cycles(self, candidate: Architecture) -> int:
        """Cycles of the array if nothing ever holds it up: no plan on this array takes fewer."""
        shapes = [geometry_of(work.network, candidate, work.int32_outputs) for work in self._workloads]
        return sum(
            busy_cycles(task, panel, candidate)
            for shape in shapes
            for task, panel in zip(shape.tasks, shape.panels, strict=True)
            if not isinstance(task, PoolUnitTask) and panel is not None
        )

    def need(self, candidate: Architecture) -> Need:
        """What the networks ask of the activation memory beside this array; no candidate's own memory plays a part."""
        key = replace(candidate, activation_kib=1, accumulator_depth=16, weight_tiles=2, parameter_groups=2)
        if key not in self._needs:
            needs = [need_of(work.network, key, work.int32_outputs) for work in self._workloads]
            names = [work.network.name for work in self._workloads]
            self._needs[key] = most_needed(names, needs)
        return self._needs[key]

    def is_runnable(self, candidate: Architecture) -> bool:
        """Whether there is a plan at all."""
        try:
            self.plans(candidate)
        except CompileError:
            return False
        return True

    def refusal(self, candidate: Architecture) -> str:
        """Why `is_runnable` said no."""
        return self._refused[candidate]

    def with_rings(self, candidate: Architecture, fixed: dict[str, int]) -> Architecture:
        """The largest weight ring that fits beside the accumulators, and the parameter ring that it needs."""
        limit = limit_bytes(candidate.multipliers)
        # Accumulators that the user made too deep leave the ring a quarter of the limit all the same.
        room = max(limit - candidate.accumulator_bytes, limit // 4)
        tiles = fixed.get("weight_tiles", min(16384, largest_power(room // candidate.tile_bytes)))
        while True:
            result = self.with_groups(replace(candidate, weight_tiles=tiles), fixed)
            used = buffer_bytes(result) - result.accumulator_bytes
            if used <= room or "weight_tiles" in fixed or tiles == 2:
                return result
            tiles //= 2

    def with_groups(self, candidate: Architecture, fixed: dict[str, int]) -> Architecture:
        """The parameter ring that the weight ring needs."""
        if "parameter_groups" in fixed:
            return replace(candidate, parameter_groups=fixed["parameter_groups"])
        needed = max(parameter_groups(_panels(work, candidate), candidate.weight_tiles) for work in self._workloads)
        return replace(candidate, parameter_groups=min(4096, needed))


def _panels(work: Workload, candidate: Architecture) -> list[WeightPanel]:
    """Of every task on the array."""
    panels = geometry_of(work.network, candidate, work.int32_outputs).panels
    return [panel for panel in panels if panel is not None]


def _name(candidate: Architecture) -> str:
    return (
        f"{candidate.rows}x{candidate.columns}, {candidate.activation_kib} KiB, {candidate.output_lanes} lanes, "
        f"{candidate.accumulator_depth} pixels, {candidate.weight_tiles} tiles"
    )
