"""The state of a walk over an ONNX graph, and how operators get at their inputs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tcugen.model.limits import INT8_RANGE
from tcugen.model.problems import Problem, Refused, Unavailable
from tcugen.model.quantized import Quantization
from tcugen.network.graph import Shape
from tcugen.onnx.importer.builder import Builder
from tcugen.onnx.importer.onnx_file import OnnxGraph, OnnxNode
from tcugen.onnx.importer.parameters import activation_quantization
from tcugen.onnx.importer.values import (
    CHANNELS_FIRST,
    Constant,
    Grouped,
    Image,
    Layout,
    Origin,
    Quantized,
    QuantizedConstant,
    Real,
    Unknown,
    Value,
)


@dataclass(eq=False)
class Walk:
    """What is known about the tensors of `graph` so far.

    Attributes:
        values: By name of tensor in the file.
        builder: The network so far.
        problems: Of all refused nodes so far.
        producers: Nodes by name of the tensor they make.
        recoded, folded, shifted: Names of nodes whose weights lost a zero point, of batch normalisations folded into
            convolutions, of tensors that came as uint8.
    """

    graph: OnnxGraph
    builder: Builder
    values: dict[str, Value] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    producers: dict[str, OnnxNode] = field(default_factory=dict)
    recoded: list[str] = field(default_factory=list)
    folded: list[str] = field(default_factory=list)
    shifted: list[str] = field(default_factory=list)

    def value(self, node: OnnxNode, index: int) -> Value:
        """The value of an input that must be there.

        Raises:
            Refused: If it is left out.
            Unavailable: If it is downstream of a refused node.
        """
        if not node.has_input(index):
            raise node.refusal(f"input {index}", "missing", "the operator needs it: export the model again")
        value = self.values[node.inputs[index]]
        if isinstance(value, Unknown):
            raise Unavailable
        return value

    def activation(self, node: OnnxNode, index: int) -> tuple[Real | Quantized | Unknown, Shape]:
        """An input that is no constant, and its shape, which may be known although a node before it was refused.

        Raises:
            Refused: If it is left out or a constant.
            Unavailable: If its shape is unknown.
        """
        value = self.values[node.inputs[index]] if node.has_input(index) else None
        if isinstance(value, Unknown) and value.shape is not None:
            return value, value.shape
        value = self.value(node, index)
        if isinstance(value, Quantized):
            return value, self.builder.shapes[value.tensor]
        real = self.real(node, index)
        return real, self.builder.shape_of(real)

    def check_rounded(self, node: OnnxNode, index: int, joins: bool = False) -> None:
        """Raises Refused if an input downstream of a refused node was computed and not rounded since.

        Args:
            joins: Whether `node` can become part of a convolution, which then need not be rounded.
        """
        value = self.values[node.inputs[index]] if node.has_input(index) else None
        if not isinstance(value, Unknown):
            return
        if value.origin is Origin.COMPUTED or (value.origin is Origin.CONVOLUTION and not joins):
            raise self._not_rounded(node, index)

    def constant(self, node: OnnxNode, index: int, what: str) -> np.ndarray | None:
        """The array of a constant input, None if it is left out.

        Raises:
            Refused: If it is computed at run time.
        """
        return self.parameter(node, index, what) if node.has_input(index) else None

    def parameter(self, node: OnnxNode, index: int, what: str) -> np.ndarray:
        """The array of a constant input that must be there.

        Raises:
            Refused: If it is left out or computed at run time.
        """
        value = self.value(node, index)
        if isinstance(value, QuantizedConstant):
            return value.real()
        if not isinstance(value, Constant):
            raise node.refusal(what, "computed at run time", "use static quantization, with constants there")
        return value.array

    def real(self, node: OnnxNode, index: int) -> Real:
        """An input that is a real activation tensor.

        Raises:
            Refused: If it is a constant or still int8.
        """
        value = self.value(node, index)
        if isinstance(value, Real):
            return value
        if isinstance(value, Grouped):
            raise node.refusal(
                f"input {node.inputs[index]!r}", "of five dimensions", "finish the channel shuffle first"
            )
        if isinstance(value, Quantized):
            raise node.refusal(
                f"input {node.inputs[index]!r}",
                "uint8" if value.unsigned else "int8",
                "put DequantizeLinear in front, or use the operator's QLinear form",
            )
        raise node.refusal(f"input {node.inputs[index]!r}", "a constant", "only weights and biases may be constant")

    def planes(self, node: OnnxNode, index: int) -> str:
        """As `tensor`, of an operator on rows and columns: the file must have four dimensions, channels first."""
        self.check_planes(node, index)
        return self.tensor(node, index)[0]

    def check_planes(self, node: OnnxNode, index: int) -> None:
        """Raises Refused if an input is known to have two dimensions, or channels last."""
        value = self.values[node.inputs[index]] if node.has_input(index) else None
        if isinstance(value, Real | Quantized) and value.layout != CHANNELS_FIRST:
            raise node.refusal(
                f"input {node.inputs[index]!r}",
                str(value.layout),
                "put a Transpose or Reshape to (1, channels, height, width) in front",
            )

    def tensor(self, node: OnnxNode, index: int) -> tuple[str, Layout]:
        """The int8 tensor of the network that stands for a real input, and how the file arranges it.

        Raises:
            Refused: If it was not quantized since it was computed.
        """
        self.check_rounded(node, index)
        real = self.real(node, index)
        name = node.inputs[index]
        if isinstance(real.base, Image):
            raise node.refusal(
                f"input {name!r}", "the image, not quantized", "put QuantizeLinear and DequantizeLinear at the input"
            )
        stored = real.stored
        if stored is None:
            raise self._not_rounded(node, index)
        quantization = self.builder.quantization(stored.tensor)
        return self.builder.quantise(real, quantization, node), real.layout

    def quantized(self, node: OnnxNode, index: int, stated: int | None = None) -> Quantized:
        """An input that is an int8 or uint8 activation tensor.

        Args:
            stated: Index of the input that states its scale, the zero point follows; it must be the producer's. After
                a refused node the statement is all that is known.

        Raises:
            Refused: If it is none, or scale or zero point are not those it was made with.
        """
        if stated is not None and node.has_input(index):
            unknown = self.values[node.inputs[index]]
            if isinstance(unknown, Unknown):
                return self._stated(node, unknown, index, stated)
        value = self.value(node, index)
        if isinstance(value, Real) and isinstance(value.base, Image) and stated is not None:
            return self._quantized_image(node, value, value.base, stated)
        if not isinstance(value, Quantized):
            raise node.refusal(f"input {node.inputs[index]!r}", "not int8", "quantize it with constant parameters")
        if stated is not None:
            self.check_stated(node, value, stated)
        return value

    def _quantized_image(self, node: OnnxNode, value: Real, image: Image, stated: int) -> Quantized:
        """The network's input where the file has it as integers; only their readers say what they stand for."""
        if image.unsigned is None or value.pools or value.is_clipped:
            raise node.refusal(f"input {node.inputs[0]!r}", "not int8", "quantize it with constant parameters")
        quantization, unsigned = self.quantization(node, stated, image.unsigned)
        if unsigned != image.unsigned:
            raise node.refusal("zero point type", "uint8" if unsigned else "int8", "use that of the model's input")
        tensor = self.builder.stated_image(quantization, node)
        if unsigned and tensor not in self.shifted:
            self.shifted.append(tensor)
        return Quantized(tensor, unsigned, value.layout)

    def _stated(self, node: OnnxNode, unknown: Unknown, index: int, stated: int) -> Quantized:
        """An int8 tensor downstream of a refused node, as its reader states it."""
        if unknown.shape is None or unknown.origin is Origin.CONSTANT:
            raise Unavailable
        producer = self.producers.get(node.inputs[index])
        try:
            quantization, unsigned = self.quantization(node, stated, False)
        except Refused:
            if producer is not None and producer.op.endswith("QuantizeLinear"):
                # It was refused for the same scale and zero point.
                raise Unavailable from None
            raise
        return Quantized(self.builder.placeholder(unknown.shape, quantization), unsigned, unknown.layout)

    def _not_rounded(self, node: OnnxNode, index: int) -> Refused:
        producer = self.producers.get(node.inputs[index])
        where = f"after {producer.name}" if producer else "before it"
        return node.refusal(
            f"input {node.inputs[index]!r}", "not quantized", f"put QuantizeLinear and DequantizeLinear {where}"
        )

    def check_stated(self, node: OnnxNode, value: Quantized, index: int) -> None:
        """Raises Refused if scale (input `index`) or zero point (the next) differ from those of `value`."""
        stated, unsigned = self.quantization(node, index, value.unsigned)
        own = self.builder.quantization(value.tensor)
        if stated != own or unsigned != value.unsigned:
            shift = 128 if value.unsigned else 0
            raise node.refusal(
                f"scale and zero point of {node.inputs[0]!r}",
                f"{stated.scale!s}, {stated.zero_point + (128 if unsigned else 0)}",
                f"it was quantized with {own.scale!s}, {own.zero_point + shift}: use the same on both sides",
            )

    def quantization(self, node: OnnxNode, index: int, unsigned: bool) -> tuple[Quantization, bool]:
        """Quantization that inputs `index` (scale) and `index + 1` (zero point, may be left out) state.

        Args:
            unsigned: Whether a zero point that is left out is one of uint8.

        Returns:
            The quantization as int8, and whether the file means uint8.
        """
        scale = self.parameter(node, index, "scale")
        zero_point = self.constant(node, index + 1, "zero point")
        return activation_quantization(node, scale, zero_point, unsigned)

    def quantise(self, node: OnnxNode, real: Real, quantization: Quantization, unsigned: bool) -> Quantized:
        """The value that `real` becomes in a quantization."""
        tensor = self.builder.quantise(real, quantization, node)
        if unsigned and tensor not in self.shifted:
            self.shifted.append(tensor)
        return Quantized(tensor, unsigned, real.layout)

    def clamped(self, node: OnnxNode, value: Quantized, low: int, high: int) -> Quantized:
        """An int8 tensor within integer limits, given as the file's type has them."""
        shift = 128 if value.unsigned else 0
        low, high = (min(max(limit - shift, INT8_RANGE[0]), INT8_RANGE[1]) for limit in (low, high))
        own = self.builder.quantization(value.tensor)
        return Quantized(self.builder.requantise(value.tensor, own, (low, high), node), value.unsigned, value.layout)


