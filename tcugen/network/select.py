"""An extract of a network: some of its nodes alone, what they read from the rest becoming inputs."""

from collections.abc import Iterable

from tcugen.network.check import checked_network, close_names
from tcugen.network.graph import Network, NetworkError


def select(network: Network, names: Iterable[str]) -> Network:
    """The nodes `names` of `network`, in its order of execution.

    A selected node reads its producer's output if that is selected too; otherwise the tensor becomes an input of the
    extract, under its own name and with its own shape. Outputs of the network and tensors that no selected node reads
    are outputs of the extract, of which there may be several. The extract is called `network[first,second,...]`.

    Raises:
        NetworkError: If no node is named, or a name is not a node of the network.
    """
    wanted = dict.fromkeys(names)
    if not wanted:
        raise NetworkError(f"network {network.name!r}: no node was named, but an extract needs one; name a node")
    for name in wanted:
        if name not in network.by_name:
            what = "is the network's input" if name in network.shapes else "is no node"
            raise NetworkError(
                f"network {network.name!r}: {name!r} {what}, but an extract is made of nodes; "
                f"{close_names(name, network.by_name)}"
            )
    for name, add in network.unrounded.items():
        if (name in wanted) != (add in wanted):
            raise NetworkError(
                f"network {network.name!r}: {name!r} is not rounded before {add!r} adds it, but an extract needs int8 "
                "tensors at its ends; name both nodes or neither"
            )
    nodes = [node for node in network.nodes if node.name in wanted]
    outside = dict.fromkeys(name for node in nodes for name in node.inputs if name not in wanted)
    inputs = tuple((name, network.shapes[name]) for name in outside)
    title = f"{network.name}[{','.join(node.name for node in nodes)}]"
    outputs = [name for name in network.named_outputs if name in wanted]
    return checked_network(title, inputs, nodes, outputs, extract=True)
