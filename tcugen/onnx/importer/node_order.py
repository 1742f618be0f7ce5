"""Nodes of an ONNX graph in the order in which they can run, whatever the order in which the file lists them."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def sort_nodes(graph: onnx.GraphProto) -> None:
    """Puts producers before readers, else as the file has them, in place. Leaves a graph with a cycle as it is."""
    nodes = list(graph.node)
    producers = {tensor: index for index, node in enumerate(nodes) for tensor in node.output if tensor}
    waits: list[int] = []
    readers: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        before = {producers[tensor] for tensor in read_by(node) if tensor in producers}
        waits.append(len(before))
        for producer in before:
            readers[producer].append(index)
    ready = [index for index, count in enumerate(waits) if count == 0]
    order: list[int] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for reader in readers[index]:
            waits[reader] -= 1
            if waits[reader] == 0:
                heapq.heappush(ready, reader)
    if len(order) < len(nodes) or order == list(range(len(nodes))):
        return
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies[index] for index in order)


def read_by(node: onnx.NodeProto) -> set[str]:
    """Names of the tensors that a node reads, those read within its subgraphs too."""
    names = set(node.input)
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                names |= read_by(inner)
    return names - {""}
