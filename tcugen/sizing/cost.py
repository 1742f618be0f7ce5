"""The cost model: predicted cycles of every node of a network on an architecture, and what they are lost to.

It follows the machine's own schedule (column groups, blocks, passes; output path, weight stream and pool unit beside
the array) but not its single cycles; constants below were read off the hardware's pipelines.
"""

from collections import Counter
from dataclasses import dataclass, field, replace

from tcugen.arch import Architecture
from tcugen.network.graph import Network
from tcugen.network.operators import Add, Linear
from tcugen.sizing.activations import live_tensors, pixel_bytes, spilled_tensors, tensor_bytes
from tcugen.sizing.tasks import Task, tasks_of
from tcugen.sizing.tiling import Tiling, tile_task
from tcugen.sizing.timeline import Strip, Timeline

BORDER_CYCLES = 60
"""From the last result of one task to the first operand of the next that reads it: pipelines and instruction start."""
READ_LATENCY_CYCLES = 100
WRITE_LATENCY_CYCLES = 50

REASONS = {
    "rows": "array rows without a channel or tap",
    "columns": "array columns without an output channel",
    "no multiplications": "passes that move data",
    "short blocks": "blocks of fewer pixels than array rows",
    "output path": "results come faster than the output path takes them",
    "weights": "the array waits for weights",
    "memory": "the array waits for activations on the bus",
    "border": "pipelines fill and drain between layers",
    "pool": "the pool unit finishes after the convolution that feeds it",
}
"""What cycles are lost to, by the key used in `NodeCost.losses`."""


@dataclass(frozen=True)
class NodeCost:
    """Prediction for one node.

    Attributes:
        node, op: Its name and operator.
        macs: Its own multiply-accumulates.
        array_cycles: Cycles of the array if nothing holds it up (of the pool unit for a max_pool).
        output_cycles: Cycles of the output path, which runs beside the array.
        memory_cycles: Cycles of the bus for weights and activations, which also runs beside it.
        cycles: Predicted cycles from the end of the node before to the end of this one. They add up to the network's.
        losses: Cycles lost by reason, a key of REASONS; the rest of `cycles` is what the multipliers need.
        fused_into: The node that it is part of, then all cycles are 0; else None.
    """

    node: str
    op: str
    macs: int
    array_cycles: int = 0
    output_cycles: int = 0
    memory_cycles: int = 0
    cycles: int = 0
    losses: dict[str, int] = field(default_factory=dict)
    fused_into: str | None = None

    @property
    def reason(self) -> str:
        """Where most of the lost cycles go, in words."""
        if self.fused_into is not None:
            return f"fused into {self.fused_into}"
        if not any(self.losses.values()):
            return "nothing lost"
        return REASONS[max(self.losses, key=lambda key: self.losses[key])]


def predict(network: Network, architecture: Architecture) -> tuple[NodeCost, ...]:
    """Predicted cost of every node, in the network's order. Their `cycles` sum to a whole image, start to interrupt."""
    return _Prediction(network, architecture).run()


