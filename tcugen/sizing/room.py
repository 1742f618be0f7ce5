"""What a machine may take: the resources of a part, say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tcugen.arch import Architecture


@dataclass(frozen=True)
class Room:
    """A place for one machine.

    Attributes:
        title: Its name.
        has: How much there is of each resource.
        needs: How much an architecture takes of each.
    """

    title: str
    has: Mapping[str, float]
    needs: Callable[[Architecture], Mapping[str, float]]

    def over(self, architecture: Architecture) -> dict[str, tuple[float, float]]:
        """What the architecture takes too much of: how much it takes and how much there is."""
        return {
            name: (need, self.has[name]) for name, need in self.needs(architecture).items() if need > self.has[name]
        }

    def holds(self, architecture: Architecture) -> bool:
        return not self.over(architecture)

    def excess(self, architecture: Architecture) -> float:
        """The largest share of a resource that the architecture takes; infinite where there is none of it."""
        return max(
            need / self.has[name] if self.has[name] else float("inf") if need else 0.0
            for name, need in self.needs(architecture).items()
        )
