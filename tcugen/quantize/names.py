"""Names of the network's nodes from the paths of the modules that they came from."""

from collections.abc import Sequence

import numpy as np
from torch import fx

from tcugen.network.names import valid_name
from tcugen.network.operators import SHORTCUT
from tcugen.quantize.node_builder import NodeBuilder


def module_paths(node: fx.Node) -> list[str]:
    """Paths of the modules that an operator was called in, the outermost first, without the root."""
    paths = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
    return [path for path in paths if path]


def node_names(builders: Sequence[NodeBuilder], taken: str) -> dict[int, str]:
    """A unique name for every builder, by its id.

    A node is named by the outermost module that consists of it alone: `layer1.0.downsample` for a convolution and a
    batch normalisation in a sequence of that name. If there is none, as for `+`, the operator's name is appended to
    the innermost module's: `layer1.0.add`.

    Args:
        taken: The input's name, which no node gets.
    """
    owners: dict[str, set[int]] = {}
    for builder in builders:
        for source in builder.sources:
            for path in module_paths(source):
                owners.setdefault(path, set()).add(id(builder))
    names: dict[int, str] = {}
    used = {taken}
    for builder in builders:
        name = valid_name(_wanted(builder, owners))
        if name.rpartition(".")[2] == SHORTCUT and not _selects(builder):
            # By that name alone a convolution would count as no work, see `Network.macs`.
            name += ".conv"
        unique, number = name, 2
        while unique in used:
            unique, number = f"{name}_{number}", number + 1
        used.add(unique)
        names[id(builder)] = unique
    return names


def _wanted(builder: NodeBuilder, owners: dict[str, set[int]]) -> str:
    paths = module_paths(builder.sources[0])
    alone = [path for path in paths if owners[path] == {id(builder)}]
    if alone:
        return alone[0].replace("@", "_")
    source = builder.sources[0]
    operator = source.meta.get("called") or str(source.target).split(".")[1]
    return ".".join([*paths[-1:], operator.rstrip("_")]).replace("@", "_")


def _selects(builder: NodeBuilder) -> bool:
    """A convolution that moves channels only: every output channel is an input channel or zero."""
    if builder.parameters is None or builder.parameters.bias.any():
        return False
    weight = builder.parameters.weight
    ones = (weight == 1).sum(axis=(1, 2, 3))
    return bool(((weight == 0) | (weight == 1)).all() and np.all(ones <= 1))
