"""The best plan of a network on an architecture, by replay."""

from collections.abc import Callable, Collection

from tcugen.arch import Architecture
from tcugen.mapping.allocate import BUFFER_SHARE
from tcugen.mapping.errors import CompileError
from tcugen.mapping.plan import Plan, plan_network
from tcugen.mapping.stripes import ITEM_CYCLES
from tcugen.mapping.tasks import GatherTask
from tcugen.network.graph import Network
from tcugen.planning.planned import Planned, priced

SHARES = (0.65, 0.9)
"""Shares of the memory that stripe buffers may take at first, tried besides the one the search starts with: the more
they take, the more tensors are spilled for them, and the larger the stripes."""
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
    """The plan of fewest predicted cycles among those that copy what could share storage, that give buffers more room,
    and that count a work item dearer or cheaper, step by step.

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
    report: Callable[[str], None] = progress or (lambda _line: None)
    best = start or quick_plan(network, architecture, int32_outputs)
    if not best.plan.has_stripes:
        return best
    report(f"plan of {best.cycles:,} cycles")
    seen = [best.plan]

    def tried(item_cycles: int, share: float, copied: Collection[str]) -> Planned | None:
        plan = plan_network(network, architecture, int32_outputs, item_cycles, share, copied)
        if _known(plan, seen):
            return None
        seen.append(plan)
        other = priced(plan)
        report(f"plan of {other.cycles:,} cycles")
        return other

    copied: tuple[str, ...] = ()
    for others in _copies(best.plan):
        try:
            other = tried(ITEM_CYCLES, BUFFER_SHARE, others)
        except CompileError:
            # Copies may need more than there is where shared storage does not.
            continue
        if other is not None and other.cycles < best.cycles:
            best, copied = other, others
    share = BUFFER_SHARE
    for other_share in SHARES:
        other = tried(ITEM_CYCLES, other_share, copied)
        if other is not None and other.cycles < best.cycles:
            best, share = other, other_share
    first = LADDER.index(ITEM_CYCLES)
    for others in (reversed(LADDER[:first]), LADDER[first + 1 :]):
        improved = False
        for item_cycles in others:
            other = tried(item_cycles, share, copied)
            if other is None:
                continue
            if other.cycles >= best.cycles:
                break
            best, improved = other, True
        if improved:
            break
    return best


def _copies(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Gathers that a plan lets share storage, and that may rather copy: those whose storage is spilled, and all. Shared
    storage stays as long as any tensor of it, so it may push others out."""
    views = plan.allocation.views
    sharing = tuple(task.output for task in plan.tasks if isinstance(task, GatherTask) and task.output in views.of)
    spilled = tuple(name for name in sharing if not plan.allocation.is_resident(name))
    return tuple(dict.fromkeys(names for names in (spilled, sharing) if names))


def _known(plan: Plan, seen: list[Plan]) -> bool:
    return any(plan.allocation == other.allocation for other in seen)
