"""The cost model: predicted cycles of every node of a network on an architecture, and what they are lost to.

It follows the machine's own schedule (column groups, blocks, passes; output path, weight stream and pool unit beside
the array) but not its single cycles; constants below were read off the hardware's pipelines.
"""

from dataclasses import dataclass, field

from tcugen.arch import Architecture
from tcugen.network.graph import Network
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
    tasks = tasks_of(network)
    per_pixel = pixel_bytes(network, tasks, architecture)
    sizes = {name: tensor_bytes(shape, per_pixel[name], architecture) for name, shape in network.shapes.items()
             if name in per_pixel}  # fmt: skip
    spilled = spilled_tensors(live_tensors(network, tasks), sizes, architecture.activation_bytes)
    traffic = _traffic(network, tasks, sizes, spilled)
    timeline = Timeline(architecture.bus_bytes, architecture.weight_buffer_bytes, architecture.parameter_groups)
    costs: dict[str, NodeCost] = {}
    before: tuple[Task, Tiling | None, int] | None = None
    for index, task in enumerate(tasks):
        start = timeline.now
        last = index == len(tasks) - 1
        int32 = last and task.node.op == "linear"
        tiling = tile_task(task, per_pixel[task.node.inputs[0]], architecture, int32) if task.on_array else None
        border = _border(task, before)
        exposed_bytes, moved_bytes = _exposed(task, tiling, index, traffic, sizes)
        wait = border + -(-exposed_bytes // architecture.bus_bytes) + (READ_LATENCY_CYCLES if index == 0 else 0)
        timeline.wait(wait)
        memory = wait - border
        if tiling is None:
            cost = _pool(task, before, timeline, architecture, border, memory)
        else:
            cost = _array(network, task, tiling, timeline, architecture, border, memory, moved_bytes, last, sizes)
        costs[task.node.name] = cost
        before = (task, tiling, timeline.now - start)
    fused = {task.output: task.node.name for task in tasks if task.output != task.node.name}
    return tuple(
        costs.get(node.name) or NodeCost(node.name, node.op, 0, fused_into=fused[node.name]) for node in network.nodes
    )
