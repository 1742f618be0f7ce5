"""The best plan of a network on an architecture, by replay."""

from collections.abc import Callable, Collection

from tcugen.arch import Architecture
from tcugen.mapping.plan import Plan, plan_network
from tcugen.mapping.stripes import ITEM_CYCLES
from tcugen.network.graph import Network
from tcugen.planning.planned import Planned, priced

LADDER = (250, 500, 1000, 2000, 4000, 8000)
"""What a further work item of a striped task may be reckoned to cost: larger values give fewer, larger items."""


def quick_plan(network: Network, architecture: Architecture, int32_outputs: Collection[str] = ()) -> Planned:
    """The first plan of the search, priced.

    Raises:
        CompileError: If the network cannot run on this architecture. Names node, value, rule and remedy.
    """
    return priced(plan_network(network, architecture, int32_outputs))


def best_plan(
    network: Network,
    architecture: Architecture,
    int32_outputs: Collection[str] = (),
    progress: Callable[[str], None] | None = None,
    start: Planned | None = None,
) -> Planned:
    """The plan of fewest predicted cycles among those that count a work item dearer or cheaper, step by step.

    Where all tensors are on chip there is nothing to choose. The same arguments give the same plan.

    Args:
        network: The graph.
        architecture: What to plan for.
        int32_outputs: Outputs of the network that are stored as 32-bit sums.
        progress: Called with one line of text per plan.
        start: What `quick_plan` gave for the same arguments, if it has been asked.

    Raises:
        CompileError: As `quick_plan`.
    """
    report = progress or _silent
    best = start or quick_plan(network, architecture, int32_outputs)
    if not best.plan.has_stripes:
        return best
    report(f"plan of {best.cycles:,} cycles")
    seen = [best.plan]
    first = LADDER.index(ITEM_CYCLES)
    for others in (reversed(LADDER[:first]), LADDER[first + 1 :]):
        improved = False
        for item_cycles in others:
            plan = plan_network(network, architecture, int32_outputs, item_cycles)
            if _known(plan, seen):
                continue
            seen.append(plan)
            other = priced(plan)
            report(f"plan of {other.cycles:,} cycles")
            if other.cycles >= best.cycles:
                break
            best, improved = other, True
        if improved:
            break
    return best


def _silent(_line: str) -> None:
    """Where nobody wants to know the plans."""


def _known(plan: Plan, seen: list[Plan]) -> bool:
    return any(plan.allocation == other.allocation for other in seen)
