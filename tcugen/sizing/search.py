"""From a network and a budget to the architecture with the fewest predicted cycles.

Every candidate is planned, turned into instructions and replayed: what is compared is what the machine will do.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from tcugen.arch import ROW_SIZES, Architecture, ArchitectureError, most_lanes
from tcugen.mapping.tasks import tasks_of
from tcugen.network.graph import Network
from tcugen.planning.costs import NodeCost, node_costs
from tcugen.planning.planned import Planned
from tcugen.planning.search import best_plan
from tcugen.sizing.budget import Budget, check_budget, flag
from tcugen.sizing.buffers import accumulator_need, buffer_bytes, datapath_bits, largest_power, limit_bytes
from tcugen.sizing.depthwise import depthwise_reason, with_depthwise
from tcugen.sizing.errors import SizingError
from tcugen.sizing.memory import Spilled, smallest_kib, spilled_tensors
from tcugen.sizing.optional import optional_hardware
from tcugen.sizing.prices import Prices
from tcugen.sizing.workload import Workload

DEPTHS = (128, 256, 512, 1024)
"""Accumulator depths that are tried."""
SHAPE_TIE = 0.005
"""Array shapes whose predicted cycles differ by less than this are equal: replay is not more exact than that."""
CLOSE = 0.04
"""Array shapes within this of the best are tried with other output lanes too."""
BUFFER_TIE = 0.0004
"""A buffer is not made larger for a smaller gain than this."""
TRAFFIC_TIE = 0.01
"""Nor is it made smaller where that costs more traffic on the bus than this."""
OUTPUT_LOSS = 0.003
"""Twice the output lanes must gain at least this share of the cycles."""
MULTIPLIERS_PER_LANE = 64
"""Where the search for output lanes starts."""


@dataclass(frozen=True, eq=False)
class Sizing:
    """An architecture and why.

    Attributes:
        architecture: The result.
        planned: The network's plan on it and the replay of that.
        costs: Predicted cost of every node.
        reasons: For every parameter of the architecture, one sentence.
        shapes: Predicted cycles of every array shape (rows, columns) that was compared, fewest first.
        runner_up: The next best array and what it loses, in words; None if no other was compared.
        spilled: Tensors that go to memory and back.
    """

    architecture: Architecture
    planned: Planned
    costs: tuple[NodeCost, ...]
    reasons: dict[str, str]
    shapes: dict[tuple[int, int], int]
    runner_up: str | None
    spilled: tuple[Spilled, ...]

    @property
    def cycles(self) -> int:
        """Predicted cycles for one image."""
        return self.planned.cycles

    @property
    def utilisation(self) -> float:
        """The network's own multiply-accumulates per multiplier and cycle."""
        return sum(cost.macs for cost in self.costs) / (self.architecture.multipliers * self.cycles)


def size(
    network: Network,
    budget: Budget | None = None,
    fixed: Mapping[str, int] | None = None,
    int32_outputs: Collection[str] = (),
    progress: Callable[[str], None] | None = None,
) -> Sizing:
    """The architecture for a network that stores `int32_outputs` as 32-bit sums; else as `size_for`."""
    return size_for((Workload(network, int32_outputs),), budget, fixed, progress)[0]


