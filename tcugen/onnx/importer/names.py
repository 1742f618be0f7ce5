"""Names of network nodes, made from those of ONNX nodes."""

import re
from collections.abc import Callable

from tcugen.network.names import valid_name
from tcugen.network.operators import SHORTCUT

_WHOLE_MODULES = re.compile(
    r"(Conv|Gemm|MatMul|MaxPool|GlobalAveragePool|AveragePool|ReduceMean|Relu|Clip)(_\d+)?", re.ASCII
)
"""Operators that are all there is of a module, so that the module's path alone names them."""


class Names:
    """Hands out unique names."""

    def __init__(self, taken: set[str]):
        self._taken = set(taken)

    def take(self, onnx_name: str, beside: Callable[[str], str] | None = None) -> str:
        """A name that no other node has: the module's path where PyTorch's exporter wrote it, else the name itself.

        What `beside` makes of it is taken as well, and no other node has it either.
        `/layer1/layer1.0/conv1/Conv_quant` becomes `layer1.0.conv1`. White space, commas and control characters become
        "_", and a repeated name gets a number.
        """
        name = valid_name(_module_path(onnx_name))
        if name.rpartition(".")[2] == SHORTCUT:
            # By that name alone a convolution would count as no work, see `Network.macs`.
            name += ".conv"
        unique, number = name, 2
        while self._taken.intersection(names := (unique, beside(unique) if beside else unique)):
            unique, number = f"{name}_{number}", number + 1
        self._taken.update(names)
        return unique


def _module_path(name: str) -> str:
    name = re.sub(r"_quant(ized)?$", "", name)
    if not name.startswith("/"):
        return name
    parts = [part for part in name.split("/") if part]
    # A module inside a sequence repeats the sequence's name: layer1/layer1.0.
    path = [part for part, inner in zip(parts, [*parts[1:], ""], strict=True) if not inner.startswith(part + ".")]
    if len(path) > 1 and _WHOLE_MODULES.fullmatch(path[-1]):
        path.pop()
    elif path:
        path[-1] = path[-1].lower()
    return ".".join(path)
