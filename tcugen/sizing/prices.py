"""Predicted cycles of candidates, each asked for once."""

from collections.abc import Callable, Collection
from dataclasses import replace

from tcugen.arch import Architecture
from tcugen.mapping.errors import CompileError
from tcugen.mapping.plan import geometry_of
from tcugen.mapping.tasks import PoolTask
from tcugen.mapping.tiling import WeightPanel, busy_cycles
from tcugen.network.graph import Network
from tcugen.planning.planned import Planned
from tcugen.planning.search import quick_plan
from tcugen.sizing.buffers import buffer_bytes, largest_power, limit_bytes, parameter_groups
from tcugen.sizing.memory import Need, need_of


class Prices:
    """What is known about candidates for one network.

    Args:
        network: What they are to run.
        int32_outputs: Outputs of the network that are stored as 32-bit sums.
        progress: Called with one line of text per candidate.
    """

    def __init__(self, network: Network, int32_outputs: Collection[str], progress: Callable[[str], None]):
        self._network, self._int32_outputs, self._progress = network, int32_outputs, progress
        self._planned: dict[Architecture, Planned] = {}
        self._refused: dict[Architecture, str] = {}
        self._needs: dict[Architecture, Need] = {}

    def planned(self, candidate: Architecture) -> Planned:
        """The candidate's plan and its replay.

        Raises:
            CompileError: If the network cannot run on it.
        """
        if candidate in self._refused:
            raise CompileError(self._refused[candidate])
        if candidate not in self._planned:
            try:
                self._planned[candidate] = quick_plan(self._network, candidate, self._int32_outputs)
            except CompileError as error:
                self._refused[candidate] = str(error)
                self._progress(f"{_name(candidate)}: cannot run: {error}")
                raise
            self._progress(f"{_name(candidate)}: {self._planned[candidate].cycles:,} cycles")
        return self._planned[candidate]

    def cycles(self, candidate: Architecture) -> int:
        """Predicted cycles of one image; as `planned`."""
        return self.planned(candidate).cycles

    def least_cycles(self, candidate: Architecture) -> int:
        """Cycles of the array if nothing ever holds it up: no plan on this array takes fewer."""
        shapes = geometry_of(self._network, candidate, self._int32_outputs)
        return sum(
            busy_cycles(task, panel, candidate)
            for task, panel in zip(shapes.tasks, shapes.panels, strict=True)
            if not isinstance(task, PoolTask) and panel is not None
        )

    def need(self, candidate: Architecture) -> Need:
        """What the network asks of the activation memory beside this array; no candidate's own memory plays a part."""
        key = replace(candidate, activation_kib=1, accumulator_depth=16, weight_tiles=2, parameter_groups=2)
        if key not in self._needs:
            self._needs[key] = need_of(self._network, key, self._int32_outputs)
        return self._needs[key]

    def is_runnable(self, candidate: Architecture) -> bool:
        """Whether there is a plan at all."""
        try:
            self.planned(candidate)
        except CompileError:
            return False
        return True

    def refusal(self, candidate: Architecture) -> str:
        """Why `is_runnable` said no."""
        return self._refused[candidate]

    def panels(self, candidate: Architecture) -> list[WeightPanel]:
        """Of every task on the array."""
        return [p for p in geometry_of(self._network, candidate, self._int32_outputs).panels if p is not None]

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
        needed = parameter_groups(self.panels(candidate), candidate.weight_tiles)
        return replace(candidate, parameter_groups=min(4096, needed))


def _name(candidate: Architecture) -> str:
    return (
        f"{candidate.rows}x{candidate.columns}, {candidate.activation_kib} KiB, {candidate.output_lanes} lanes, "
        f"{candidate.accumulator_depth} pixels, {candidate.weight_tiles} tiles"
    )
