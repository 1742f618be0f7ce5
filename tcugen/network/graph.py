"""A network as the hardware sees it: nodes in execution order and the shapes that follow from them.

Pure data; what each operator is stands in `operators`, reading JSON is `layer_config`'s business, building ResNets that
of `resnets`.
"""

from dataclasses import dataclass
from functools import cached_property

from tcugen.network.errors import NetworkError
from tcugen.network.operators import Add, Node, Weighted, as_convolution
from tcugen.network.shape import Shape

__all__ = ["Network", "NetworkError", "Node", "Shape"]


@dataclass(frozen=True)
class Network:
    """A checked network: every input of a node is the network's input or an earlier node.

    Attributes:
        name: Name of the network.
        inputs: Names and shapes of the network's inputs; one, except for extracts made by `select`.
        nodes: Nodes in execution order.
        named_outputs: The nodes that make the network's outputs, in order; none if they are all those that nobody reads
            and no others, see `outputs`.
    """

    name: str
    inputs: tuple[tuple[str, Shape], ...]
    nodes: tuple[Node, ...]
    named_outputs: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shape of every tensor: of the inputs and of each node's output."""
        shapes = dict(self.inputs)
        for node in self.nodes:
            shapes[node.name] = node.output_shape([shapes[name] for name in node.inputs])
        return shapes

    @cached_property
    def consumers(self) -> dict[str, tuple[str, ...]]:
        """Names of the nodes that read each tensor, in execution order."""
        readers: dict[str, list[str]] = {name: [] for name in self.shapes}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers[name].append(node.name)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Names of the nodes whose tensors are the network's outputs; others may read them too."""
        return self.named_outputs or self.unread

    @cached_property
    def unrounded(self) -> dict[str, str]:
        """For each tensor that an add takes unrounded, that add; it alone reads the tensor, which is no output."""
        adds = (node for node in self.nodes if isinstance(node, Add))
        return {add.inputs[add.unrounded]: add.name for add in adds if add.unrounded is not None}

    @property
    def unread(self) -> tuple[str, ...]:
        """Names of the nodes that no node reads, in execution order."""
        return tuple(node.name for node in self.nodes if not self.consumers[node.name])

    def input_shapes(self, node: Node) -> list[Shape]:
        """Shapes of the tensors that a node reads."""
        return [self.shapes[name] for name in node.inputs]

    def macs(self, node: Node) -> int:
        """Multiply-accumulates of one node for one image; 0 for all but convolutions and fully connected layers."""
        return node.macs(self.input_shapes(node))

    @property
    def mac_count(self) -> int:
        return sum(self.macs(node) for node in self.nodes)

    @property
    def weight_count(self) -> int:
        """Weights of convolutions and fully connected layers, without biases; constants of shortcuts count too."""
        layers = (as_convolution(node) for node in self.nodes if isinstance(node, Weighted))
        return sum(
            layer.out_channels
            * (self.shapes[layer.inputs[0]].channels // layer.groups * layer.kernel[0] * layer.kernel[1])
            for layer in layers
        )
