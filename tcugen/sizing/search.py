"""From a network and a budget to the architecture with the fewest predicted cycles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tcugen.arch import ARRAY_SIZES, Architecture, ArchitectureError
from tcugen.network.graph import Network
from tcugen.sizing.activations import live_tensors, peak_bytes, pixel_bytes, tensor_bytes
from tcugen.sizing.buffers import (
    accumulator_need,
    buffer_bytes,
    datapath_bits,
    largest_power,
    limit_bytes,
    parameter_groups,
)
from tcugen.sizing.cost import NodeCost, predict
from tcugen.sizing.errors import SizingError
from tcugen.sizing.tasks import Task, tasks_of
from tcugen.sizing.tiling import Tiling, tile_task

DEFAULT_MULTIPLIERS = 256
DEPTHS = (128, 256, 512, 1024)
"""Accumulator depths that are tried."""
FIRST_DEPTH = 256
"""Accumulator depth with which array shapes are compared."""
SHAPE_TIE = 0.01
"""Array shapes whose predicted cycles differ by less than this are equal: the model is not better than that."""
BUFFER_TIE = 0.0005
"""A buffer is not made larger for a smaller gain than this."""
TRAFFIC_TIE = 0.01
"""Nor is it made smaller where that costs more traffic on the bus than this."""
OUTPUT_LOSS = 0.003
"""Largest share of the array's cycles that may be lost to the output path."""
ACTIVATION_STEP_KIB = 64
"""Activation memories come in multiples of this."""


@dataclass(frozen=True)
class Budget:
    """What the user has to spend.

    Attributes:
        multipliers: Most multipliers; None means 256, or what fixed rows and columns need.
        activation_kib: Largest activation memory in KiB.
        bus_bytes: Bytes per AXI4 beat.
    """

    multipliers: int | None = None
    activation_kib: int = 1280
    bus_bytes: int = 8


@dataclass(frozen=True)
class Sizing:
    """An architecture and why.

    Attributes:
        architecture: The result.
        costs: Predicted cost of every node on it.
        reasons: For every parameter of the architecture, one sentence.
        shapes: Predicted cycles of every array shape (rows, columns) that was compared, fewest first.
    """

    architecture: Architecture
    costs: tuple[NodeCost, ...]
    reasons: dict[str, str]
    shapes: dict[tuple[int, int], int]

    @property
    def cycles(self) -> int:
        """Predicted cycles for one image."""
        return sum(cost.cycles for cost in self.costs)

    @property
    def utilisation(self) -> float:
        """The network's own multiply-accumulates per multiplier and cycle."""
        return sum(cost.macs for cost in self.costs) / (self.architecture.multipliers * self.cycles)


def size(network: Network, budget: Budget | None = None, fixed: Mapping[str, int] | None = None) -> Sizing:
    """The architecture for a network.

    The fewest predicted cycles win. Where two array shapes are equal within SHAPE_TIE, the one with fewer multipliers,
    then output lanes, then bits of data path wins; buffers are the smallest within BUFFER_TIE of the best.

    Args:
        network: What it is to run.
        budget: What there is to spend; Budget() if None.
        fixed: Parameters of `Architecture` that the user has set, by name.

    Raises:
        SizingError: If a value is outside its range or nothing fits. Names flag, value, rule and remedy.
    """
    return _Search(network, budget or Budget(), dict(fixed or {})).run()


def flag(parameter: str) -> str:
    """The command-line flag of a parameter."""
    if parameter in ("rows", "columns"):
        return "--array"
    return "--" + parameter.replace("_", "-")


def _cycles(costs: tuple[NodeCost, ...]) -> int:
    return sum(cost.cycles for cost in costs)


def _memory_cycles(costs: tuple[NodeCost, ...]) -> int:
    return sum(cost.memory_cycles for cost in costs)