class _Prediction:
    """One walk over the tasks of a network with the clock of a `Timeline`."""

    def __init__(self, network: Network, architecture: Architecture):
        self.network, self.architecture = network, architecture
        self.tasks = tasks_of(network)
        self.per_pixel = pixel_bytes(network, self.tasks, architecture)
        shapes = network.shapes
        self.sizes = {name: tensor_bytes(shapes[name], size, architecture) for name, size in self.per_pixel.items()}
        live = live_tensors(network, self.tasks)
        self.outside = spilled_tensors(live, self.sizes, architecture.activation_bytes)
        # Space for a burst is set aside when it is requested, so what is on its way is part of the ring but no lead.
        on_its_way = READ_LATENCY_CYCLES * architecture.bus_bytes
        lead_bytes = max(architecture.tile_bytes, architecture.weight_buffer_bytes - on_its_way)
        self.timeline = Timeline(architecture.bus_bytes, lead_bytes, architecture.parameter_groups)
        self.to_load = {name for name, _ in network.inputs}
        self.previous: _Done | None = None

    def run(self) -> tuple[NodeCost, ...]:
        costs: dict[str, NodeCost] = {}
        for task in self.tasks:
            start = self.timeline.now
            losses: Counter[str] = Counter()
            cost = self._on_array(task, losses) if task.on_array else self._in_pool_unit(task, losses)
            if task is self.tasks[-1]:
                self._finish(task, losses)
            costs[task.node.name] = replace(cost, cycles=self.timeline.now - start, losses=dict(losses))
            costs |= {
                name: NodeCost(name, Add.op, 0, fused_into=task.node.name) for name in {task.output} - {task.node.name}
            }
        return tuple(costs[node.name] for node in self.network.nodes)

    def _lose(self, losses: Counter[str], reason: str, cycles: int) -> None:
        self.timeline.wait(cycles)
        losses[reason] += cycles

    def _begin(self, task: Task, early_cycles: int, losses: Counter[str]) -> None:
        """Cycles before a task's first operand; a task that does not read the result before it starts at once.

        The drain of the last tile before is hidden by `early_cycles` of work that does not need it.
        """
        if self.previous is None:
            self._lose(losses, "memory", READ_LATENCY_CYCLES)
            self._lose(losses, "border", BORDER_CYCLES)
        elif self.previous.output == task.node.inputs[0]:
            self._lose(losses, "border", BORDER_CYCLES + max(0, self.previous.drain_cycles - early_cycles))

    def _traffic_bytes(self, task: Task) -> int:
        """Activation bytes on the bus: inputs when first read, tensors outside whenever read or written."""
        loads = {name for name in task.reads if name in self.outside or name in self.to_load}
        self.to_load -= loads
        return sum(self.sizes[name] for name in loads) + (self.sizes[task.output] if task.output in self.outside else 0)

    def _on_array(self, task: Task, losses: Counter[str]) -> NodeCost:
        architecture = self.architecture
        int32 = task is self.tasks[-1] and isinstance(task.node, Linear)
        tiling = tile_task(task, self.per_pixel[task.node.inputs[0]], architecture, int32)
        self._begin(task, tiling.early_cycles, losses)
        start = self.timeline.now
        traffic = self._traffic_bytes(task)
        # Nothing hides the first block's way in and the last one's way out.
        self._lose(losses, "memory", traffic // len(tiling.blocks) // architecture.bus_bytes)
        weights = tiling.strip_bytes + architecture.parameter_group_bytes
        again = len(tiling.blocks) if tiling.strip_bytes > architecture.weight_buffer_bytes else 1
        moved = traffic // (tiling.n_columns * again)
        waited = 0
        for column in range(tiling.n_columns):
            blocks = tiling.strip_blocks(last=column == tiling.n_columns - 1)
            parts = [[cycles] for cycles in blocks] if again > 1 else [blocks]
            for part in parts:
                waited += self.timeline.run(Strip(sum(part), weights + moved, part[0], part[-1], tiling.passes))
        losses["memory"] += waited * moved // (weights + moved)
        losses["weights"] += waited - waited * moved // (weights + moved)
        losses.update(self._array_losses(task, tiling))
        self.previous = _Done(task.output, tiling.last_drain_cycles, self.timeline.now - start)
        return NodeCost(
            task.node.name,
            task.node.op,
            self.network.macs(task.node),
            array_cycles=tiling.array_cycles,
            output_cycles=tiling.output_cycles,
            memory_cycles=-(-(traffic + weights * again * tiling.n_columns) // architecture.bus_bytes),
        )

    def _array_losses(self, task: Task, tiling: Tiling) -> dict[str, int]:
        busy, macs = tiling.busy_cycles, self.network.macs(task.node)
        tiles = sum(sum(tiling.strip_blocks(last=False)) for _ in range(tiling.n_columns - 1))
        losses = {
            "short blocks": tiling.array_cycles - busy,
            "output path": tiles + sum(tiling.strip_blocks(last=True)) - tiling.array_cycles,
        }
        if macs == 0:
            return losses | {"no multiplications": busy}
        slots = tiling.n_columns * tiling.columns
        columns = busy * (slots - task.output_shape.channels) // slots
        return losses | {"columns": columns, "rows": busy - columns - -(-macs // self.architecture.multipliers)}

    def _in_pool_unit(self, task: Task, losses: Counter[str]) -> NodeCost:
        """The pool unit works on a channel group while the array makes the next: the last one's part is left."""
        self._begin(task, 0, losses)
        architecture, shape = self.architecture, task.output_shape
        words = -(-shape.channels // architecture.rows)
        unit = task.kernel[0] * task.kernel[1] * shape.height * shape.width * words
        exposed = unit
        if self.previous is not None and self.previous.output == task.node.inputs[0]:
            last_words = min(words, max(1, architecture.columns // architecture.rows))
            before = self.previous.cycles * (words - last_words) // words
            exposed = max(unit * last_words // words, unit - before)
        traffic = self._traffic_bytes(task)
        self._lose(losses, "pool", exposed)
        self._lose(losses, "memory", traffic // architecture.bus_bytes)
        self.previous = _Done(task.output, 0, exposed)
        memory_cycles = -(-traffic // architecture.bus_bytes)
        return NodeCost(task.node.name, task.node.op, 0, array_cycles=unit, memory_cycles=memory_cycles)

    def _finish(self, task: Task, losses: Counter[str]) -> None:
        """The network's last result: drained, then written to memory."""
        self._lose(losses, "border", BORDER_CYCLES + self.previous.drain_cycles)
        planes = 4 if isinstance(task.node, Linear) else 1
        stored = 0 if task.output in self.outside else planes * self.sizes[task.output]
        self._lose(losses, "memory", -(-stored // self.architecture.bus_bytes) + WRITE_LATENCY_CYCLES)


@dataclass(frozen=True)
class _Done:
    """The task before: its result, cycles until the last of it is drained, cycles it ran."""

    output: str
    drain_cycles: int
    cycles: int
