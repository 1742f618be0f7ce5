"""Addresses for what is wanted for a while: two that are alive at once share no byte."""

from collections.abc import Callable
from dataclasses import dataclass

_ATTEMPTS = 60
"""Orders tried before placement is given up and a tensor spilled."""


@dataclass(frozen=True)
class Demand:
    """Bytes wanted during tasks start .. end (both included).

    For some tensors, for the weights of task number `weights` in the pool unit, or for the stripe buffers of a task.
    """

    names: tuple[str, ...]
    size: int
    start: int
    end: int
    weights: int | None = None

    @property
    def is_buffers(self) -> bool:
        return not self.names and self.weights is None


def _lowest_gap(placed: list[tuple[int, Demand]], demand: Demand, capacity: int) -> int | None:
    """Lowest address where `demand` meets no placed demand of overlapping lifetime."""
    address = 0
    for base, other in sorted(
        ((base, other) for base, other in placed if other.start <= demand.end and demand.start <= other.end),
        key=lambda entry: entry[0],
    ):
        if base - address >= demand.size:
            break
        address = max(address, base + other.size)
    return address if address + demand.size <= capacity else None


def _place_in_order(order: list[Demand], capacity: int) -> tuple[list[tuple[int, Demand]], Demand | None]:
    placed: list[tuple[int, Demand]] = []
    for demand in order:
        address = _lowest_gap(placed, demand, capacity)
        if address is None:
            return placed, demand
        placed.append((address, demand))
    return placed, None


def place(demands: list[Demand], capacity: int) -> list[tuple[int, Demand]] | None:
    """Addresses of all demands, or None if no tried order fits. One that did not fit goes first
    in the next try."""
    orders: tuple[Callable[[Demand], tuple[int, int]], ...] = (
        lambda demand: (-demand.size, demand.start),
        lambda demand: (-demand.size * (demand.end - demand.start + 1), demand.start),
        lambda demand: (demand.start, -demand.size),
    )
    for key in orders:
        order = sorted(demands, key=key)
        for _ in range(_ATTEMPTS):
            placed, failed = _place_in_order(order, capacity)
            if failed is None:
                return placed
            if order[0] is failed:
                break
            order.remove(failed)
            order.insert(0, failed)
    return None
