"""Which nodes of a model the hardware cannot run, and why."""

from collections.abc import Iterable, Mapping, Sequence
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
    """A sound model with nodes that the hardware cannot run; `problems` holds every one of them.

    The message has one line for each node.
    """

    def __init__(
        self,
        source: str,
        problems: Sequence[Problem],
        multiplications: Mapping[str, int] | None = None,
        splits: bool = True,
    ):
        """As the class says.

        Args:
            source: What the model came from.
            problems: Why it cannot run.
            multiplications: Of all its nodes by name, those that cannot run among them, where they are known.
            splits: Whether `tcugen import --partition` takes such a file.
        """
        self.problems = tuple(problems)
        nodes: dict[str, list[Problem]] = {}
        for problem in self.problems:
            nodes.setdefault(problem.node, []).append(problem)
        count = len(nodes)
        lines = [f"{source}: {count} node{'s' * (count != 1)} cannot run on the hardware:"]
        lines += ["  " + "; ".join([str(first), *map(_further, others)]) for first, *others in nodes.values()]
        if multiplications and sum(multiplications.values()):
            share = sum(multiplications.get(node, 0) for node in nodes) / sum(multiplications.values())
            line = f"  on the host they would do {100 * share:.1f} % of the model's multiplications"
            lines.append(f"{line}; tcugen import --partition puts them there" if splits else line)
        super().__init__("\n".join(lines))


def _further(problem: Problem) -> str:
    return f"{problem.attribute} = {problem.value}; {problem.remedy}"


class Refused(Exception):
    """The node at hand cannot run, for these reasons."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


class Unavailable(Exception):
    """An input of the node at hand is downstream of a refused one, so nothing can be said about it."""
