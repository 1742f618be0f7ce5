"""Which tensors live in the activation memory, and where; the rest is spilled to window SCRATCH."""

from collections.abc import Collection, Hashable
from dataclasses import dataclass

from tcugen.arch import Architecture
from tcugen.mapping.depthwise import DepthwiseTask
from tcugen.mapping.errors import CompileError
from tcugen.mapping.layouts import align
from tcugen.mapping.placement import Demand, place
from tcugen.mapping.stripes import ITEM_CYCLES, StripePlanner, Stripes, address_unit, slack_bytes
from tcugen.mapping.tasks import AverageTask, ConvTask, GatherTask, PoolUnitTask, Task
from tcugen.mapping.tiling import WeightPanel
from tcugen.mapping.views import Views, find_views
from tcugen.program import TensorLayout

BUFFER_SHARE = 0.25
"""Share of the memory that the buffers of a striped task may take at first, unless a search tries something else."""


WEIGHTS_AHEAD = 2
"""Tasks before a depthwise convolution in the pool unit that its weights are loaded ahead: then they do not wait."""


@dataclass(frozen=True)
class LoadedWeights:
    """Address of the weights of a task in the pool unit, and the task before which they are loaded."""

    address: int
    start: int


@dataclass(frozen=True)
class Allocation:
    """Addresses of the tensors on chip; stripes and buffer address of every task; the most bytes in use at once;
    weights of tasks in the pool unit, by number of the task; tensors that a task passes to the next one, in the pool
    unit, channel tile by channel tile out of two buffers; tensors that share storage."""

    addresses: dict[str, int]
    stripes: tuple[Stripes, ...]
    buffers: tuple[int, ...]
    peak_bytes: int
    weights: dict[int, LoadedWeights]
    passed: frozenset[str]
    views: Views

    def away(self, task: Task) -> frozenset[str]:
        """Tensors of a task that have no address of their own; those that are passed to it have, one buffer's.

        A task that has nothing to do has none."""
        if self.views.needs_nothing(task):
            return frozenset()
        names = {name for name in (*task.reads, task.output) if not self.is_resident(name)}
        return frozenset(names - (self.passed - {task.output}))

    def is_resident(self, tensor: str) -> bool:
        return tensor in self.addresses


def _per_channel(task: Task) -> str | None:
    """The residual operand of a task, if it is a single pixel: every stripe reads it, so it stays."""
    return task.residual if task.per_channel else None


