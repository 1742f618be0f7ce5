"""Parts of the bundled networks with their true channels, kernels, strides and paddings, whole or cropped."""

from tcugen.network.check import checked_network
from tcugen.network.graph import Network, Node, Shape
from tcugen.network.select import select


def crop(part: Network, height: int, width: int) -> Network:
    """The same nodes on an input of at most height x width pixels; everything behind it shrinks along.

    Raises:
        ValueError: If there are several inputs: they could not be cropped so that they still fit each other.
    """
    if len(part.inputs) != 1:
        raise ValueError(f"{part.name} has {len(part.inputs)} inputs, but only one can be cropped; take another part")
    [(name, shape)] = part.inputs
    cropped = Shape(shape.channels, min(shape.height, height), min(shape.width, width))
    return checked_network(part.name, ((name, cropped),), part.nodes, extract=True)


def block(network: Network, prefix: str) -> Network:
    """The residual block whose nodes' names begin with `prefix.`, all of them."""
    return select(network, [node.name for node in network.nodes if node.name.startswith(f"{prefix}.")])


def blocks(network: Network) -> list[str]:
    """Of each stage the first block, which projects or strides, and the second, whose shortcut is the identity."""
    prefixes = dict.fromkeys(node.name.rpartition(".")[0] for node in network.nodes if "." in node.name)
    return [prefix for prefix in prefixes if prefix.endswith((".0", ".1"))]


def distinct_convolutions(network: Network) -> dict[str, Node]:
    """One convolution of each shape, by a text that says the shape."""
    found: dict[str, Node] = {}
    for node in network.nodes:
        if node.op == "conv":
            found.setdefault(shape_text(network, node), node)
    return found


def shape_text(network: Network, node: Node) -> str:
    """Input and output shapes, kernel, stride, padding and groups, as far as they are not all alike or 1."""
    (ky, kx), (sy, sx) = node.kernel, node.stride
    padding = str(node.padding[0]) if len(set(node.padding)) == 1 else str(node.padding)
    text = f"{network.shapes[node.inputs[0]]}-{network.shapes[node.name]}-k{ky}x{kx}s{sy}x{sx}p{padding}"
    return text if node.groups == 1 else f"{text}g{node.groups}"
