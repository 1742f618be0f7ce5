"""Which nodes of a model the hardware cannot run, and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tcugen.model.errors import ModelError


@dataclass(frozen=True)
class Problem:
    """One reason why a node cannot run.

    Attributes:
        node, operator: Name and operator as the file has them.
        attribute, value: What is in the way: an attribute, an input or "operator".
        remedy: What would help.
    """

    node: str
    operator: str
    attribute: str
    value: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.node} ({self.operator}): {self.attribute} = {self.value}; {self.remedy}"


class UnsupportedModel(ModelError):
    """A sound model with nodes that the hardware cannot run; `problems` holds every one of them."""

    def __init__(self, source: str, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        count = len({problem.node for problem in self.problems})
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{source}: {count} node{'s' * (count != 1)} cannot run on the hardware:\n{lines}")


class Refused(Exception):
    """The node at hand cannot run, for these reasons."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


class Unavailable(Exception):
    """An input of the node at hand is downstream of a refused one, so nothing can be said about it."""
