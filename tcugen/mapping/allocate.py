"""Which tensors live in the activation memory, and where; the rest is spilled to window SCRATCH."""

from dataclasses import dataclass

from tcugen.arch import Architecture
from tcugen.mapping.errors import CompileError
from tcugen.mapping.layouts import align
from tcugen.mapping.stripes import BandPlanner, Bands, address_unit, slack_bytes
from tcugen.mapping.tasks import AverageTask, PoolTask, Task
from tcugen.mapping.tiling import Strip
from tcugen.program import TensorLayout

_ATTEMPTS = 60
"""Orders tried before placement is given up and a tensor spilled."""

_COMFORT = 4
"""Band buffers may take this fraction (1 / _COMFORT) of the memory as long as it is not contended."""


@dataclass(frozen=True)
class Item:
    """Bytes wanted during tasks start .. end (both included), for some tensors or for the band buffers of a task."""

    names: tuple[str, ...]
    size: int
    start: int
    end: int


@dataclass(frozen=True)
class Allocation:
    """Addresses of the tensors on chip; bands and buffer address of every task; the most bytes in use at once."""

    addresses: dict[str, int]
    bands: tuple[Bands, ...]
    buffers: tuple[int, ...]
    peak_bytes: int

    def is_resident(self, tensor: str) -> bool:
        return tensor in self.addresses


def _lowest_gap(placed: list[tuple[int, Item]], item: Item, capacity: int) -> int | None:
    """Lowest address where `item` meets no placed item of overlapping lifetime."""
    address = 0
    for base, other in sorted(
        ((base, other) for base, other in placed if other.start <= item.end and item.start <= other.end),
        key=lambda entry: entry[0],
    ):
        if base - address >= item.size:
            break
        address = max(address, base + other.size)
    return address if address + item.size <= capacity else None


def _place_in_order(order: list[Item], capacity: int) -> tuple[list[tuple[int, Item]], Item | None]:
    placed: list[tuple[int, Item]] = []
    for item in order:
        address = _lowest_gap(placed, item, capacity)
        if address is None:
            return placed, item
        placed.append((address, item))
    return placed, None


def place(items: list[Item], capacity: int) -> list[tuple[int, Item]] | None:
    """Addresses of all items, or None if no tried order fits. An item that did not fit goes first in the next try."""
    orders = (
        lambda item: (-item.size, item.start),
        lambda item: (-item.size * (item.end - item.start + 1), item.start),
        lambda item: (item.start, -item.size),
    )
    for key in orders:
        order = sorted(items, key=key)
        for _ in range(_ATTEMPTS):
            placed, failed = _place_in_order(order, capacity)
            if failed is None:
                return placed
            if order[0] is failed:
                break
            order.remove(failed)
            order.insert(0, failed)
    return None


