"""From a network and room for one machine to the architecture with the fewest predicted cycles that fits.

What every array with every number of output lanes takes at least follows from shapes alone. Those that may be fastest
are planned and replayed, with as much activation memory as there is room for, until what the next ones take at least is
no less than the best takes; then buffers, lanes and activation memory of the best are traded against one another.
"""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tcugen.arch import COLUMN_SIZES, ROW_SIZES, Architecture, ArchitectureError, most_lanes
from tcugen.mapping.plan import geometry_of
from tcugen.mapping.tasks import PoolUnitTask, tasks_of
from tcugen.mapping.tiling import busy_cycles
from tcugen.network.graph import Network
from tcugen.planning.costs import node_costs
from tcugen.planning.search import best_plan
from tcugen.sizing.budget import Budget, check_budget, flag
from tcugen.sizing.buffers import accumulator_need, largest_power
from tcugen.sizing.depthwise import depthwise_reason, with_depthwise
from tcugen.sizing.errors import SizingError
from tcugen.sizing.memory import spilled_tensors
from tcugen.sizing.optional import optional_hardware
from tcugen.sizing.prices import Prices
from tcugen.sizing.room import Room
from tcugen.sizing.search import BUFFER_TIE, DEPTHS, SHAPE_TIE, Sizing
from tcugen.sizing.workload import Workload

PART_STEP_KIB = 16
"""Activation memories that are tried inside a part are multiples of this."""
RING_BYTES = 32 * 1024
"""Of the weight ring with which arrays are compared."""
ARRAY_PLANS, TRADE_PLANS = 7, 6
"""Plans that each half of the search may make where tensors are spilled, which takes seconds each; of others ten times
as many."""
CHEAP_PLANS = 10


class NoRoomError(SizingError):
    """No machine for the network fits; `smallest` is the one that lacks least."""

    def __init__(self, message: str, smallest: Architecture):
        super().__init__(message)
        self.smallest = smallest


@dataclass(frozen=True, eq=False)
class Filled:
    """The machine that fills the room best.

    Attributes:
        sizing: It, and why.
        larger_array: Of the arrays that may take fewer cycles and do not fit, the one that lacks least, with the least
            memories; None if there is none.
        larger_memory: The same machine with an activation memory that keeps every tensor; None if it has one.
    """

    sizing: Sizing
    larger_array: Architecture | None
    larger_memory: Architecture | None


def fill(
    network: Network,
    room: Room,
    budget: Budget,
    fixed: Mapping[str, int],
    int32_outputs: Collection[str] = (),
    progress: Callable[[str], None] | None = None,
) -> Filled:
    """The architecture for a network in a room.

    Args:
        network: What it is to run.
        room: What the machine may take.
        budget: Its bus and its largest activation memory; its multipliers, where they are not None.
        fixed: Parameters of `Architecture` that the user has set, by name.
        int32_outputs: Outputs of the network that are stored as 32-bit sums.
        progress: Called with one line of text per candidate.

    Raises:
        NoRoomError: If nothing fits.
        SizingError: If a value is outside its range. Names flag, value, rule and remedy.
        CompileError: If the network cannot run on any architecture that fits.
    """
    return _Fill(network, room, budget, dict(fixed), int32_outputs, progress or (lambda _line: None)).run()


