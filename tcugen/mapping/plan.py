"""One plan of a network on an architecture: what search prices, schedule turns into instructions and reports show."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from tcugen.arch import Architecture
from tcugen.mapping.allocate import BUFFER_SHARE, Allocation, allocate
from tcugen.mapping.errors import CompileError
from tcugen.mapping.layouts import choose_layouts
from tcugen.mapping.stripes import ITEM_CYCLES
from tcugen.mapping.tasks import GatherTask, PoolUnitTask, Task, tasks_of
from tcugen.mapping.tiling import WeightPanel, panel_of
from tcugen.mapping.views import offsets
from tcugen.network.graph import Network
from tcugen.program import Shared, TensorLayout


@dataclass(frozen=True, eq=False)
class Plan:
    """A network before it becomes instructions.

    Attributes:
        network: The graph.
        architecture: What it is planned for.
        tasks: In execution order.
        layouts: By tensor.
        panels: By task; None in the pool unit.
        allocation: What is where.
    """

    network: Network
    architecture: Architecture
    tasks: tuple[Task, ...]
    layouts: dict[str, TensorLayout]
    panels: tuple[WeightPanel | None, ...]
    allocation: Allocation

    @property
    def has_stripes(self) -> bool:
        """Some task runs in more than one piece for lack of space."""
        return any(len(stripes.stripes) * len(stripes.channel_tiles) > 1 for stripes in self.allocation.stripes)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Tensors that come from outside."""
        return tuple(name for name, _ in self.network.inputs)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Tensors that leave; later tasks may read them too."""
        return self.network.outputs

    @cached_property
    def spilled(self) -> tuple[str, ...]:
        """Tensors between tasks that go to memory and back; those that others are put together to go with them."""
        return tuple(
            task.output
            for task in self.tasks
            if not self.allocation.is_resident(task.output)
            and not self.allocation.views.needs_nothing(task)
            and task.output not in self.outputs
            and task.output not in self.allocation.passed
        )

    @cached_property
    def shared(self) -> tuple[Shared, ...]:
        """Channels of concats and slices that no task writes, in execution order."""
        views = self.allocation.views
        return tuple(
            Shared(task.output, start, part.channels, part.tensor, part.first)
            for task in self.tasks
            if isinstance(task, GatherTask)
            for (part, start), copied in zip(offsets(task), views.copied(task), strict=True)
            if not copied
        )


@dataclass(frozen=True, eq=False)
class Geometry:
    """What follows from a network and an array before anything is placed: tasks, layouts by tensor, panels by task."""

    tasks: tuple[Task, ...]
    layouts: dict[str, TensorLayout]
    panels: tuple[WeightPanel | None, ...]


def geometry_of(network: Network, architecture: Architecture, int32_outputs: Collection[str] = ()) -> Geometry:
    """Tasks, layouts and weight panels; the size of the activation memory plays no part."""
    tasks = tasks_of(network, int32_outputs, bool(architecture.depthwise))
    layouts = choose_layouts(network.inputs, tasks, architecture)
    panels = tuple(
        None if isinstance(task, PoolUnitTask) else panel_of(task, layouts[task.input], architecture) for task in tasks
    )
    return Geometry(tasks, layouts, panels)


def _check_hardware(tasks: Sequence[Task], architecture: Architecture) -> None:
    """Raises CompileError if a task needs hardware that is optional and absent."""
    for task in tasks:
        for needed, there, what in (
            (task.table, architecture.tables, "is a table, but the machine has none"),
            (task.multiply, architecture.multiply, "is a product of two tensors, but the machine cannot multiply them"),
            (task.per_channel, architecture.per_channel, f"reads {task.residual!r} as one value per channel, but the "
             "machine cannot"),
            (task.unrounded, architecture.unrounded_add, "adds to sums that are not rounded, but the machine cannot"),
        ):  # fmt: skip
            if needed and not there:
                raise CompileError(f"node {task.name!r}: {what}; build a machine for this network")


def plan_network(
    network: Network,
    architecture: Architecture,
    int32_outputs: Collection[str] = (),
    item_cycles: int = ITEM_CYCLES,
    buffer_share: float = BUFFER_SHARE,
    copied: Collection[str] = (),
) -> Plan:
    """Everything that is decided before instructions are made.

    Args:
        network: The graph.
        architecture: What to plan for.
        int32_outputs: Outputs of the network that are stored as 32-bit sums.
        item_cycles: What a work item is reckoned to cost beside its work, see `StripePlanner`.
        buffer_share: Share of the memory that stripe buffers may take at first, see `allocate`.
        copied: Nodes that shall copy their operands though these could stand in the result, see `views`.

    Raises:
        CompileError: If the network cannot run on this architecture. Names node, value, rule and remedy.
    """
    shapes = geometry_of(network, architecture, int32_outputs)
    _check_hardware(shapes.tasks, architecture)
    geometry = shapes.tasks, shapes.layouts, shapes.panels
    allocation = allocate(*geometry, architecture, item_cycles, buffer_share, network.outputs, copied)
    return Plan(network, architecture, shapes.tasks, shapes.layouts, shapes.panels, allocation)