class _Allocator:
    def __init__(
        self,
        tasks: tuple[Task, ...],
        layouts: dict[str, TensorLayout],
        strips: tuple[Strip | None, ...],
        architecture: Architecture,
        job_cycles: int,
    ):
        self.job_cycles = job_cycles
        self.tasks, self.layouts, self.strips, self.architecture = tasks, layouts, strips, architecture
        self.unit = address_unit(architecture)
        self.capacity = architecture.activation_bytes // self.unit * self.unit
        self.spilled: set[str] = set()
        self.tight: set[int] = set()
        self._planners: dict[tuple[int, frozenset[str]], BandPlanner] = {}
        self.lifetime: dict[str, list[int]] = {}
        for index, task in enumerate(tasks):
            for name in (*task.reads, task.output):
                span = self.lifetime.setdefault(name, [index, index])
                span[1] = index
        for index, task in enumerate(tasks[1:], 1):
            if isinstance(task, PoolTask) and task.input == tasks[index - 1].output:
                # The pool may run row by row behind its producer, which still reads its own operands then.
                for name in tasks[index - 1].reads:
                    self.lifetime[name][1] = max(self.lifetime[name][1], index)
        self.pinned = {task.output for task in tasks if task.int32 or isinstance(task, AverageTask)}

    def size(self, name: str) -> int:
        layout = self.layouts[name]
        return align(layout.bytes, self.unit) + 2 * slack_bytes(layout, self.architecture)

    def planner(self, index: int) -> BandPlanner:
        task = self.tasks[index]
        key = (index, frozenset(self.spilled.intersection((*task.reads, task.output))))
        if key not in self._planners:
            layouts = self.layouts[task.input], self.layouts[task.output]
            self._planners[key] = BandPlanner(
                task, *layouts, self.strips[index], key[1], self.architecture, self.job_cycles
            )
        return self._planners[key]

    def tensor_items(self) -> list[Item]:
        """Resident tensors; a residual operand that dies in its add shares its bytes with the sum."""
        joined: dict[str, str] = {}
        for index, task in enumerate(self.tasks):
            operand = task.residual
            if operand is None:
                continue
            if (
                operand != task.input
                and self.lifetime[operand][1] == index
                and not {operand, task.output} & self.spilled
                and self.size(operand) == self.size(task.output)
            ):
                joined[task.output] = operand
        groups: dict[str, list[str]] = {}
        for name in self.lifetime:
            if name in self.spilled:
                continue
            root = name
            while root in joined:
                root = joined[root]
            groups.setdefault(root, []).append(name)
        return [
            Item(
                tuple(names),
                self.size(root),
                min(self.lifetime[name][0] for name in names),
                max(self.lifetime[name][1] for name in names),
            )
            for root, names in groups.items()
        ]

    def buffer_items(self) -> list[Item]:
        items = []
        for index in range(len(self.tasks)):
            planner = self.planner(index)
            if planner.is_resident:
                continue
            plan = None if index in self.tight else planner.best(self.capacity // _COMFORT)
            items.append(Item((), (plan or planner.smallest()).bytes, index, index))
        return items

    def relieve(self, items: list[Item]) -> None:
        """Spill one tensor, or shrink one task's buffers, at the most crowded task."""
        demand = [sum(item.size for item in items if item.start <= t <= item.end) for t in range(len(self.tasks))]
        for t in sorted(range(len(self.tasks)), key=lambda t: (-demand[t], t)):
            candidates = [
                name
                for item in items
                if item.start <= t <= item.end
                for name in item.names
                if name not in self.pinned and self.lifetime[name][0] <= t <= self.lifetime[name][1]
            ]
            worthwhile = [name for name in candidates if self.size(name) > 4 * self.unit]
            if worthwhile:
                span = self.lifetime
                self.spilled.add(
                    max(worthwhile, key=lambda name: (self.size(name), span[name][1] - span[name][0], name))
                )
                return
            if t not in self.tight and any(not item.names and item.start == t for item in items):
                self.tight.add(t)
                return
            if demand[t] > self.capacity:
                raise CompileError(
                    f"node {self.tasks[t].name!r}: needs {demand[t]} bytes of activation memory even in bands of one "
                    f"row, but there are {self.capacity}; raise activation_kib to {-(-demand[t] // 1024)} or more"
                )
        raise CompileError(
            f"network with {len(self.tasks)} tasks: no placement of its tensors fits {self.capacity} bytes of "
            "activation memory; raise activation_kib"
        )

    def run(self) -> Allocation:
        while True:
            items = self.tensor_items() + self.buffer_items()
            placed = place(items, self.capacity)
            if placed is not None:
                break
            self.relieve(items)
        addresses = {
            name: base + slack_bytes(self.layouts[name], self.architecture)
            for base, item in placed
            for name in item.names
        }
        bands, buffers = [], []
        for index in range(len(self.tasks)):
            planner = self.planner(index)
            if planner.is_resident:
                plan, base = planner.whole(), 0
            else:
                base, size = self._largest_gap([(b, i) for b, i in placed if i.names and i.start <= index <= i.end])
                plan = planner.best(size)
            bands.append(plan)
            buffers.append(base)
        peak = max((base + item.size for base, item in placed), default=0)
        peak = max([peak, *(base + plan.bytes for base, plan in zip(buffers, bands, strict=True))])
        return Allocation(addresses, tuple(bands), tuple(buffers), peak)

    def _largest_gap(self, placed: list[tuple[int, Item]]) -> tuple[int, int]:
        """(address, bytes) of the largest free range beside the placed items."""
        best, address = (0, 0), 0
        for base, size in [*sorted((base, item.size) for base, item in placed), (self.capacity, 0)]:
            if base - address > best[1]:
                best = (address, base - address)
            address = max(address, base + size)
        return best


def allocate(
    tasks: tuple[Task, ...],
    layouts: dict[str, TensorLayout],
    strips: tuple[Strip | None, ...],
    architecture: Architecture,
    job_cycles: int,
) -> Allocation:
    """Place every tensor. Tensors that do not fit are spilled, largest first, and their tasks get band buffers.

    `job_cycles` is that of the bands, see BandPlanner.

    Raises:
        CompileError: If one band of one row of some task does not fit. Names node, bytes needed and bytes there.
    """
    return _Allocator(tasks, layouts, strips, architecture, job_cycles).run()
