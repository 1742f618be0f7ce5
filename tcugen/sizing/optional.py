"""Hardware that a machine has only where its network needs it: which, and why."""

from collections.abc import Sequence

from tcugen.mapping.tasks import Task


def optional_hardware(tasks: Sequence[Task]) -> dict[str, str]:
    """Parameters of `Architecture` that must be 1 for these tasks, with the reason for each."""
    found: dict[str, str] = {}
    for parameter, pronoun, nodes in (
        ("tables", "them", [task.name for task in tasks if task.table]),
        ("multiply", "it", [task.nodes[0] for task in tasks if task.multiply]),
        ("per_channel", "it", [task.name for task in tasks if task.per_channel]),
        ("unrounded_add", "it", [task.name for task in tasks if task.unrounded]),
    ):
        if nodes:
            found[parameter] = f"{parameter}: {len(nodes)} nodes need {pronoun}, the first is {nodes[0]}"
    return found
