"""What a plan costs node by node, in the words of the machine's counters."""

from dataclasses import dataclass, field

from tcugen.network.graph import Network
from tcugen.planning.planned import Planned

TILES = "tiles"
"""Losses of a busy array: rows or columns without work."""


@dataclass(frozen=True)
class NodeCost:
    """Prediction for one node.

    Attributes:
        node, op: Its name and operator.
        macs: Its own multiply-accumulates.
        cycles: Predicted cycles; they add up to the network's.
        losses: Cycles beyond macs / multipliers by reason: TILES, or that of a stall counter in lower case.
        fused_into: The node that it is part of, then all cycles are 0; else None.
    """

    node: str
    op: str
    macs: int
    cycles: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    fused_into: str | None = None


def node_costs(network: Network, planned: Planned) -> tuple[NodeCost, ...]:
    """Predicted cost of every node, in the network's order."""
    multipliers = planned.plan.architecture.multipliers
    costs: dict[str, NodeCost] = {}
    for task, layer in zip(planned.plan.tasks, planned.prediction.layers, strict=True):
        runs, *fused = task.nodes
        macs = network.macs(network.by_name[runs])
        unfilled = layer.busy - macs / multipliers
        losses = {TILES: unfilled} if unfilled else {}
        losses |= {reason.name.lower(): cycles for reason, cycles in layer.stalls.items() if cycles}
        costs[runs] = NodeCost(runs, network.by_name[runs].op, macs, layer.cycles, losses)
        for name in fused:
            costs[name] = NodeCost(name, network.by_name[name].op, 0, fused_into=runs)
    return tuple(costs[node.name] for node in network.nodes)