class _Fill:
    """One search."""

    def __init__(
        self,
        network: Network,
        room: Room,
        budget: Budget,
        fixed: dict[str, int],
        int32_outputs: Collection[str],
        progress: Callable[[str], None],
    ):
        self.most = check_budget(budget, fixed) if budget.multipliers is not None else None
        self.most_kib = budget.max_activation_kib
        self.network, self.room, self.fixed = network, room, fixed
        self.int32_outputs, self.progress = int32_outputs, progress
        self.workloads = (Workload(network, int32_outputs),)
        self.prices = Prices(self.workloads, progress)
        tasks = tasks_of(network, int32_outputs)
        bits, self.sums = accumulator_need(tasks)
        check_budget(budget, fixed)
        self.optional = optional_hardware(tasks)
        self.base = Architecture(
            **dict.fromkeys(self.optional, 1),
            parity=fixed.get("parity", 0),
            bus_bytes=fixed.get("bus_bytes", budget.bus_bytes),
            bus_address_bits=fixed.get("bus_address_bits", Architecture.bus_address_bits),
            accumulator_bits=fixed.get("accumulator_bits", bits),
            accumulator_depth=fixed.get("accumulator_depth", DEPTHS[0]),
        )

    def run(self) -> Filled:
        candidates = sorted(self._candidates(), key=lambda c: (self.floor(c), c.multipliers, c.output_lanes))
        found = self._arrays(candidates)
        best = self._traded(found[0])
        planned = best_plan(self.network, best, self.int32_outputs, self.progress, start=self.prices.plans(best)[0])
        whole = self.prices.need(best).whole_kib
        sizing = Sizing(
            architecture=best,
            planned=planned,
            costs=node_costs(self.network, planned),
            reasons=self._reasons(best, found),
            shapes={(c.rows, c.columns): self.prices.cycles(c) for c in reversed(found)},
            runner_up=self._runner_up(best, found),
            spilled=spilled_tensors(planned.plan, whole, self.int32_outputs),
        )
        faster = [c for c in candidates if self.floor(c) < (1 - SHAPE_TIE) * planned.cycles]
        lacking = [c for c in faster if not self.room.holds(c)]
        larger = min(lacking, key=lambda c: (self.room.excess(c), self.floor(c)), default=None)
        keeps_all = whole is None or whole <= best.activation_kib or not sizing.spilled
        return Filled(sizing, larger, None if keeps_all else replace(best, activation_kib=whole))

    # Arrays

    def _candidates(self) -> Iterator[Architecture]:
        """Every array with every number of lanes, with the least memories."""
        rows = [self.fixed["rows"]] if "rows" in self.fixed else ROW_SIZES
        columns = [self.fixed["columns"]] if "columns" in self.fixed else COLUMN_SIZES
        refused: ArchitectureError | None = None
        any_found = False
        for r, c in itertools.product(rows, columns):
            if self.most is not None and r * c > self.most:
                continue
            lanes = [1 << k for k in range(most_lanes(r, c).bit_length())]
            for lane in [self.fixed["output_lanes"]] if "output_lanes" in self.fixed else lanes:
                try:
                    candidate = self._least(replace(self.base, rows=r, columns=c, output_lanes=1), lane)
                except ArchitectureError as error:
                    refused = error
                    continue
                any_found = True
                yield candidate
        if not any_found:
            if refused is not None:
                raise refused
            raise SizingError(f"--multipliers {self.most}: too few for that --array; raise --multipliers")

    def _least(self, array: Architecture, lanes: int) -> Architecture:
        """An array with the least memories."""
        candidate = replace(
            array,
            output_lanes=lanes,
            activation_kib=self.fixed.get("activation_kib", PART_STEP_KIB),
            weight_tiles=self.fixed.get("weight_tiles", 2),
        )
        return self.prices.with_groups(with_depthwise(candidate, self.workloads), self.fixed)

    def floor(self, candidate: Architecture) -> int:
        """Cycles that the candidate takes at least, but for what one layer's output overlaps with the next layer: in
        each layer the array takes its operands and the lanes give its results."""
        shapes = geometry_of(self.network, candidate, self.int32_outputs)
        total = 0
        for task, panel in zip(shapes.tasks, shapes.panels, strict=True):
            if isinstance(task, PoolUnitTask) or panel is None:
                continue
            out = task.output_shape
            groups = -(-out.channels // candidate.output_lanes)
            total += max(busy_cycles(task, panel, candidate), groups * out.height * out.width)
        return total

    def _arrays(self, candidates: Sequence[Architecture]) -> list[Architecture]:
        """The best machine of every array that was planned, fewest cycles first.

        Raises:
            NoRoomError: If none fits.
        """
        found: dict[tuple[int, int], Architecture] = {}
        spent, best = 0, 0
        for candidate in candidates:
            if not self.room.holds(candidate):
                continue
            if found and (self.floor(candidate) >= best or spent >= ARRAY_PLANS * CHEAP_PLANS):
                break
            machine = self._with_memories(candidate)
            if machine is None:
                continue
            shape = machine.rows, machine.columns
            cycles = self.prices.cycles(machine)
            spent += CHEAP_PLANS if self.prices.has_stripes(machine) else 1
            if shape not in found or cycles < self.prices.cycles(found[shape]):
                found[shape] = machine
            best = min(best or cycles, cycles)
        if not found:
            self._refuse(candidates)
        return sorted(found.values(), key=lambda c: (self.prices.cycles(c), c.multipliers))

    def _with_memories(self, candidate: Architecture) -> Architecture | None:
        """The array with a weight ring of RING_BYTES or less and as much activation memory as there is room for; None
        if the network does not run on what fits."""
        tiles = self.fixed.get("weight_tiles", largest_power(RING_BYTES // candidate.tile_bytes))
        while True:
            machine = self._filled(replace(candidate, weight_tiles=tiles))
            if machine is not None and self.prices.is_runnable(machine):
                return machine
            if tiles <= 2 or "weight_tiles" in self.fixed:
                return None
            tiles //= 2

    def _filled(self, machine: Architecture) -> Architecture | None:
        """With the parameter ring for its weight ring and the largest activation memory that fits and is of use; None
        if none fits."""
        machine = self.prices.with_groups(machine, self.fixed)
        if "activation_kib" in self.fixed:
            sizes = [self.fixed["activation_kib"]]
        else:
            most = min(self.prices.need(machine).whole_kib or self.most_kib, self.most_kib)
            sizes = [*range(most, 0, -PART_STEP_KIB)]
        filled = (replace(machine, activation_kib=kib) for kib in sizes)
        return next((other for other in filled if self.room.holds(other)), None)

    def _refuse(self, candidates: Sequence[Architecture]) -> None:
        smallest = min(candidates, key=lambda c: (self.room.excess(c), c.multipliers))
        over = self.room.over(smallest)
        lacks = ", ".join(f"{need:,.6g} of {has:,.6g} {name}" for name, (need, has) in over.items())
        if not over:
            self.prices.plans(replace(smallest, activation_kib=PART_STEP_KIB))  # raises, and says why
        raise NoRoomError(
            f"no machine for {self.network.name} fits {self.room.title}: the one that lacks least, "
            f"{_name(smallest)}, takes {lacks}",
            smallest,
        )

    # Memories and lanes

    def _traded(self, best: Architecture) -> Architecture:
        """Buffers and lanes twice or half as large, one after the other, as long as that gains."""
        spent, seen, moved = 0, {best}, True
        while moved:
            moved = False
            for other in self._neighbours(best):
                if spent >= TRADE_PLANS * CHEAP_PLANS:
                    return best
                if other in seen or not self.prices.is_runnable(other):
                    continue
                seen.add(other)
                spent += CHEAP_PLANS if self.prices.has_stripes(other) else 1
                if self.prices.cycles(other) < (1 - BUFFER_TIE) * self.prices.cycles(best):
                    best, moved = other, True
                    break
        return best

    def _neighbours(self, best: Architecture) -> Iterator[Architecture]:
        for name in ("accumulator_depth", "weight_tiles", "output_lanes"):
            if name in self.fixed:
                continue
            value = getattr(best, name)
            for other in (2 * value, value // 2):
                try:
                    machine = self._filled(replace(best, **{name: other}))
                except ArchitectureError:
                    continue
                if machine is not None:
                    yield machine

    # Words

    def _reasons(self, best: Architecture, found: Sequence[Architecture]) -> dict[str, str]:
        others = [c for c in found if (c.rows, c.columns) != (best.rows, best.columns)]
        title = self.room.title
        array = f"array {best.rows}x{best.columns}: the fewest predicted cycles of what fits {title}"
        if others:
            array += "; next " + ", ".join(f"{c.rows}x{c.columns} {self.prices.cycles(c):,}" for c in others[:2])
        trade = f"the best of those tried beside the activation memory that {title} then holds"
        whole = self.prices.need(best).whole_kib
        memory = (
            "which keeps every tensor on chip"
            if whole is not None and whole <= best.activation_kib
            else f"as much as {title} holds beside the rest"
        )
        reasons = {
            "rows": array,
            "columns": array,
            "activation_kib": f"activation memory {best.activation_kib} KiB, {memory}",
            "bus_bytes": f"bus {best.bus_bytes} bytes per beat: the budget's",
            "accumulator_bits": f"accumulator {best.accumulator_bits} bits: {self.sums}",
            "accumulator_depth": f"accumulators {best.accumulator_depth} pixels deep: {trade}",
            "weight_tiles": f"weight ring {best.weight_tiles} tiles: {trade}",
            "parameter_groups": f"parameter ring {best.parameter_groups} groups: what the weight ring needs",
            "output_lanes": f"output {best.output_lanes} lanes: {trade}",
            "bus_address_bits": f"bus address {best.bus_address_bits} bits: the default",
            **self.optional,
            **depthwise_reason(self.workloads, best),
        }
        return reasons | {name: f"{value}: set by {flag(name)}" for name, value in self.fixed.items()}

    def _runner_up(self, best: Architecture, found: Sequence[Architecture]) -> str | None:
        other = next((c for c in found if (c.rows, c.columns) != (best.rows, best.columns)), None)
        if other is None:
            return None
        cycles = self.prices.cycles(other)
        return f"{_name(other)}: {cycles:,} cycles, {cycles / self.prices.cycles(best) - 1:.1%} more"


def _name(machine: Architecture) -> str:
    lanes = f"{machine.output_lanes} lane{'s' if machine.output_lanes > 1 else ''}"
    return f"{machine.rows}x{machine.columns} with {lanes} and {machine.activation_kib} KiB"
