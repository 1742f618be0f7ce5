"""The network under construction: gives each real result its quantization and thereby makes nodes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

import numpy as np

from tcugen.model import multipliers
from tcugen.model.errors import ModelError
from tcugen.model.file_form import FLOAT_NCHW, FileForm
from tcugen.model.functions import output_entries
from tcugen.model.integers import (
    AddIntegers,
    AverageIntegers,
    AveragePoolIntegers,
    Clamp,
    ConcatIntegers,
    MultiplyIntegers,
    NodeIntegers,
    RequantiseIntegers,
    SliceIntegers,
    TableIntegers,
    WeightedIntegers,
    clamp_of,
)
from tcugen.model.limits import INT8_RANGE
from tcugen.model.quantized import Quantization, QuantizedNetwork
from tcugen.network.activation import activation_of_limits
from tcugen.network.check import checked_network
from tcugen.network.dilated_pool import name_of_rows
from tcugen.network.graph import Network, Node, Shape
from tcugen.network.operators import (
    Add,
    Concat,
    Conv,
    GlobalAveragePool,
    Multiply,
    Requantise,
    Slice,
    Table,
    keeps_quantization,
)
from tcugen.network.windows import divisors
from tcugen.onnx.importer.affine import fitted
from tcugen.onnx.importer.dead_channels import without_dead_channels
from tcugen.onnx.importer.folding import fold_limits
from tcugen.onnx.importer.moving import moving_integers, pool_integers, pool_nodes, summing, with_lowest_joined
from tcugen.onnx.importer.names import Names
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.padding import NO_PADDING, Padding, padding_of_both
from tcugen.onnx.importer.parameters import BiasError, rounded_bias
from tcugen.onnx.importer.reachable import reachable
from tcugen.onnx.importer.refusing import refusing
from tcugen.onnx.importer.values import (
    Addition,
    Arrangement,
    Average,
    Border,
    BothSides,
    Computed,
    Concatenation,
    Convolution,
    Elementwise,
    Image,
    Pool,
    Product,
    Real,
    Stored,
)


@dataclass(eq=False)
class Builder:
    """Nodes, quantizations and integers so far.

    Attributes:
        image, image_shape: The network's input.
        forms: Of inputs and outputs, as in `QuantizedNetwork`.
        nodes: By name, in the order in which they were made.
        tensors, integers: As in `QuantizedNetwork`.
        shapes: Of every tensor.
        origins: Names of nodes in the file by node of the network.
        bias_errors: Of every bias that had to be rounded.
        dead_channels: How many are constant, by node.
    """

    image: str
    image_shape: Shape
    forms: dict[str, FileForm] = field(default_factory=dict[str, FileForm])
    nodes: dict[str, Node] = field(default_factory=dict)
    tensors: dict[str, Quantization | None] = field(default_factory=dict)
    integers: dict[str, NodeIntegers] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    bias_errors: list[BiasError] = field(default_factory=list)
    dead_channels: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        self._names = Names({self.image})
        self._made: dict[tuple[object, ...], str] = {}
        self._borders: dict[str, tuple[str, Padding]] = {}

    def quantization(self, tensor: str) -> Quantization:
        """Quantization of an int8 tensor. Raises ModelError if it holds 32-bit sums, which only an output does."""
        quantization = self.tensors[tensor]
        if quantization is None:
            raise ModelError(f"tensor {tensor!r}: holds 32-bit sums, which nothing can read; quantize it")
        return quantization

    def scale(self, tensor: str) -> np.float32:
        """Scale of an int8 tensor. Raises ModelError as `quantization`."""
        return self.quantization(tensor).scale

    def shape_of(self, real: Real) -> Shape:
        """Shape of a real tensor, one image."""
        match real.base:
            case Image():
                shape = self.image_shape
            case Stored():
                shape = self.shapes[real.base.tensor]
            case Convolution() | Addition() | Product() | Average() | Elementwise() | Concatenation() | BothSides():
                shape = real.base.shape
            case _:
                assert_never(real.base)
        for pool in real.pools:
            for node in pool_nodes("pool", "x", pool, shape):
                shape = node.output_shape([shape])
        return shape

    def quantise(self, real: Real, quantization: Quantization, by: OnnxNode) -> str:
        """The int8 tensor that holds `real` in this quantization; the same one when asked again.

        Args:
            by: The node in the file that asks for it, named in refusals.

        Raises:
            Refused, NetworkError: If the hardware cannot compute it.
        """
        match real.base:
            case Image():
                return self._quantised_image(real, quantization, by)
            case Stored():
                tensor = self._pooled(real.base.tensor, real.pools)
                limits = multipliers.clamp_limits((real.low, real.high), quantization.scale, quantization.zero_point)
                return self.requantise(tensor, quantization, limits, real.last or by)
            case Convolution() | Addition() | Product() | Average() | Elementwise() | Concatenation() | BothSides():
                return self._pooled(self._computed(real, real.base, quantization), real.pools)
            case _:
                assert_never(real.base)

    def stated_image(self, quantization: Quantization, by: OnnxNode) -> str:
        """The network's input where the file has it as integers, as `by` states them. Raises Refused if it is another
        quantization than elsewhere."""
        self.tensors.setdefault(self.image, quantization)
        known = self.quantization(self.image)
        if known != quantization:
            raise by.refusal(
                "scale and zero point",
                f"{quantization.scale!s}, {quantization.zero_point}",
                f"the image is quantized with {known.scale!s}, {known.zero_point} elsewhere: quantize it once",
            )
        self.shapes[self.image] = self.image_shape
        return self.image

    def without_border(self, tensor: str) -> tuple[str, Padding]:
        """A tensor that zeros were put around, and how many; a tensor itself and none if it is no such one."""
        return self._borders.get(tensor, (tensor, NO_PADDING))

    def is_never_negative(self, tensor: str) -> bool:
        """Whether all that `tensor` can hold stands for zero or more."""
        while tensor in self.nodes and keeps_quantization(self.nodes[tensor]):
            tensor = self.nodes[tensor].inputs[0]
        clamp = clamp_of(self.integers[tensor]) if tensor in self.integers else INT8_RANGE
        return (INT8_RANGE if clamp is None else clamp)[0] >= self.quantization(tensor).zero_point

    def negated(self, tensor: str, by: OnnxNode) -> str:
        """The int8 tensor of `-x`: -1 - q, whose zero point is -1 - z, for q less z, at the same scale."""
        own = self.quantization(tensor)
        key = ("negated", tensor)
        if key not in self._made:
            channels = self.shapes[tensor].channels
            node = Conv(self._names.take(f"{by.name}.negated"), (tensor,), channels, (1, 1), groups=channels)
            ones = moving_integers(channels)
            integers = replace(ones, weight=-ones.weight)
            self._made[key] = self._add(node, Quantization(own.scale, -1 - own.zero_point), integers, by)
        return self._made[key]

    def stored_sums(self, base: Convolution | Average) -> str:
        """The int32 tensor of a convolution's sums, or of those of a mean; only an output of the network may be one."""
        if isinstance(base, Average):
            base = summing(base, self.shapes[base.x])
        name = self._names.take(base.node.name)
        integers = WeightedIntegers(base.weight, self._bias(base, name), base.weight_scale, multiplier=None, clamp=None)
        return self._add(base.named(name, None), None, integers, base.node)

    def requantise(self, tensor: str, quantization: Quantization, limits: Clamp, origin: OnnxNode) -> str:
        """`tensor` in another quantization and within `limits`; itself if neither changes anything."""
        own = self.quantization(tensor)
        if own == quantization and limits == INT8_RANGE:
            return tensor
        key = ("requantise", tensor, quantization, limits)
        if key not in self._made:
            relu_like = limits != INT8_RANGE and origin.op in ("Relu", "Clip")
            name = self._names.take(origin.name if relu_like else f"{tensor}.requantise")
            with refusing(origin):
                multiplier = multipliers.requantise_multiplier(own.scale, quantization.scale, layer=origin.name)
            integers = RequantiseIntegers(multiplier, limits)
            self._made[key] = self._add(Requantise(name, (tensor,)), quantization, integers, origin)
        return self._made[key]

    def sliced(self, tensor: str, channels: tuple[int, int], by: OnnxNode) -> str:
        """Channels channels[0] .. channels[1] - 1 of a tensor."""
        key = ("slice", tensor, channels)
        if key not in self._made:
            node = Slice(self._names.take(by.name), (tensor,), channels)
            self._made[key] = self._add(node, self.quantization(tensor), SliceIntegers(), by)
        return self._made[key]

    def placeholder(self, shape: Shape, quantization: Quantization) -> str:
        """A tensor after a refused node, so that what follows can be checked too; such a network is never finished."""
        name = self._names.take("unknown")
        self.tensors[name], self.shapes[name] = quantization, shape
        return name

    def copied(self, tensor: str, by: OnnxNode) -> str:
        """Another tensor that holds the same: a change of scale by 1."""
        node = Requantise(self._names.take(f"{tensor}.copy"), (tensor,))
        return self._add(node, self.quantization(tensor), RequantiseIntegers(np.float32(1), INT8_RANGE), by)

    def finish(self, title: str, outputs: Sequence[str]) -> QuantizedNetwork:
        """The checked network of all nodes that `outputs` depend on.

        Raises:
            NetworkError: If there is no node, or the network breaks a rule of `checked_network`.
        """
        forms = [self.forms.pop(output, FLOAT_NCHW) for output in outputs]
        outputs = fold_limits(self.nodes, self.tensors, self.integers, outputs)
        self.forms |= zip(outputs, forms, strict=True)
        network: Network = checked_network(
            title, ((self.image, self.image_shape),), reachable(self.nodes, outputs), outputs
        )
        return QuantizedNetwork(
            network,
            {name: self.tensors[name] for name in network.shapes},
            {node.name: self.integers[node.name] for node in network.nodes},
            {name: form for name, form in self.forms.items() if form != FLOAT_NCHW},
        )

    def _quantised_image(self, real: Real, quantization: Quantization, by: OnnxNode) -> str:
        if real.is_clipped or real.pools:
            raise by.refusal(
                "input", self.image, "the image must be quantized first: put QuantizeLinear directly at the input"
            )
        if isinstance(real.base, Image) and real.base.unsigned is not None:
            raise by.refusal("input", self.image, "the image holds integers already: put DequantizeLinear there")
        return self.stated_image(quantization, by)

    def _computed(self, real: Real, base: Computed, quantization: Quantization) -> str:
        """The node that a convolution, addition or average becomes, with its limits and without its pools."""
        limits = multipliers.clamp_limits((real.low, real.high), quantization.scale, quantization.zero_point)
        key = (id(base), quantization, limits)
        if key in self._made:
            return self._made[key]
        name = self._names.take(base.node.name)
        activation = activation_of_limits(real.low, real.high)
        match base:
            case Convolution():
                node = base.named(name, activation)
            case Addition():
                a, b = (self._summand(operand, quantization.scale) for operand in base.operands)
                unrounded = next((i for i, one in enumerate(base.operands) if isinstance(one, Convolution)), None)
                node = Add(name, (a, b), activation, unrounded)
            case Product():
                node = Multiply(name, base.operands, activation)
            case Average():
                node = replace(base.pool, name=name) if base.pool else GlobalAveragePool(name, (base.x,))
            case Elementwise():
                curve = base.curve
                node = Table(name, (curve.tensor,), curve.function or "custom", curve.alpha)
            case Concatenation():
                operands = tuple(self._operand(operand, quantization, base.node) for operand in base.operands)
                moved = tuple(self.tensors[tensor] == quantization and limits == INT8_RANGE for tensor in operands)
                node = Concat(name, operands, moved if any(moved) else ())
            case BothSides(operands=(a, b)):
                sides = self.quantise(a, quantization, base.node), self.quantise(b, quantization, base.node)
                node = Add(name, sides, activation)
            case _:
                assert_never(base)
        with refusing(base.node):
            if isinstance(base, Convolution) and base.steps:
                base = fitted(base, self.quantization(base.x), quantization)
            integers = self._integers(base, node, quantization, limits)
        self._made[key] = self._add(node, quantization, integers, base.node)
        return self._made[key]

    def _summand(self, base: str | Convolution, scale: np.float32) -> str:
        """A tensor, or what a convolution makes for one add to take unrounded, whose result has this scale."""
        if isinstance(base, str):
            return base
        name = self._names.take(base.node.name)
        with refusing(base.node):
            integers = self._weighted(base, name, scale, None)
        return self._add(base.named(name, None), Quantization(scale, 0), integers, base.node)

    def _operand(self, real: Real, quantization: Quantization, by: OnnxNode) -> str:
        """The tensor of an operand of a concatenation: as it is stored, else in the quantization of the result."""
        stored = real.stored
        return self.quantise(real, quantization if stored is None else self.quantization(stored.tensor), by)

    def _integers(self, base: Computed, node: Node, y: Quantization, limits: Clamp) -> NodeIntegers:
        """The integers of `node`, whose output is quantized as `y`."""
        layer, name, s_y = base.node.name, node.name, y.scale
        match base:
            case Convolution():
                return self._weighted(base, name, s_y, limits)
            case Addition() | BothSides():
                s_a, s_b = (self.scale(operand) for operand in node.inputs)
                if isinstance(node, Add) and node.unrounded is not None:
                    index, s_other = node.unrounded, s_a if node.unrounded else s_b
                    m_a, m_b, shift = multipliers.unrounded_add_multipliers(s_other, s_y, index, layer=layer)
                else:
                    m_a, m_b, shift = multipliers.add_multipliers(s_a, s_b, s_y, layer=layer)
                return AddIntegers((m_a, m_b), shift, limits)
            case Product():
                s_a, s_b = (self.scale(operand) for operand in base.operands)
                return MultiplyIntegers(multipliers.product_multiplier(s_a, s_b, s_y, layer=layer), limits)
            case Average():
                shape, s_x = self.shapes[base.x], self.scale(base.x)
                if base.pool:
                    counts = divisors(base.pool, shape)
                    factors = multipliers.average_multipliers(s_x, s_y, counts, layer=layer)
                    return AveragePoolIntegers(factors, limits)
                pixels = shape.height * shape.width
                factor = multipliers.average_multiplier(s_x, s_y, pixels, layer=layer)
                return AverageIntegers(factor, limits)
            case Elementwise():
                return TableIntegers(np.clip(output_entries(base.curve.values, s_y, y.zero_point), *limits))
            case Concatenation():
                scales = [self.scale(operand) for operand in node.inputs]
                return ConcatIntegers(multipliers.concat_multipliers(scales, s_y, layer=layer), limits)
            case _:
                assert_never(base)

    def _weighted(self, base: Convolution, name: str, s_y: np.float32, limits: Clamp | None) -> WeightedIntegers:
        s_x = self.scale(base.x)
        base, dead = without_dead_channels(base, s_x, s_y)
        if dead:
            self.dead_channels[name] = dead
        factors = multipliers.convolution_multiplier(s_x, base.weight_scale, s_y, layer=base.node.name)
        return WeightedIntegers(base.weight, self._bias(base, name), base.weight_scale, factors, limits)

    def _bias(self, base: Convolution, name: str) -> np.ndarray:
        if base.bias_integers is not None:
            return base.bias_integers
        integers, error = rounded_bias(base.node, name, base.bias, self.scale(base.x), base.weight_scale)
        self.bias_errors.append(error)
        return integers

    def _pooled(self, tensor: str, pools: tuple[Arrangement, ...]) -> str:
        for pool in with_lowest_joined(pools):
            source = tensor
            if isinstance(pool, Pool) and self.is_never_negative(tensor):
                # Zeros never win there, and padding never does.
                inner, border = self.without_border(tensor)
                whole = padding_of_both(pool.padding, border)
                if all(side < kernel for side, kernel in zip(whole, pool.kernel * 2, strict=True)):
                    source, pool = inner, replace(pool, padding=whole)
            key = ("pool", source, pool)
            if key not in self._made:
                apart = isinstance(pool, Pool) and pool.dilation[1] > 1
                name = self._names.take(pool.node.name, beside=name_of_rows if apart else None)
                for node in pool_nodes(name, source, pool, self.shapes[source]):
                    self._made[key] = self._add(node, self.tensors[source], pool_integers(node), pool.node)
                if isinstance(pool, Border):
                    inner, around = self.without_border(source)
                    self._borders[self._made[key]] = (inner, padding_of_both(around, pool.padding))
            tensor = self._made[key]
        return tensor

    def _add(
        self,
        node: Node,
        quantization: Quantization | None,
        integers: NodeIntegers,
        origin: OnnxNode,
    ) -> str:
        # A shape that does not fit is refused before anything of the node is kept.
        self.shapes[node.name] = node.output_shape([self.shapes[name] for name in node.inputs])
        self.nodes[node.name] = node
        self.tensors[node.name] = quantization
        self.integers[node.name] = integers
        self.origins[node.name] = origin.name
        return node.name
