"""What the machine runs one after the other: nodes in execution order, adds fused behind their producers."""

from dataclasses import dataclass
from typing import assert_never

from tcugen.network.fusion import fused_producers
from tcugen.network.graph import Network, Node, Shape
from tcugen.network.operators import Add, Conv, GlobalAveragePool, Linear, MaxPool, Requantise


@dataclass(frozen=True)
class Task:
    """One node, or a node and the add fused behind it.

    Attributes:
        node: The node whose operator runs; its cycles are the task's.
        output: Tensor the task writes: the node's or the fused add's.
        residual: Other operand of the add, fused or not, or None.
        input_shape, output_shape: Shapes of the first input and of the result.
    """

    node: Node
    output: str
    residual: str | None
    input_shape: Shape
    output_shape: Shape

    @property
    def reads(self) -> tuple[str, ...]:
        """Tensors the task reads, each once."""
        return tuple(dict.fromkeys((self.node.inputs[0], *((self.residual,) if self.residual else ()))))

    @property
    def on_array(self) -> bool:
        return not isinstance(self.node, MaxPool)

    @property
    def groups(self) -> int:
        """Groups of the convolution that the array runs; adds and changes of scale are diagonal."""
        match self.node:
            case Conv():
                return self.node.groups
            case Add() | Requantise():
                return self.input_shape.channels
            case Linear() | MaxPool() | GlobalAveragePool():
                return 1
            case _:
                assert_never(self.node)

    @property
    def kernel(self) -> tuple[int, int]:
        match self.node:
            case Conv() | MaxPool():
                return self.node.kernel
            case Linear() | Add() | GlobalAveragePool() | Requantise():
                return (1, 1)
            case _:
                assert_never(self.node)


def tasks_of(network: Network) -> tuple[Task, ...]:
    """The tasks of a network in execution order; a fused producer runs where its add stands."""
    fused = fused_producers(network)
    behind = set(fused.values())
    tasks = []
    for node in network.nodes:
        if node.name in behind:
            continue
        runs, residual = node, None
        if isinstance(node, Add):
            residual = node.inputs[1]
        if node.name in fused:
            runs = network.by_name[fused[node.name]]
            residual = next(name for name in node.inputs if name != runs.name)
        shapes = network.shapes
        tasks.append(Task(runs, node.name, residual, shapes[runs.inputs[0]], shapes[node.name]))
    return tuple(tasks)
