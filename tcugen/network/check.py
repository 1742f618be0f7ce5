"""From a heap of nodes to a checked network: names resolved, order found, shapes worked out.

Every reader and importer ends here, so all of them obey the same rules and complain in the same words.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches

from tcugen.network.fields import MAX_SIZE
from tcugen.network.graph import Network, NetworkError, Node, Shape
from tcugen.network.operators import Add, Weighted


def close_names(name: str, known: Iterable[str]) -> str:
    """A remedy for an unknown name: the known names most like it, else a few of them."""
    known = list(known)
    inside = [other for other in known if other.startswith(name + ".")] if name else []
    close = inside or get_close_matches(name, known, 5, 0.5)
    if close:
        return f"did you mean {' or '.join(repr(other) for other in close[:5])}?"
    more = ", ..." if len(known) > 8 else ""
    return f"known names are {', '.join(known[:8])}{more}"


def checked_network(
    name: str,
    inputs: Sequence[tuple[str, Shape]],
    nodes: Sequence[Node],
    outputs: Sequence[str] = (),
    *,
    extract: bool = False,
) -> Network:
    """A network of `nodes`, which may be listed in any order.

    The order of execution is the listed one wherever that is possible: of all nodes whose inputs are there, the one
    listed first comes next.

    Args:
        name: Name of the network.
        inputs: Names and shapes of the tensors that come from outside.
        nodes: The operators.
        outputs: Nodes whose tensors are outputs, in order; none means the one that nobody reads.
        extract: If true, every tensor that nobody reads is an output, after those of `outputs`.

    Raises:
        NetworkError: Duplicate or unknown names, wrong number of inputs, a cycle, a node nobody reads that is no
            output, shapes that do not fit or are too large.
    """
    if not nodes:
        raise NetworkError(f"network {name!r}: has no nodes, but needs at least one; add a node")
    _check_names(inputs, nodes)
    known = [tensor for tensor, _ in inputs] + [node.name for node in nodes]
    tensors = set(known)
    for node in nodes:
        for tensor in node.inputs:
            if tensor not in tensors:
                raise NetworkError(
                    f"node {node.name!r}: reads {tensor!r}, which is neither a node nor the input; "
                    f"{close_names(tensor, known)}"
                )
    network = Network(name, tuple(inputs), _sorted(nodes))
    _check_sizes(network)
    ends = network.unread
    if extract:
        outputs = [*outputs, *(end for end in ends if end not in outputs)]
    _check_outputs(network, outputs)
    for node in network.nodes:
        if isinstance(node, Add) and node.unrounded is not None:
            _check_unrounded(network, node, node.inputs[node.unrounded], outputs)
    # Equal networks are equal, whether what follows from the nodes was said or not.
    return network if tuple(outputs) in ((), ends) else replace(network, named_outputs=tuple(outputs))


def _check_sizes(network: Network) -> None:
    for tensor, shape in network.shapes.items():
        largest = max(shape.channels, shape.height, shape.width)
        if largest > MAX_SIZE:
            raise NetworkError(
                f"tensor {tensor!r}: has the shape {shape}, but channels, height and width are at most {MAX_SIZE}; "
                "divide the image or its channels into parts"
            )


def _check_outputs(network: Network, outputs: Sequence[str]) -> None:
    for index, name in enumerate(outputs):
        if name not in network.by_name:
            what = "is the network's input" if name in network.shapes else "is no node"
            raise NetworkError(
                f"network {network.name!r}: its output {name!r} {what}, but outputs are made by nodes; "
                f"{close_names(name, network.by_name)}"
            )
        if name in outputs[:index]:
            raise NetworkError(
                f"network {network.name!r}: names the output {name!r} twice, but each is stored once; remove one"
            )
    ends = outputs or (network.nodes[-1].name,)
    unread = [name for name in network.unread if name not in ends]
    if unread:
        rule = f"only the last node ({ends[0]!r}) may be unread" if not outputs else "it is none of the outputs"
        raise NetworkError(
            f"node {unread[0]!r}: nobody reads its output, but {rule}; remove {', '.join(map(repr, unread))}, connect "
            f"{'it' if len(unread) == 1 else 'them'} or name it among the outputs"
        )


def _check_unrounded(network: Network, add: Add, name: str, outputs: Sequence[str]) -> None:
    """Raises NetworkError unless the tensor `name` never has to be int8: the output stage keeps it for `add` alone."""
    producer, where = network.by_name.get(name), f"node {add.name!r}: its unrounded input {name!r}"
    others = [reader for reader in network.consumers[name] if reader != add.name]
    shape, whole = network.shapes[name], network.shapes[add.name]
    if producer is None:
        what = "comes from outside the network"
    elif not isinstance(producer, Weighted):
        what = f"is a {producer.op}"
    elif producer.activation is not None:
        what = f"has the activation {producer.activation!r}"
    elif others:
        what = f"is also read by {others[0]!r}"
    elif name in outputs:
        what = "is an output of the network"
    elif add.inputs[0] == add.inputs[1]:
        what = "is the other input too"
    elif shape != whole:
        what = f"is one pixel {shape} where the sum has the shape {whole}"
    else:
        return
    raise NetworkError(
        f"{where} {what}, but must be a conv or linear without activation that nothing else reads; round it: leave "
        "unrounded out"
    )


def _check_names(inputs: Sequence[tuple[str, Shape]], nodes: Sequence[Node]) -> None:
    seen = {tensor for tensor, _ in inputs}
    for node in nodes:
        if node.name in seen:
            taken = "the network's input" if any(node.name == tensor for tensor, _ in inputs) else "another node"
            raise NetworkError(
                f"node {node.name!r}: the name is taken by {taken}, but names must be unique; rename one of them"
            )
        seen.add(node.name)


def _sorted(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Topological order, nearest to the given one. Raises NetworkError with the nodes of a cycle if there is one."""
    place = {node.name: index for index, node in enumerate(nodes)}
    waits = [len({tensor for tensor in node.inputs if tensor in place}) for node in nodes]
    readers: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for tensor in set(node.inputs):
            if tensor in place:
                readers[place[tensor]].append(index)
    ready = [index for index, count in enumerate(waits) if count == 0]
    order: list[Node] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(nodes[index])
        for reader in readers[index]:
            waits[reader] -= 1
            if waits[reader] == 0:
                heapq.heappush(ready, reader)
    if len(order) < len(nodes):
        stuck = {node.name: node for index, node in enumerate(nodes) if waits[index]}
        raise NetworkError(
            f"node {_cycle(stuck)[0]!r}: lies on a cycle, {' -> '.join(_cycle(stuck))}, but a node may not depend on "
            "itself; break the cycle"
        )
    return tuple(order)


def _cycle(stuck: dict[str, Node]) -> list[str]:
    """Names along one cycle in the direction of the data, first and last the same.

    Every stuck node reads a stuck node, so walking from reader to producer must come round.
    """
    walk = [next(iter(stuck))]
    while True:
        producer = next(tensor for tensor in stuck[walk[-1]].inputs if tensor in stuck)
        if producer in walk:
            return [producer, *reversed(walk[walk.index(producer) :])]
        walk.append(producer)