def size_for(
    workloads: Sequence[Workload],
    budget: Budget | None = None,
    fixed: Mapping[str, int] | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[Sizing, ...]:
    """One architecture for some networks: a sizing for each of them, all with that architecture and its reasons.

    The fewest predicted cycles win, those of one image of each network added up. Where two array shapes are equal
    within SHAPE_TIE, the one with fewer multipliers, then output lanes, then bits of data path wins; buffers are the
    smallest within BUFFER_TIE of the best.

    Args:
        workloads: What it is to run, at least one.
        budget: What there is to spend; Budget() if None.
        fixed: Parameters of `Architecture` that the user has set, by name.
        progress: Called with one line of text per candidate.

    Raises:
        SizingError: If a value is outside its range or nothing fits. Names flag, value, rule and remedy.
        CompileError: If a network cannot run on any such architecture. Names node, value, rule and remedy.
    """
    report: Callable[[str], None] = progress or (lambda _line: None)
    return _Search(workloads, budget or Budget(), dict(fixed or {}), report).run()


class _Search:
    """One search: array shape and output lanes first, then depth of the accumulators, then rings."""

    def __init__(
        self, workloads: Sequence[Workload], budget: Budget, fixed: dict[str, int], progress: Callable[[str], None]
    ):
        self.workloads, self.fixed, self.progress = workloads, fixed, progress
        self.multipliers = check_budget(budget, fixed)
        self.most_kib = budget.max_activation_kib
        self.prices = Prices(workloads, progress)
        self.ruled_out: Architecture | None = None
        self.unrunnable: list[Architecture] = []
        self.reasons = {name: f"{value}: set by {flag(name)}" for name, value in fixed.items()}
        tasks = [task for work in workloads for task in tasks_of(work.network, work.int32_outputs)]
        bits, sums = accumulator_need(tasks)
        self._choose("accumulator_bits", bits, f"accumulator {bits} bits: {sums}")
        self._choose("bus_bytes", budget.bus_bytes, f"bus {budget.bus_bytes} bytes per beat: the budget's")
        self._choose("bus_address_bits", Architecture.bus_address_bits, "bus address 40 bits: the default")
        optional = optional_hardware(tasks)
        for parameter, reason in optional.items():
            self._choose(parameter, 1, reason)
        settled = ("bus_bytes", "bus_address_bits", "accumulator_bits", "parity")
        self.base = Architecture(
            **dict.fromkeys(optional, 1), **{name: self.fixed[name] for name in settled if name in self.fixed}
        )

    def _choose(self, parameter: str, value: int, reason: str) -> None:
        """Settle a parameter, unless the user has."""
        if parameter not in self.fixed:
            self.fixed[parameter] = value
            self.reasons[parameter] = reason

    def run(self) -> tuple[Sizing, ...]:
        best, found = self._shape()
        best = self._memory(self._rings(self._depth(best)))
        self.reasons |= depthwise_reason(self.workloads, best)
        reasons = {name: self.reasons[name] for name in best.to_dict()}
        whole = self.prices.need(best).whole_kib
        shapes = {(other.rows, other.columns): self.prices.cycles(other) for other in found}
        runner_up = self._runner_up(found)
        sizings: list[Sizing] = []
        for work, start in zip(self.workloads, self.prices.plans(best), strict=True):
            planned = best_plan(work.network, best, work.int32_outputs, self.progress, start=start)
            spilled = spilled_tensors(planned.plan, whole, work.int32_outputs)
            costs = node_costs(work.network, planned)
            sizings.append(Sizing(best, planned, costs, reasons, shapes, runner_up, spilled))
        return tuple(sizings)

    # Array shape and output lanes

    def _shape(self) -> tuple[Architecture, list[Architecture]]:
        """The best shape, and one candidate of every shape that was compared, fewest cycles first."""
        candidates = self._candidates()
        candidates.sort(key=lambda c: (self.prices.least_cycles(c), c.rows))
        self._check_memory(candidates)
        found: list[Architecture] = []
        for candidate in candidates:
            if found and self.prices.least_cycles(candidate) > (1 + SHAPE_TIE) * self.prices.cycles(found[0]):
                self.ruled_out = self.ruled_out or candidate
                continue
            if self.prices.is_runnable(candidate):
                found.append(candidate)
                found.sort(key=lambda c: (self.prices.cycles(c), c.rows))
            else:
                self.unrunnable.append(candidate)
        if not found:
            self.prices.plans(candidates[0])  # raises, and says why
        close = (1 + CLOSE) * self.prices.cycles(found[0])
        found = [self._lanes(c) if self.prices.cycles(c) <= close else c for c in found]
        found.sort(key=lambda c: (self.prices.cycles(c), c.rows))
        equal = [c for c in found if self.prices.cycles(c) <= (1 + SHAPE_TIE) * self.prices.cycles(found[0])]
        best = min(
            equal, key=lambda c: (c.multipliers, c.output_lanes, datapath_bits(c), self.prices.cycles(c), c.rows)
        )
        self._explain_shape(best, found)
        return best, found

    def _candidates(self) -> list[Architecture]:
        """Every shape as it is first tried, but for those that other parameters rule out."""
        candidates: list[Architecture] = []
        refused: ArchitectureError | None = None
        for shape in self._shapes():
            try:
                candidates.append(self._start(*shape))
            except ArchitectureError as error:
                refused = error
        if not candidates and refused is not None:
            raise refused
        return candidates

    def _shapes(self) -> list[tuple[int, int]]:
        rows = [self.fixed["rows"]] if "rows" in self.fixed else list(ROW_SIZES)
        columns = [self.fixed["columns"]] if "columns" in self.fixed else list(ROW_SIZES)
        shapes = [(r, c) for r in rows for c in columns if r * c <= self.multipliers]
        shapes = [shape for shape in shapes if self.fixed.get("output_lanes", 1) <= most_lanes(*shape)]
        if not shapes:
            raise SizingError(self._no_shape(rows, columns))
        return shapes

    def _no_shape(self, rows: Sequence[int], columns: Sequence[int]) -> str:
        sizes = f"rows {', '.join(map(str, rows))} and columns {', '.join(map(str, columns))}"
        lanes = self.fixed.get("output_lanes", 1)
        if min(rows) * min(columns) > self.multipliers:
            return (
                f"--multipliers {self.multipliers}: {sizes} take at least {min(rows) * min(columns)}; "
                "raise --multipliers or choose a smaller --array"
            )
        return (
            f"--output-lanes {lanes}: must divide rows and columns, but divides none of the {sizes} that "
            f"--multipliers {self.multipliers} holds; lower --output-lanes or raise --multipliers"
        )

    def _start(self, rows: int, columns: int) -> Architecture:
        """A shape as it is first tried: the largest weight ring, a memory that keeps everything if it may."""
        lanes = min(largest_power(rows * columns // MULTIPLIERS_PER_LANE), most_lanes(rows, columns))
        lanes = lanes if rows * columns >= 2 * MULTIPLIERS_PER_LANE else 1
        array = replace(
            self.base,
            rows=rows,
            columns=columns,
            output_lanes=self.fixed.get("output_lanes", lanes),
            accumulator_depth=self.fixed.get("accumulator_depth", DEPTHS[0]),
        )
        candidate = with_depthwise(array, self.workloads)
        if "activation_kib" in self.fixed:
            candidate = replace(candidate, activation_kib=self.fixed["activation_kib"])
        else:
            kib = self.prices.need(candidate).whole_kib or self.most_kib
            candidate = replace(candidate, activation_kib=min(kib, self.most_kib))
        return self.prices.with_rings(candidate, self.fixed)

    def _check_memory(self, candidates: Sequence[Architecture]) -> None:
        """Raises SizingError if the activation memory that the user asks for holds no plan of any candidate."""
        if any(self.prices.is_runnable(candidate) for candidate in candidates):
            return
        needs = [self._smallest_kib(candidate) for candidate in candidates]
        known = [kib for kib in needs if kib is not None]
        here = max(candidate.activation_kib for candidate in candidates)
        if not known or min(known) <= here:
            return
        names = " and ".join(work.network.name for work in self.workloads)
        asked = "--activation-kib" if "activation_kib" in self.fixed else "--max-activation-kib"
        raise SizingError(
            f"{asked} {here}: holds no plan of {names}; the smallest activation memory that does is "
            f"{min(known)} KiB: {asked} {min(known)}"
        )

    def _smallest_kib(self, candidate: Architecture) -> int | None:
        """The smallest activation memory with a plan of every network; None if there is none."""
        needs = [smallest_kib(work.network, candidate, work.int32_outputs) for work in self.workloads]
        known = [kib for kib in needs if kib is not None]
        return max(known) if len(known) == len(needs) else None

    def _lanes(self, candidate: Architecture) -> Architecture:
        """The fewest output lanes that twice as many would not beat by OUTPUT_LOSS."""
        if "output_lanes" in self.fixed:
            return candidate
        most = most_lanes(candidate.rows, candidate.columns)
        if self.prices.has_stripes(candidate):
            # With as many lanes as rows the residual operand takes a whole word per cycle. Beside the loads and stores
            # of a striped task that holds up the output stage by more than the replay says.
            most = max(1, min(most, candidate.rows // 2))
        best = candidate
        while best.output_lanes < most:
            wider = replace(best, output_lanes=2 * best.output_lanes)
            if self.prices.cycles(wider) > (1 - OUTPUT_LOSS) * self.prices.cycles(best):
                break
            best = wider
        while best is candidate and best.output_lanes > 1:
            narrower = replace(best, output_lanes=best.output_lanes // 2)
            if self.prices.cycles(narrower) > (1 + OUTPUT_LOSS) * self.prices.cycles(candidate):
                break
            best = candidate = narrower
        return best

    def _explain_shape(self, best: Architecture, found: Sequence[Architecture]) -> None:
        cycles = self.prices.cycles(best)
        text = f"array {_shape_name(best)}: {cycles:,} cycles predicted with at most {self.multipliers} multipliers"
        others = [c for c in found if c is not best]
        if others:
            text += "; next " + ", ".join(f"{_shape_name(c)} {self.prices.cycles(c):,}" for c in others[:2])
        if self.unrunnable:
            fastest = self.unrunnable[0]
            text += f"; cannot run on {', '.join(map(_shape_name, self.unrunnable))}: on {_shape_name(fastest)} "
            text += self.prices.refusal(fastest)
        for parameter in ("rows", "columns"):
            if parameter not in self.fixed:
                self.reasons[parameter] = text
        if "output_lanes" not in self.fixed:
            self.reasons["output_lanes"] = (
                f"output {best.output_lanes} lanes: twice as many would gain less than {OUTPUT_LOSS:.1%} of the cycles"
                if best.output_lanes < most_lanes(best.rows, best.columns)
                else f"output {best.output_lanes} lanes: as many as the array allows"
            )

    def _runner_up(self, found: Sequence[Architecture]) -> str | None:
        """The second of the shapes and what it loses more of than the first."""
        if len(found) < 2:
            return self._ruled_out(found[0])
        first, second = (self.prices.spent(c) for c in found[:2])
        more = {reason: lost - first.get(reason, 0) for reason, lost in second.items()}
        reason = max(more, key=lambda name: more[name])
        cycles = self.prices.cycles(found[1])
        share = cycles / self.prices.cycles(found[0]) - 1
        return (
            f"{_shape_name(found[1])}: {cycles:,} cycles, {share:.1%} more than {_shape_name(found[0])}, "
            f"most of them lost to {reason}"
        )

    def _ruled_out(self, best: Architecture) -> str | None:
        """The first shape that was not even planned, because its array alone takes longer."""
        if self.ruled_out is None:
            return None
        least, cycles = self.prices.least_cycles(self.ruled_out), self.prices.cycles(best)
        return (
            f"{_shape_name(self.ruled_out)}: at least {least:,} cycles, {least / cycles - 1:.1%} more than "
            f"{_shape_name(best)}, if nothing ever held up its array"
        )

    # Memory and buffers

    def _memory(self, best: Architecture) -> Architecture:
        """The activation memory: what keeps every tensor, or less if that costs next to nothing."""
        if "activation_kib" in self.fixed:
            return best
        need, kib = self.prices.need(best), best.activation_kib
        alive = f"{need.node} has {need.bytes:,} bytes of tensors alive"
        if need.whole_kib is None or need.whole_kib > self.most_kib:
            self.reasons["activation_kib"] = (
                f"activation memory {kib} KiB: {alive}, more than the {self.most_kib} KiB that there may be, so "
                "tensors go to memory and back"
            )
            return best
        self.reasons["activation_kib"] = f"activation memory {kib} KiB: {alive}"
        if need.least_kib < kib:
            smaller = replace(best, activation_kib=need.least_kib)
            cycles, fewest = self.prices.cycles(smaller), self.prices.cycles(best)
            if cycles <= (1 + BUFFER_TIE) * fewest:
                self.reasons["activation_kib"] = f"activation memory {need.least_kib} KiB: {alive}"
                return smaller
            self.reasons["activation_kib"] += (
                f", for which {need.least_kib} KiB leave gaps: {cycles / fewest - 1:.1%} more cycles"
            )
        return best

    def _depth(self, best: Architecture) -> Architecture:
        if "accumulator_depth" in self.fixed:
            return best
        found: list[Architecture] = []
        for depth in DEPTHS:
            candidate = self.prices.with_rings(replace(best, accumulator_depth=depth), self.fixed)
            if buffer_bytes(candidate) <= limit_bytes(best.multipliers) or depth == DEPTHS[0]:
                found.append(candidate)
        fewest = min(self.prices.cycles(candidate) for candidate in found)
        equal = [c for c in found if self.prices.cycles(c) <= (1 + BUFFER_TIE) * fewest]
        least = min(self.prices.bytes_read(c) for c in equal)
        best = next(c for c in equal if self.prices.bytes_read(c) <= (1 + TRAFFIC_TIE) * least)
        tried = ", ".join(str(candidate.accumulator_depth) for candidate in found)
        self.reasons["accumulator_depth"] = (
            f"accumulators {best.accumulator_depth} pixels deep: {self.prices.cycles(best) / fewest - 1:.2%} over the "
            f"best of {tried}, under {BUFFER_TIE:.2%} wanted, and no more on the bus"
        )
        return best

    def _rings(self, best: Architecture) -> Architecture:
        """The smallest weight ring that costs next to nothing, in cycles and on the bus, over the largest that fits."""
        cycles, bytes_read = self.prices.cycles(best), self.prices.bytes_read(best)
        if "weight_tiles" not in self.fixed:
            while best.weight_tiles > 2:
                smaller = self.prices.with_groups(replace(best, weight_tiles=best.weight_tiles // 2), self.fixed)
                if self.prices.cycles(smaller) > (1 + BUFFER_TIE) * cycles:
                    break
                if self.prices.bytes_read(smaller) > (1 + TRAFFIC_TIE) * bytes_read:
                    break
                best = smaller
            self.reasons["weight_tiles"] = (
                f"weight ring {best.weight_tiles} tiles, {best.weight_buffer_bytes // 1024} KiB: "
                f"{max(0, self.prices.cycles(best) / cycles - 1):.2%} more cycles than the largest within "
                f"{limit_bytes(best.multipliers) // 1024} KiB of buffers, under {BUFFER_TIE:.2%} wanted, and no weight "
                "read more often"
            )
        if "parameter_groups" not in self.fixed:
            self.reasons["parameter_groups"] = (
                f"parameter ring {best.parameter_groups} groups: one for every column group whose weights are in the "
                "ring, two for the output path"
            )
        return best


def _shape_name(candidate: Architecture) -> str:
    return f"{candidate.rows}x{candidate.columns}"