@dataclass
class Review:
    """Collects everything that is in the way of one node before it is refused."""

    node: OnnxNode
    problems: list[Problem] = field(default_factory=list)

    def fixed(self, attribute: str, default: Any, remedy: str) -> None:
        """An attribute that must have its default."""
        value = self.node.attributes.get(attribute, default)
        if value != default:
            self.problems.append(self.node.problem(attribute, value, remedy))

    def require(self, holds: bool, attribute: str, value: object, remedy: str) -> None:
        if not holds:
            self.problems.append(self.node.problem(attribute, value, remedy))

    def done(self) -> None:
        """Raises Refused if something was in the way."""
        if self.problems:
            raise Refused(self.problems)


def check_layouts(node: OnnxNode, inputs: tuple[int, int], layouts: tuple[Layout, Layout]) -> None:
    """Raises Refused if the file arranges two operands differently: ONNX would repeat each along the other."""
    if layouts[0] != layouts[1]:
        one, other = layouts if layouts[0].flat or layouts[0].channels_last else layouts[::-1]
        raise node.refusal(
            f"input {node.inputs[inputs[layouts.index(one)]]!r}",
            f"of {one}, the other of {other}",
            "arrange both alike, or the result only",
        )


Operator = Callable[[Walk, OnnxNode], Value]
"""What an operator makes of its inputs: the value of its first output. Raises Refused or Unavailable."""
