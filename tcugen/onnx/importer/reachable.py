"""What outputs depend on."""

from collections.abc import Mapping, Sequence

from tcugen.network.operators import Node


def reachable(nodes: Mapping[str, Node], outputs: Sequence[str]) -> list[Node]:
    """The nodes that `outputs` depend on, in the order of `nodes`, but the one that makes the first output last."""
    needed: set[str] = set()
    pending = list(outputs)
    while pending:
        name = pending.pop()
        if name in nodes and name not in needed:
            needed.add(name)
            pending += nodes[name].inputs
    # What only leaves is computed last.
    last = outputs[0]
    found = [node for name, node in nodes.items() if name in needed and name != last]
    return found + ([nodes[last]] if last in nodes else [])
