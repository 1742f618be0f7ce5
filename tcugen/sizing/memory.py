"""How much activation memory a network needs, and which memory would keep what is spilled."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from tcugen.arch import MAX_ACTIVATION_KIB, Architecture
from tcugen.mapping.allocate import demand_of, holds_all
from tcugen.mapping.errors import CompileError
from tcugen.mapping.plan import Plan, geometry_of, plan_network
from tcugen.network.graph import Network

STEP_KIB = 64
"""Activation memories that are tried where no part limits them are multiples of this."""

_STEPS_BEYOND = 8
"""Steps beyond the bytes that are alive at once that a placement without gaps may need."""

_SAMPLES = 16
"""Memories that are tried between one that spills and one that keeps all."""


@dataclass(frozen=True)
class Need:
    """What a network asks of the activation memory.

    Attributes:
        bytes, node: Most bytes of tensors alive at once, and the node during which they are.
        whole_kib: Smallest memory of whole steps in which every tensor was placed; None if none was found.
    """

    bytes: int
    node: str
    whole_kib: int | None

    @property
    def least_kib(self) -> int:
        """Whole steps that hold the bytes alive at once, placed without a gap."""
        return _whole_steps(-(-self.bytes // 1024))


@dataclass(frozen=True)
class Spilled:
    """A tensor that goes to memory and back.

    Attributes:
        tensor, bytes: Its name and its bytes in memory.
        kept_kib: Smallest activation memory tried that keeps it on chip; None if none of them did.
    """

    tensor: str
    bytes: int
    kept_kib: int | None


def _whole_steps(kib: int) -> int:
    return max(STEP_KIB, -(-kib // STEP_KIB) * STEP_KIB)


def need_of(network: Network, architecture: Architecture, int32_outputs: Collection[str] = ()) -> Need:
    """What the network's tensors need; the architecture's own activation memory plays no part."""
    shapes = geometry_of(network, architecture, int32_outputs)
    geometry = shapes.tasks, shapes.layouts, shapes.panels
    most, node = demand_of(*geometry, architecture)
    first = _whole_steps(-(-most // 1024))
    tried = range(first, min(first + _STEPS_BEYOND * STEP_KIB, MAX_ACTIVATION_KIB) + 1, STEP_KIB)
    fitting = (kib for kib in tried if holds_all(*geometry, replace(architecture, activation_kib=kib)))
    return Need(most, node, next(fitting, None))


def most_needed(names: Sequence[str], needs: Sequence[Need]) -> Need:
    """What networks of these names, each with its need, ask of one memory that they use one after the other."""
    most, name = max(zip(needs, names, strict=True), key=lambda pair: pair[0].bytes)
    whole = [need.whole_kib for need in needs if need.whole_kib is not None]
    node = most.node if len(needs) == 1 else f"{most.node} of {name}"
    return Need(most.bytes, node, max(whole) if len(whole) == len(needs) else None)


def smallest_kib(network: Network, architecture: Architecture, int32_outputs: Collection[str] = ()) -> int | None:
    """The fewest KiB for which there is a plan at all; None if even the largest memory has none."""

    def has_plan(kib: int) -> bool:
        try:
            plan_network(network, replace(architecture, activation_kib=kib), int32_outputs)
        except CompileError:
            return False
        return True

    low, high = 0, 1
    while not has_plan(high):
        if high == MAX_ACTIVATION_KIB:
            return None
        low, high = high, min(2 * high, MAX_ACTIVATION_KIB)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if has_plan(middle) else (middle, high)
    return high


def spilled_tensors(plan: Plan, whole_kib: int | None, int32_outputs: Collection[str] = ()) -> tuple[Spilled, ...]:
    """Every tensor that the plan spills, and the smallest memory tried that keeps it.

    Args:
        plan: The plan.
        whole_kib: Memory that keeps every tensor, if one is known.
        int32_outputs: As for `plan_network`.
    """
    kept: dict[str, int] = {}
    open_tensors = set(plan.spilled)
    if open_tensors and whole_kib is not None:
        here = plan.architecture.activation_kib
        step = max(1, -(-(whole_kib - here) // _SAMPLES))
        for kib in (*range(here + step, whole_kib, step), whole_kib):
            larger = plan_network(plan.network, replace(plan.architecture, activation_kib=kib), int32_outputs)
            found = {tensor for tensor in open_tensors if larger.allocation.is_resident(tensor)}
            kept |= dict.fromkeys(found, kib)
            open_tensors -= found
            if not open_tensors:
                break
    return tuple(Spilled(tensor, plan.layouts[tensor].bytes, kept.get(tensor)) for tensor in plan.spilled)
