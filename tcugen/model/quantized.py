"""A quantized network: the graph and the integers of every node, the input of the compiler and of the golden model."""

from dataclasses import dataclass, field
from typing import overload

import numpy as np

from tcugen.model.errors import ModelError
from tcugen.model.file_form import FLOAT_NCHW, FileForm
from tcugen.model.integers import (
    AddIntegers,
    AverageIntegers,
    AveragePoolIntegers,
    ConcatIntegers,
    MaxPoolIntegers,
    MultiplyIntegers,
    NodeIntegers,
    RequantiseIntegers,
    SliceIntegers,
    TableIntegers,
    WeightedIntegers,
    integers_kind,
)
from tcugen.network.graph import Network
from tcugen.network.operators import (
    Add,
    AveragePool,
    ChannelShuffle,
    Concat,
    Conv,
    DepthToSpace,
    GlobalAveragePool,
    Linear,
    MaxPool,
    Multiply,
    Node,
    Requantise,
    Resize,
    Slice,
    Table,
)


@dataclass(frozen=True)
class Quantization:
    """Scale and zero point of one activation tensor: real = scale * (q - zero_point), q int8.

    A tensor that an add takes unrounded has the scale of the sum and zero point 0, and q FRACTION_BITS fraction bits.
    """

    scale: np.float32
    zero_point: int


@dataclass(frozen=True, eq=False)
class QuantizedNetwork:
    """A network with its integers.

    Attributes:
        network: The graph.
        tensors: Quantization of every tensor (inputs and node outputs) by name; None for an int32 output, which only
            the last node may have.
        integers: Integers of every node by name, of the kind that its operator has; `integers_of` gives them typed.
        forms: Of inputs and outputs that the file it came from has in another form than float32 [n, C, H, W].
    """

    network: Network
    tensors: dict[str, Quantization | None]
    integers: dict[str, NodeIntegers] = field(repr=False)
    forms: dict[str, FileForm] = field(default_factory=dict[str, FileForm])

    def form(self, tensor: str) -> FileForm:
        """How the file that the model came from has an input or output."""
        return self.forms.get(tensor, FLOAT_NCHW)

    @overload
    def integers_of(self, node: Conv | Linear) -> WeightedIntegers: ...
    @overload
    def integers_of(self, node: Add) -> AddIntegers: ...
    @overload
    def integers_of(self, node: MaxPool) -> MaxPoolIntegers: ...
    @overload
    def integers_of(self, node: AveragePool) -> AveragePoolIntegers: ...
    @overload
    def integers_of(self, node: GlobalAveragePool) -> AverageIntegers: ...
    @overload
    def integers_of(self, node: Requantise) -> RequantiseIntegers: ...
    @overload
    def integers_of(self, node: Table) -> TableIntegers: ...
    @overload
    def integers_of(self, node: Concat) -> ConcatIntegers: ...
    @overload
    def integers_of(self, node: Slice | Resize | DepthToSpace | ChannelShuffle) -> SliceIntegers: ...
    @overload
    def integers_of(self, node: Multiply) -> MultiplyIntegers: ...
    def integers_of(self, node: Node) -> NodeIntegers:
        """The integers of a node, of the kind that belongs to its operator.

        Raises:
            ModelError: If there are none, or of another kind.
        """
        integers, kind = self.integers.get(node.name), integers_kind(node)
        if integers is None:
            raise ModelError(f"node {node.name!r}: has no integers, but every node needs them; save the model again")
        if not isinstance(integers, kind):
            raise ModelError(
                f"node {node.name!r}: has {type(integers).__name__}, but a {node.op} has {kind.__name__}; "
                "make the model again"
            )
        return integers

    def quantization(self, tensor: str) -> Quantization:
        """Scale and zero point of a tensor. Raises ModelError if it holds 32-bit sums."""
        quantization = self.tensors[tensor]
        if quantization is None:
            raise ModelError(f"tensor {tensor!r}: holds 32-bit sums, which have no scale; quantize the output")
        return quantization

    def zero_point(self, tensor: str) -> int:
        """Zero point of a tensor. Raises ModelError if it holds 32-bit sums."""
        return self.quantization(tensor).zero_point

    def scale(self, tensor: str) -> np.float32:
        """Scale of a tensor. Raises ModelError if it holds 32-bit sums."""
        return self.quantization(tensor).scale

    def input_zero_points(self, node: str) -> tuple[int, ...]:
        """Zero points of the tensors that a node reads."""
        return tuple(self.zero_point(name) for name in self.network.by_name[node].inputs)
