"""Groups of nodes that run one after the other, on the unit and on the host, from those that must be on the host."""

from collections.abc import Set
from dataclasses import dataclass

from tcugen.partition.file_graph import FileGraph, FileNode


@dataclass(frozen=True)
class Group:
    """Nodes that run together.

    Attributes:
        on_unit: Whether the unit runs them.
        nodes: In execution order.
        inputs: Tensors that earlier groups, or the image, bring.
        outputs: Tensors that later groups read, and outputs of the model.
    """

    on_unit: bool
    nodes: tuple[FileNode, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(node.name for node in self.nodes)


def companions(graph: FileGraph, host: Set[str]) -> set[str]:
    """Nodes that go to the host with those in `host`, so that int8 crosses between host and unit: QuantizeLinear of
    what the host makes, DequantizeLinear of what the host alone reads."""
    found = set(host)
    for node in graph.nodes:
        maker = graph.makers.get(node.reads[0]) if node.quantizes else None
        if maker is not None and maker.name in found:
            found.add(node.name)
    for node in reversed(graph.nodes):
        readers = [reader for tensor in node.makes for reader in graph.readers[tensor]]
        leaves = not set(graph.outputs).isdisjoint(node.makes)
        if node.dequantizes and readers and not leaves and all(reader.name in found for reader in readers):
            found.add(node.name)
    return found - host


def groups_of(graph: FileGraph, host: Set[str]) -> list[Group]:
    """The groups in the order in which they can run.

    A node's level is the highest of those before it, one more where unit and host take turns. The nodes of the host of
    one level are a group; those of the unit are as many groups as hang together by their tensors. Nothing depends on a
    group of its own level. What only other groups repeat for themselves, such as the rounding of the image, is none.

    Args:
        graph: The file.
        host: Names of the nodes on the host.
    """
    levels: dict[str, int] = {}
    for node in graph.nodes:
        own = node.name in host
        before = [graph.makers[tensor] for tensor in graph.moving_reads(node) if tensor != graph.image]
        turns = [levels[maker.name] + ((maker.name in host) != own) for maker in before]
        levels[node.name] = max([int(own), *turns])
    members: dict[int, list[FileNode]] = {}
    for node in graph.nodes:
        members.setdefault(levels[node.name], []).append(node)
    found: list[tuple[bool, list[FileNode]]] = []
    for _, nodes in sorted(members.items()):
        on_unit = nodes[0].name not in host
        found += [(on_unit, part) for part in (_connected(graph, nodes) if on_unit else [nodes])]
    inputs = [_inputs(graph, nodes) for _, nodes in found]
    wanted = {tensor for tensors in inputs for tensor in tensors} | set(graph.outputs)
    groups: list[Group] = []
    for (on_unit, nodes), tensors in zip(found, inputs, strict=True):
        outputs = tuple(tensor for node in nodes for tensor in node.makes if tensor in wanted)
        if outputs:
            groups.append(Group(on_unit, tuple(nodes), tensors, outputs))
    return groups


def joining_nodes(graph: FileGraph, group: Group) -> list[FileNode]:
    """The nodes of a group at which what depends on one of its inputs first meets what depends on another."""
    sources: dict[str, frozenset[str]] = {}
    found: list[FileNode] = []
    for node in group.nodes:
        reads = [sources.get(tensor, frozenset((graph.border(tensor),))) for tensor in graph.moving_reads(node)]
        together = frozenset[str]().union(*reads)
        if len(together) > 1 and all(len(read) == 1 for read in reads):
            found.append(node)
        sources |= dict.fromkeys(node.makes, together)
    return found


def _inputs(graph: FileGraph, nodes: list[FileNode]) -> tuple[str, ...]:
    inside = {tensor for node in nodes for tensor in node.makes}
    outside = [tensor for node in nodes for tensor in graph.moving_reads(node) if tensor not in inside]
    return tuple(dict.fromkeys(map(graph.border, outside)))


def _connected(graph: FileGraph, nodes: list[FileNode]) -> list[list[FileNode]]:
    """The nodes, divided into those that have tensors in common."""
    parts: list[tuple[set[str], list[FileNode]]] = []
    for node in nodes:
        tensors = {*map(graph.border, graph.moving_reads(node)), *graph.moving_reads(node), *node.makes}
        apart = [part for part in parts if part[0].isdisjoint(tensors)]
        touching = [part for part in parts if not part[0].isdisjoint(tensors)]
        joined = tensors.union(*(held for held, _ in touching))
        parts = [*apart, (joined, [*(other for _, others in touching for other in others), node])]
    order = {node.name: index for index, node in enumerate(nodes)}
    found = [sorted(part, key=lambda node: order[node.name]) for _, part in parts]
    return sorted(found, key=lambda part: order[part[0].name])
