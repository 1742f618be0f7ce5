"""A max-pool in ONNX files that we write."""

from typing import Any, Protocol

import numpy as np

from tcugen.network.operators import MaxPool


class Writer(Protocol):
    """Of nodes and constants of a file."""

    def constant(self, name: str, value: np.ndarray[Any, Any] | np.generic) -> str:
        """A constant; returns its name."""
        ...

    def op(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """A node; returns its output."""
        ...


def write_max_pool(writer: Writer, node: MaxPool, x: str, output: str, lowest: np.int8 | np.float32) -> str:
    """The maximum over windows of `x`, a tensor in which nothing is below `lowest`; returns `output`.

    ONNX Runtime refuses padding that is not smaller than the kernel, which dilated windows may have. Where one has,
    `lowest` is put around the tensor instead: it cannot win either.
    """
    geometry: dict[str, Any] = {"strides": node.stride, "pads": node.padding, "kernel_shape": node.kernel}
    if node.dilation != (1, 1):
        geometry["dilations"] = node.dilation
    if any(padding >= side for padding, side in zip(node.padding, node.kernel * 2, strict=True)):
        geometry["pads"] = (0, 0, 0, 0)
        pads = writer.constant(f"{output}/pads", np.array([0, 0, *node.padding[:2], 0, 0, *node.padding[2:]], np.int64))
        x = writer.op("Pad", [x, pads, writer.constant(f"{output}/lowest", lowest)], f"{output}/padded")
    return writer.op("MaxPool", [x], output, **geometry)
