"""How the file that a model came from has its images and outputs: type of the elements, order of the dimensions."""

import math
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from tcugen.network.shape import Shape

Kind = Literal["float32", "int8", "uint8"]
Layout = Literal["nchw", "nhwc", "flat"]


@dataclass(frozen=True)
class FileForm:
    """Of one tensor, batch included.

    Attributes:
        kind: Type of an element. Integers are quantized already; uint8 ones are 128 above the network's int8.
        layout: (n, C, H, W), (n, H, W, C) or (n, C * H * W).
        limits: What the real values of an output of 32-bit sums are limited to, by whoever turns them into reals.
    """

    kind: Kind = "float32"
    layout: Layout = "nchw"
    limits: tuple[float, float] = (-math.inf, math.inf)

    def shape(self, shape: Shape) -> tuple[int, ...]:
        """Dimensions after the batch."""
        match self.layout:
            case "nchw":
                return shape.channels, shape.height, shape.width
            case "nhwc":
                return shape.height, shape.width, shape.channels
            case "flat":
                return (shape.channels * shape.height * shape.width,)

    def to_network(self, arrays: npt.NDArray[Any], shape: Shape) -> npt.NDArray[Any]:
        """Arrays [n, *self.shape] as [n, C, H, W]: a view wherever that is possible."""
        if self.layout == "nhwc":
            return arrays.transpose(0, 3, 1, 2)
        return arrays.reshape(len(arrays), shape.channels, shape.height, shape.width)

    def from_network(self, arrays: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Arrays [n, C, H, W] as the file has them."""
        match self.layout:
            case "nchw":
                return arrays
            case "nhwc":
                return np.ascontiguousarray(arrays.transpose(0, 2, 3, 1))
            case "flat":
                return arrays.reshape(len(arrays), -1)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which knows no infinity: null is no limit."""
        limits = [limit if math.isfinite(limit) else None for limit in self.limits]
        return {"kind": self.kind, "layout": self.layout, "limits": limits}


FLOAT_NCHW = FileForm()
"""What a file has that says nothing else."""


def form_from(value: dict[str, Any]) -> FileForm:
    """What `FileForm.to_dict` wrote. Raises ValueError, KeyError or TypeError if it is something else."""
    kind, layout, (low, high) = value["kind"], value["layout"], value["limits"]
    if kind not in get_args(Kind) or layout not in get_args(Layout):
        raise ValueError(f"a form is {kind!r} {layout!r}")
    limits = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
    return FileForm(cast(Kind, kind), cast(Layout, layout), limits)
