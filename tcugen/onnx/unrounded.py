"""What an add takes unrounded, in standard ONNX operators: 32-bit sums times M, with fraction bits, as int64."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tcugen.model.limits import FRACTION_BITS


class Graph(Protocol):
    """Where ONNX nodes and constants are written; both return the name of the tensor."""

    def op(self, kind: str, inputs: list[str], output: str) -> str:
        """A node with one output."""
        ...

    def cast(self, tensor: str, kind: str, output: str) -> str:
        """`tensor` in the ONNX type `kind`."""
        ...

    def constant(self, name: str, value: npt.NDArray[Any] | np.generic) -> str:
        """A constant."""
        ...


def with_fraction(graph: Graph, name: str, sums: str, multiplier: npt.NDArray[np.float32]) -> None:
    """int64 `name` = rint(float32(sums) * M * 2**FRACTION_BITS).

    The conversion to single precision and the product round once each, as the rule says. All after them is exact in
    double: a product has 24 significant bits and a magnitude below 2**39.

    Args:
        sums: Name of an int32 tensor [n, C, H, W].
        multiplier: float32 [C].
    """
    single = graph.cast(sums, "FLOAT", f"{name}/single")
    factors = graph.constant(f"{name}/multiplier", multiplier.reshape(-1, 1, 1))
    product = graph.cast(graph.op("Mul", [single, factors], f"{name}/product"), "DOUBLE", f"{name}/double")
    up = graph.constant(f"{name}/up", np.float64(1 << FRACTION_BITS))
    rounded = graph.op("Round", [graph.op("Mul", [product, up], f"{name}/raised_product")], f"{name}/rounded")
    graph.cast(rounded, "INT64", name)