class _Search:
    """One search: shape first, then depth of the accumulators, then rings."""

    def __init__(self, network: Network, budget: Budget, fixed: dict[str, int]):
        self.network, self.fixed = network, fixed
        self.tasks = tasks_of(network)
        self.multipliers = _check(budget, fixed)
        self.reasons = {name: f"{value}: set by {flag(name)}" for name, value in fixed.items()}
        bits, node, products = accumulator_need(network)
        self._choose("accumulator_bits", bits, f"accumulator {bits} bits: {node} sums {products} products")
        self._choose("bus_bytes", budget.bus_bytes, f"bus {budget.bus_bytes} bytes per beat: the budget's")
        self._choose("bus_address_bits", Architecture.bus_address_bits, "bus address 40 bits: the default")
        self.base = Architecture(
            activation_kib=budget.activation_kib,
            bus_bytes=self.fixed["bus_bytes"],
            bus_address_bits=self.fixed["bus_address_bits"],
            accumulator_bits=self.fixed["accumulator_bits"],
        )

    def _choose(self, parameter: str, value: int, reason: str) -> None:
        """Settle a parameter, unless the user has."""
        if parameter not in self.fixed:
            self.fixed[parameter] = value
            self.reasons[parameter] = reason

    def run(self) -> Sizing:
        best, shapes = self._shape()
        best = self._depth(best)
        best = self._rings(best)
        costs = predict(self.network, best)
        reasons = {name: self.reasons[name] for name in best.to_dict()}
        return Sizing(best, costs, reasons, shapes)

    # Array shape and output lanes

    def _shape(self) -> tuple[Architecture, dict[tuple[int, int], int]]:
        macs = self.network.mac_count
        rows = [self.fixed["rows"]] if "rows" in self.fixed else ARRAY_SIZES
        columns = [self.fixed["columns"]] if "columns" in self.fixed else ARRAY_SIZES
        shapes = [(r, c) for r in rows for c in columns if r * c <= self.multipliers]
        shapes = [shape for shape in shapes if self.fixed.get("output_lanes", 1) <= min(shape)]
        if not shapes:
            raise SizingError(self._no_shape(rows, columns))
        found: list[tuple[int, Architecture]] = []
        for shape in sorted(shapes, key=lambda shape: (-shape[0] * shape[1], shape)):
            if found and macs / (shape[0] * shape[1]) > (1 + SHAPE_TIE) * found[0][0]:
                continue
            candidate = self._with_rings(self._with_lanes(*shape))
            found.append((_cycles(predict(self.network, candidate)), candidate))
            found.sort(key=lambda entry: (entry[0], entry[1].rows))
        fewest = found[0][0]
        equal = [entry for entry in found if entry[0] <= (1 + SHAPE_TIE) * fewest]
        cycles, best = min(
            equal, key=lambda e: (e[1].multipliers, e[1].output_lanes, datapath_bits(e[1]), e[0], e[1].rows)
        )
        self._explain_shape(best, cycles, found)
        return best, {(other.rows, other.columns): count for count, other in found}

    def _no_shape(self, rows: Sequence[int], columns: Sequence[int]) -> str:
        sizes = f"rows {', '.join(map(str, rows))} and columns {', '.join(map(str, columns))}"
        lanes = self.fixed.get("output_lanes", 1)
        if min(rows) * min(columns) > self.multipliers:
            return (
                f"--multipliers {self.multipliers}: {sizes} take at least {min(rows) * min(columns)}; "
                "raise --multipliers or choose a smaller --array"
            )
        return (
            f"--output-lanes {lanes}: must not exceed rows and columns, but {sizes} with at most {self.multipliers} "
            "multipliers are fewer; lower --output-lanes or raise --multipliers"
        )

    def _explain_shape(self, best: Architecture, cycles: int, found: list[tuple[int, Architecture]]) -> None:
        shape = f"{best.rows}x{best.columns}"
        text = f"array {shape}: {cycles:,} cycles predicted with at most {self.multipliers} multipliers"
        others = [(count, f"{other.rows}x{other.columns}") for count, other in found if other is not best]
        if others:
            text += "; next " + ", ".join(f"{name} {count:,}" for count, name in others[:2])
        for parameter in ("rows", "columns"):
            if parameter not in self.fixed:
                self.reasons[parameter] = text

    def _with_lanes(self, rows: int, columns: int) -> Architecture:
        """The shape with the fewest output lanes that lose less than OUTPUT_LOSS, and a fitting activation memory."""
        depth = self.fixed.get("accumulator_depth", FIRST_DEPTH)
        lanes = [1 << bit for bit in range(min(rows, columns).bit_length())]
        for count in [self.fixed["output_lanes"]] if "output_lanes" in self.fixed else lanes:
            candidate = replace(self.base, rows=rows, columns=columns, output_lanes=count, accumulator_depth=depth)
            tilings = self._tilings(candidate)
            array = sum(tiling.array_cycles for _, tiling in tilings)
            over = {task: max(0, tiling.output_cycles - tiling.array_cycles) for task, tiling in tilings}
            # A network that only pools leaves the array idle, so nothing is lost.
            lost = sum(over.values()) / array if array else 0.0
            if lost < OUTPUT_LOSS:
                break
        if "output_lanes" not in self.fixed:
            self.reasons["output_lanes"] = (
                f"output {count} lanes: {lost:.2%} of the array's cycles are lost to the output "
                f"path, under {OUTPUT_LOSS:.1%} wanted"
                + ("" if lost < OUTPUT_LOSS else " but not to be had with this array")
            )
        return self._with_activations(candidate)

    def _with_activations(self, candidate: Architecture) -> Architecture:
        if "activation_kib" in self.fixed:
            return replace(candidate, activation_kib=self.fixed["activation_kib"])
        per_pixel = pixel_bytes(self.network, self.tasks, candidate)
        sizes = {name: tensor_bytes(self.network.shapes[name], count, candidate) for name, count in per_pixel.items()}
        peak, index = peak_bytes(live_tensors(self.network, self.tasks), sizes)
        need = -(-peak // (ACTIVATION_STEP_KIB * 1024)) * ACTIVATION_STEP_KIB
        fits = need <= self.base.activation_kib
        kib = need if fits else self.base.activation_kib
        self.reasons["activation_kib"] = (
            f"activation memory {kib} KiB: {self.tasks[index].node.name} has {peak:,} bytes of tensors alive"
            + ("" if fits else ", more than the budget, so tensors go to memory and back")
        )
        return replace(candidate, activation_kib=kib)

    def _tilings(self, candidate: Architecture) -> list[tuple[Task, Tiling]]:
        per_pixel = pixel_bytes(self.network, self.tasks, candidate)
        return [
            (task, tile_task(task, per_pixel[task.node.inputs[0]], candidate)) for task in self.tasks if task.on_array
        ]

    # Buffers

    def _with_rings(self, candidate: Architecture) -> Architecture:
        """The largest weight ring that fits beside the accumulators, and the parameter ring that it needs."""
        tilings = [tiling for _, tiling in self._tilings(candidate)]
        limit = limit_bytes(candidate.multipliers)
        # Accumulators that the user made too deep leave the ring a quarter of the limit all the same.
        room = max(limit - candidate.accumulator_bytes, limit // 4)
        tiles = self.fixed.get("weight_tiles", min(16384, largest_power(room // candidate.tile_bytes)))
        while True:
            groups = self.fixed.get("parameter_groups", min(4096, parameter_groups(tilings, tiles)))
            result = replace(candidate, weight_tiles=tiles, parameter_groups=groups)
            used = result.weight_buffer_bytes + result.parameter_buffer_bytes
            if used <= room or "weight_tiles" in self.fixed or tiles == 2:
                return result
            tiles //= 2

    def _depth(self, best: Architecture) -> Architecture:
        if "accumulator_depth" in self.fixed:
            return best
        found = []
        for depth in DEPTHS:
            candidate = self._with_rings(replace(best, accumulator_depth=depth))
            if buffer_bytes(candidate) <= limit_bytes(best.multipliers) or depth == DEPTHS[0]:
                found.append((_cycles(predict(self.network, candidate)), candidate))
        fewest = min(cycles for cycles, _ in found)
        cycles, best = next(entry for entry in found if entry[0] <= (1 + BUFFER_TIE) * fewest)
        tried = ", ".join(str(other.accumulator_depth) for _, other in found)
        self.reasons["accumulator_depth"] = (
            f"accumulators {best.accumulator_depth} pixels deep: {cycles / fewest - 1:.2%} over the best of "
            f"{tried}, under {BUFFER_TIE:.2%} wanted"
        )
        return best

    def _rings(self, best: Architecture) -> Architecture:
        """The smallest weight ring that costs next to nothing, in cycles and on the bus, over the largest that fits."""
        costs = predict(self.network, best)
        cycles, most, traffic = _cycles(costs), _cycles(costs), _memory_cycles(costs)
        if "weight_tiles" not in self.fixed:
            while best.weight_tiles > 2:
                smaller = self._shrunk(best)
                costs = predict(self.network, smaller)
                if _cycles(costs) > (1 + BUFFER_TIE) * most or _memory_cycles(costs) > (1 + TRAFFIC_TIE) * traffic:
                    break
                best, cycles = smaller, _cycles(costs)
            self.reasons["weight_tiles"] = (
                f"weight ring {best.weight_tiles} tiles, {best.weight_buffer_bytes // 1024} KiB: "
                f"{cycles / most - 1:.2%} more cycles than the largest within "
                f"{limit_bytes(best.multipliers) // 1024} KiB of buffers, under {BUFFER_TIE:.2%} wanted, and no weight "
                "read more often"
            )
        if "parameter_groups" not in self.fixed:
            self.reasons["parameter_groups"] = (
                f"parameter ring {best.parameter_groups} groups: one for every column group whose weights are in the "
                "ring, two for the output path"
            )
        return best

    def _shrunk(self, best: Architecture) -> Architecture:
        tilings = [tiling for _, tiling in self._tilings(best)]
        tiles = best.weight_tiles // 2
        groups = self.fixed.get("parameter_groups", min(4096, parameter_groups(tilings, tiles)))
        return replace(best, weight_tiles=tiles, parameter_groups=groups)


def _check(budget: Budget, fixed: dict[str, int]) -> int:
    """Check every value by itself; returns the number of multipliers to spend."""
    names = Architecture().to_dict()
    for name, value in [*fixed.items(), ("activation_kib", budget.activation_kib), ("bus_bytes", budget.bus_bytes)]:
        if name not in names:
            raise SizingError(f"{flag(name)}: is no parameter of an architecture; use {', '.join(map(flag, names))}")
        try:
            # With the widest array every value that some array allows is allowed.
            Architecture(**({"rows": 32, "columns": 32} | {name: value}))
        except ArchitectureError as error:
            raise SizingError(f"{flag(name)} {value}: {error}; correct {flag(name)}") from None
    multipliers = budget.multipliers
    if multipliers is None:
        both = "rows" in fixed and "columns" in fixed
        return fixed["rows"] * fixed["columns"] if both else DEFAULT_MULTIPLIERS
    least = ARRAY_SIZES[0] ** 2
    if isinstance(multipliers, bool) or not isinstance(multipliers, int) or multipliers < least:
        raise SizingError(
            f"--multipliers {multipliers}: must be an integer of at least {least}, the smallest array being "
            f"{ARRAY_SIZES[0]}x{ARRAY_SIZES[0]}; raise --multipliers"
        )
    return multipliers