class _Allocator:
    def __init__(
        self,
        tasks: tuple[Task, ...],
        layouts: dict[str, TensorLayout],
        panels: tuple[WeightPanel | None, ...],
        architecture: Architecture,
        item_cycles: int,
        buffer_share: float = BUFFER_SHARE,
        outputs: Collection[str] = (),
        copied: Collection[str] = (),
    ):
        self.item_cycles, self.buffer_share = item_cycles, buffer_share
        self.tasks, self.layouts, self.panels, self.architecture = tasks, layouts, panels, architecture
        self.unit = address_unit(architecture)
        self.capacity = architecture.activation_bytes // self.unit * self.unit
        self.spilled: set[str] = set()
        self.passed: set[str] = set()
        self.tight: set[int] = set()
        self.late: set[int] = set()
        self.outputs, self.copied, self.unpassed = frozenset(outputs), set(copied), set(outputs)
        self._planners: dict[tuple[int, frozenset[str], bool], StripePlanner] = {}
        self._by_shape: dict[Hashable, StripePlanner] = {}
        self.lifetime: dict[str, list[int]] = {}
        for index, task in enumerate(tasks):
            for name in (*task.reads, task.output):
                span = self.lifetime.setdefault(name, [index, index])
                span[1] = index
        for index, task in enumerate(tasks[1:], 1):
            if isinstance(task, PoolUnitTask) and task.input == tasks[index - 1].output:
                # The pool unit may follow its producer piece by piece, which still reads its own operands then.
                for name in tasks[index - 1].reads:
                    self.lifetime[name][1] = max(self.lifetime[name][1], index)
        self.pinned = {task.output for task in tasks if task.int32 or isinstance(task, AverageTask)}
        self.pinned |= {operand for task in tasks if (operand := _per_channel(task))}
        self.views = find_views(tasks, layouts, architecture, self.copied)

    def size(self, name: str) -> int:
        """Of a tensor, or of the storage that it shares."""
        layout = self.layouts[name]
        bytes_ = self.views.of[name].planes * layout.plane_bytes if name in self.views.of else layout.bytes
        return align(bytes_, self.unit) + 2 * slack_bytes(layout, self.architecture)

    def span(self, name: str) -> tuple[int, int]:
        """First and last task of a tensor, or of the storage that it shares."""
        spans = [self.lifetime[member] for member in self.views.members(name)]
        return min(first for first, _ in spans), max(last for _, last in spans)

    def planner(self, index: int) -> StripePlanner:
        task, passed = self.tasks[index], self.tasks[index].output in self.passed
        names = () if self.views.needs_nothing(task) else (*task.reads, task.output)
        away = (self.spilled | {task.output} if passed else self.spilled).intersection(names)
        key = (index, frozenset(away), passed)
        if key not in self._planners:
            shape = self.layouts[task.input], self.layouts[task.output], self.panels[index]
            planner = StripePlanner(task, *shape, key[1], self.architecture, self.item_cycles, passed)
            # Layers of one shape have the same plans, which take long to find.
            self._planners[key] = self._by_shape.setdefault(planner.key, planner)
        return self._planners[key]

    def resident_demands(self) -> list[Demand]:
        """Of what is on chip whatever the stripes are."""
        return self.tensor_demands() + self.weight_demands()

    def weight_demands(self) -> list[Demand]:
        """Weights of depthwise convolutions in the pool unit, from when they are loaded on."""
        return [
            Demand(
                (),
                align(task.weight_bytes(self.architecture), self.unit),
                index if index in self.late else max(0, index - WEIGHTS_AHEAD),
                index,
                weights=index,
            )
            for index, task in enumerate(self.tasks)
            if isinstance(task, DepthwiseTask)
        ]

    def tensor_demands(self) -> list[Demand]:
        """Resident tensors; a residual operand that dies in its add shares its bytes with the sum."""
        joined: dict[str, str] = {}
        for index, task in enumerate(self.tasks):
            operand = task.residual
            if operand is None:
                continue
            if (
                operand != task.input
                and operand != _per_channel(task)
                and self.lifetime[operand][1] == index
                and not {operand, task.output} & (self.spilled | self.passed | self.views.of.keys())
                and self.size(operand) == self.size(task.output)
            ):
                joined[task.output] = operand
        groups: dict[str, list[str]] = {}
        for name in self.lifetime:
            if name in self.spilled | self.passed:
                continue
            root, _ = self.views.place(name)
            while root in joined:
                root = joined[root]
            groups.setdefault(root, []).append(name)
        return [
            Demand(
                tuple(names),
                self.size(root),
                min(self.lifetime[name][0] for name in names),
                max(self.lifetime[name][1] for name in names),
            )
            for root, names in groups.items()
        ]

    def buffer_demands(self) -> list[Demand]:
        demands: list[Demand] = []
        for index in range(len(self.tasks)):
            planner = self.planner(index)
            if planner.is_resident:
                continue
            plan = None if index in self.tight else planner.best(int(self.capacity * self.buffer_share))
            demands.append(Demand((), (plan or planner.smallest()).bytes, index, self._last_of_buffers(index)))
        return demands

    def _last_of_buffers(self, index: int) -> int:
        """The task during which the stripe buffers of task `index` are read last."""
        return index + (self.tasks[index].output in self.passed)

    def _can_be_passed(self, name: str) -> bool:
        """Whether the pool unit can take a tensor channel tile by channel tile from the task that makes it, the one
        before, in little space."""
        first, last = self.lifetime[name]
        if (
            name in self.unpassed
            or name in self.views.of
            or last != first + 1
            or not isinstance(self.tasks[last], DepthwiseTask)
        ):
            return False
        task, reader = self.tasks[first], self.tasks[last]
        if not isinstance(task, ConvTask) or task.output != name or reader.output in self.spilled:
            return False
        shape = self.layouts[task.input], self.layouts[name], self.panels[first]
        planner = StripePlanner(task, *shape, frozenset({name}), self.architecture, self.item_cycles, True)
        return 2 * planner.smallest().bytes <= min(self.size(name), self.capacity)

    def relieve(self, demands: list[Demand]) -> None:
        """Load weights later, spill one tensor, or shrink one task's buffers, at the most crowded task."""
        crowding = [
            sum(demand.size for demand in demands if demand.start <= t <= demand.end) for t in range(len(self.tasks))
        ]
        for t in sorted(range(len(self.tasks)), key=lambda t: (-crowding[t], t)):
            early = {d.weights for d in demands if d.weights is not None and d.start <= t < d.end}
            if early:
                self.late |= early
                return
            candidates = [
                name
                for demand in demands
                if demand.start <= t <= demand.end
                for name in demand.names
                if self.pinned.isdisjoint(self.views.members(name)) and self.span(name)[0] <= t <= self.span(name)[1]
            ]
            worthwhile = [name for name in candidates if self.size(name) > 4 * self.unit]
            if worthwhile:
                spans = {name: self.span(name) for name in worthwhile}
                largest = max(worthwhile, key=lambda name: (self.size(name), spans[name][1] - spans[name][0], name))
                if largest in self.views.of:
                    self._spill_storage(largest)
                else:
                    (self.passed if self._can_be_passed(largest) else self.spilled).add(largest)
                self._withdraw()
                return
            if passed := {name for name in self.passed if self.lifetime[name][0] <= t <= self.lifetime[name][1]}:
                self.unpassed |= passed
                self._withdraw()
                return
            if t not in self.tight and any(demand.is_buffers and demand.start == t for demand in demands):
                self.tight.add(t)
                return
            if crowding[t] > self.capacity:
                raise CompileError(
                    f"node {self.tasks[t].name!r}: needs {crowding[t]} bytes of activation memory even in stripes of "
                    f"one row, but there are {self.capacity}; raise activation_kib to {-(-crowding[t] // 1024)} or more"
                )
        raise CompileError(
            f"network with {len(self.tasks)} tasks: no placement of its tensors fits {self.capacity} bytes of "
            "activation memory; raise activation_kib"
        )

    def _spill_storage(self, name: str) -> None:
        """Spill all tensors of a storage; if one is an output, or partly copied, none shares it from now on."""
        members = self.views.members(name)
        gathers = [task for task in self.tasks if isinstance(task, GatherTask) and task.output in members]
        if self.outputs.isdisjoint(members) and all(map(self.views.needs_nothing, gathers)):
            self.spilled |= set(members)
            return
        self.copied |= {task.output for task in gathers}
        self.views = find_views(self.tasks, self.layouts, self.architecture, self.copied)
        # Others may share storage now: what was decided for lack of space is decided anew.
        for decided in (self.spilled, self.passed, self.tight, self.late):
            decided.clear()
        self.unpassed = set(self.outputs)

    def _withdraw(self) -> None:
        """Spill what was to be passed to a task whose own output is spilled, or takes too much so."""
        readers = {task.input: task.output for task in self.tasks if isinstance(task, DepthwiseTask)}
        withdrawn = {name for name in self.passed if name in self.unpassed or readers[name] in self.spilled}
        self.passed -= withdrawn
        self.unpassed |= withdrawn
        self.spilled |= withdrawn

    def run(self) -> Allocation:
        while True:
            demands = self.resident_demands() + self.buffer_demands()
            placed = place(demands, self.capacity)
            if placed is not None:
                break
            self.relieve(demands)
        addresses = {
            name: base
            + slack_bytes(self.layouts[name], self.architecture)
            + self.views.place(name)[1] * self.layouts[name].plane_bytes
            for base, demand in placed
            for name in demand.names
        }
        stripes: list[Stripes] = []
        buffers: list[int] = []
        for index in range(len(self.tasks)):
            planner = self.planner(index)
            if planner.is_resident:
                plan, base = planner.whole(), 0
            else:
                base, size = self._largest_gap(
                    [
                        (b, i)
                        for b, i in placed
                        if not i.is_buffers and i.start <= self._last_of_buffers(index) and index <= i.end
                    ]
                )
                plan = planner.best(size) or planner.smallest()
            stripes.append(plan)
            buffers.append(base)
        peak = max((base + demand.size for base, demand in placed), default=0)
        peak = max([peak, *(base + plan.bytes for base, plan in zip(buffers, stripes, strict=True))])
        weights = {i.weights: LoadedWeights(base, i.start) for base, i in placed if i.weights is not None}
        passed = frozenset(self.passed)
        weights = dict(sorted(weights.items()))
        return Allocation(addresses, tuple(stripes), tuple(buffers), peak, weights, passed, self.views)

    def _largest_gap(self, placed: list[tuple[int, Demand]]) -> tuple[int, int]:
        """(address, bytes) of the largest free range beside the placed demands."""
        best, address = (0, 0), 0
        for base, size in [*sorted((base, demand.size) for base, demand in placed), (self.capacity, 0)]:
            if base - address > best[1]:
                best = (address, base - address)
            address = max(address, base + size)
        return best


