"""What a plan costs node by node, as the machine's counters will charge it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tcugen.network.graph import Network
from tcugen.planning.planned import Planned


@dataclass(frozen=True)
class NodeCost:
    """Prediction for one node.

    Attributes:
        node, op: Its name and operator.
        macs: Its own multiply-accumulates.
        busy: Cycles in which the array takes an operand.
        stalls: Cycles in which it waits, by reason in lower case.
        fused_into: The node that it is part of, then all cycles are 0; else None.
    """

    node: str
    op: str
    macs: int
    busy: int = 0
    stalls: Mapping[str, int] = field(default_factory=dict[str, int])
    fused_into: str | None = None

    @property
    def cycles(self) -> int:
        """All of them; those of all nodes add up to the network's."""
        return self.busy + sum(self.stalls.values())


def node_costs(network: Network, planned: Planned) -> tuple[NodeCost, ...]:
    """Predicted cost of every node, in the network's order."""
    costs: dict[str, NodeCost] = {}
    for task, layer in zip(planned.plan.tasks, planned.prediction.layers, strict=True):
        runs, *fused = task.nodes
        node = network.by_name[runs]
        stalls = {reason.name.lower(): cycles for reason, cycles in layer.stalls.items() if cycles}
        costs[runs] = NodeCost(runs, node.op, network.macs(node), layer.busy, stalls)
        for name in fused:
            costs[name] = NodeCost(name, network.by_name[name].op, 0, fused_into=runs)
    return tuple(costs[node.name] for node in network.nodes)