def allocate(
    tasks: tuple[Task, ...],
    layouts: dict[str, TensorLayout],
    panels: tuple[WeightPanel | None, ...],
    architecture: Architecture,
    item_cycles: int,
    buffer_share: float = BUFFER_SHARE,
    outputs: Collection[str] = (),
    copied: Collection[str] = (),
) -> Allocation:
    """Place every tensor. Tensors that do not fit are spilled, largest first, and their tasks get stripe buffers. Where
    that cannot be done, nothing shares storage.

    `item_cycles` is that of the stripes, see StripePlanner; `buffer_share` the share of the memory that buffers may
    take while it is decided what is spilled: in the end they take what is free. `outputs` are those of the network,
    `copied` those of the gathers that shall copy all they read.

    Raises:
        CompileError: If one stripe of one row of some task does not fit. Names node, bytes needed and bytes there.
    """

    def run(copied: Collection[str]) -> Allocation:
        return _Allocator(tasks, layouts, panels, architecture, item_cycles, buffer_share, outputs, copied).run()

    try:
        return run(copied)
    except CompileError:
        # A storage may hold what cannot be spilled.
        gathers = {task.output for task in tasks if isinstance(task, GatherTask)}
        if gathers <= set(copied):
            raise
        return run(gathers)


def demand_of(
    tasks: tuple[Task, ...],
    layouts: dict[str, TensorLayout],
    panels: tuple[WeightPanel | None, ...],
    architecture: Architecture,
) -> tuple[int, str]:
    """Most bytes of tensors alive at once if all are on chip, and the node during which they are."""
    demands = _Allocator(tasks, layouts, panels, architecture, ITEM_CYCLES).resident_demands()
    alive = [sum(demand.size for demand in demands if demand.start <= t <= demand.end) for t in range(len(tasks))]
    most = max(alive)
    return most, tasks[alive.index(most)].name


def holds_all(
    tasks: tuple[Task, ...],
    layouts: dict[str, TensorLayout],
    panels: tuple[WeightPanel | None, ...],
    architecture: Architecture,
) -> bool:
    """Whether every tensor can be placed in the activation memory, none spilled."""
    allocator = _Allocator(tasks, layouts, panels, architecture, ITEM_CYCLES)
    return place(allocator.resident_demands(), allocator.capacity) is not None
