"""The reference model: an ONNX file that makes ONNX Runtime compute what the hardware computes, to the last bit.

Convolutions, pools and fully connected layers use ONNX Runtime's own integer operators, whose scales reproduce every
multiplier. Residual adds and changes of scale are spelled out in standard operators of double and float, in which every
intermediate value but the one that is rounded is exact, so no two platforms can differ.

`onnx` and `onnxruntime` are imported when they are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np
import numpy.typing as npt

from tcugen.model import multipliers
from tcugen.model.errors import QuantizationError
from tcugen.model.integers import Clamp
from tcugen.model.limits import INT8_RANGE
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.graph import Node
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
    Requantise,
    Resize,
    Slice,
    Table,
    Weighted,
)
from tcugen.network.windows import counted, divisors
from tcugen.onnx.max_pool import write_max_pool
from tcugen.onnx.unrounded import with_fraction
from tcugen.onnx.untyped import open_session

if TYPE_CHECKING:
    import onnx

Constant = npt.NDArray[Any] | np.generic
FloatArray = npt.NDArray[np.float32] | np.float32

OPSET = 17
IR_VERSION = 8
CONTRIB = "com.microsoft"


def write_reference(model: QuantizedNetwork, path: str | Path, every_tensor: bool = False) -> None:
    """Writes the network as ONNX; the same model gives the same bytes.

    Args:
        model: Its multipliers must follow from its scales.
        path: The file to write.
        every_tensor: Make the output of every node an output of the graph, not only the network's outputs.

    The graph's inputs and outputs carry the names of the network: int8 [n, C, H, W] for any n, int32 for a last layer
    that stores sums.

    Raises:
        QuantizationError: If a multiplier is not the one that the scales give; ONNX Runtime computes it from them.
    """
    import onnx

    writer = _Writer(model)
    for node in model.network.nodes:
        writer.add_node(node)
    network = model.network
    outputs = [node.name for node in network.nodes] if every_tensor else network.outputs
    graph = onnx.helper.make_graph(
        writer.nodes,
        network.name,
        [writer.value(name) for name, _ in network.inputs],
        [writer.value(name) for name in outputs],
        writer.initializers,
    )
    opsets = [onnx.helper.make_opsetid("", OPSET), onnx.helper.make_opsetid(CONTRIB, 1)]
    written = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="tcugen")
    Path(path).write_bytes(written.SerializeToString(deterministic=True))


def run_reference(path: str | Path, inputs: Mapping[str, np.ndarray], optimise: bool = False) -> dict[str, np.ndarray]:
    """Runs an ONNX file in ONNX Runtime on the CPU.

    Args:
        path: The file.
        inputs: Arrays by name of graph input.
        optimise: Let ONNX Runtime rewrite the graph first; off, it runs the operators as they are written.

    Returns:
        The graph's outputs by name.
    """
    session = open_session(path, optimise)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


class _Writer:
    """Collects the ONNX nodes and constants; one method per operator of the network."""

    def __init__(self, model: QuantizedNetwork) -> None:
        self.model = model
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def value(self, name: str) -> onnx.ValueInfoProto:
        """Type and shape of one tensor of the network."""
        import onnx

        shape = self.model.network.shapes[name]
        kind = "INT32" if self.model.tensors[name] is None else "INT8"
        kind = "INT64" if name in self.model.network.unrounded else kind
        return onnx.helper.make_tensor_value_info(name, _type(kind), ["n", shape.channels, shape.height, shape.width])

    def constant(self, name: str, value: Constant) -> str:
        import onnx

        self.initializers.append(onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        import onnx

        self.nodes.append(onnx.helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def cast(self, tensor: str, kind: str, output: str) -> str:
        return self.op("Cast", [tensor], output, to=_type(kind))

    def quantization(self, node: Node, tensor: str, role: str) -> list[str]:
        """Constants of the scale and zero point of a tensor, as `node` uses it in `role`."""
        quantization = self.model.quantization(tensor)
        return [
            self.constant(f"{node.name}/{role}_scale", np.float32(quantization.scale)),
            self.constant(f"{node.name}/{role}_zero_point", np.int8(quantization.zero_point)),
        ]

    def check_multiplier(self, node: Node, stored: FloatArray | None, derived: FloatArray) -> None:
        if stored is None:
            raise QuantizationError(f"layer {node.name!r}: has no multiplier, but its output is int8; give it one")
        if not np.array_equal(stored, derived):
            raise QuantizationError(
                f"layer {node.name!r}: its multipliers are not those of its scales (up to "
                f"{np.abs(stored - derived).max()} apart), but ONNX Runtime computes them from the scales; "
                "derive both from the same scales"
            )

    def add_node(self, node: Node) -> None:
        match node:
            case Conv():
                self.convolution(node)
            case Linear():
                self.linear(node)
            case Add():
                self.add(node)
            case MaxPool():
                write_max_pool(self, node, node.inputs[0], node.name, np.int8(INT8_RANGE[0]))
            case AveragePool():
                self.average_pool(node)
            case GlobalAveragePool():
                self.global_average_pool(node)
            case Requantise():
                self.requantise(node)
            case Table():
                self.table(node)
            case Concat():
                self.concat(node)
            case Slice():
                self.slice(node)
            case Multiply():
                self.multiply(node)
            case Resize():
                self.resize(node)
            case DepthToSpace(block=block, mode="DCR"):
                self.regroup(node, (block, block, -1), (0, 3, 4, 1, 5, 2))
            case DepthToSpace(block=block):
                self.regroup(node, (-1, block, block), (0, 1, 4, 2, 5, 3))
            case ChannelShuffle(groups=groups):
                self.regroup(node, (groups, -1), (0, 2, 1, 3, 4))
            case _:
                assert_never(node)

    def clamp(self, node: Node, limits: Clamp | None, unclamped: str) -> None:
        """Clips an int8 tensor to the node's limits and gives it the node's name."""
        low, high = limits or INT8_RANGE
        ends = [
            self.constant(f"{node.name}/lo", np.int8(low)),
            self.constant(f"{node.name}/hi", np.int8(high)),
        ]
        self.op("Clip", [unclamped, *ends], node.name)

    def convolution(self, node: Conv) -> None:
        integers, name = self.model.integers_of(node), node.name
        geometry: dict[str, Any] = {
            "strides": node.stride,
            "pads": node.padding,
            "kernel_shape": node.kernel,
            "group": node.groups,
        }
        if node.dilation != (1, 1):
            geometry["dilations"] = node.dilation
        if integers.clamp is None:
            self.integer_convolution(node, geometry)
            return
        inputs = self.quantized_operands(node, integers.weight)
        inputs.append(self.constant(f"{name}/bias", integers.bias))
        self.clamp(node, integers.clamp, self.op("QLinearConv", inputs, f"{name}/unclamped", **geometry))

    def quantized_operands(self, node: Weighted, weight: np.ndarray) -> list[str]:
        """Input, weights and output quantization of QLinearConv, in its order; checks the multipliers."""
        integers, x, name = self.model.integers_of(node), node.inputs[0], node.name
        self.check_weighted(node)
        return [
            x,
            *self.quantization(node, x, "x"),
            self.constant(f"{name}/weight", weight),
            self.constant(f"{name}/weight_scale", integers.weight_scale.astype(np.float32)),
            self.constant(f"{name}/weight_zero_point", np.zeros(len(integers.bias), np.int8)),
            *self.quantization(node, name, "y"),
        ]

    def check_weighted(self, node: Weighted) -> None:
        integers, scales = self.model.integers_of(node), [self.model.scale(name) for name in (*node.inputs, node.name)]
        derived = multipliers.convolution_multiplier(scales[0], integers.weight_scale, scales[1], layer=node.name)
        self.check_multiplier(node, integers.multiplier, derived)

    def summed(self, node: Weighted, kind: str, inputs: list[str]) -> None:
        """The 32-bit sums that an operator completes are the node's output, or what an add takes unrounded."""
        multiplier = self.model.integers_of(node).multiplier
        if multiplier is None:
            self.op(kind, inputs, node.name)
            return
        self.check_weighted(node)
        with_fraction(self, node.name, self.op(kind, inputs, f"{node.name}/sums"), multiplier)

    def integer_convolution(self, node: Conv, geometry: dict[str, Any]) -> None:
        """A conv that nothing rounds. ConvInteger takes uint8 only, so input and weights move up by 128."""
        integers, name = self.model.integers_of(node), node.name
        z_x = self.model.zero_point(node.inputs[0])
        wide = self.cast(node.inputs[0], "INT32", f"{name}/wide")
        raised = self.op("Add", [wide, self.constant(f"{name}/raise", np.int32(128))], f"{name}/raised")
        unsigned = self.cast(raised, "UINT8", f"{name}/unsigned")
        inputs = [
            unsigned,
            self.constant(f"{name}/weight", (integers.weight.astype(np.int16) + 128).astype(np.uint8)),
            self.constant(f"{name}/x_zero_point", np.uint8(z_x + 128)),
            self.constant(f"{name}/weight_zero_point", np.uint8(128)),
        ]
        products = self.op("ConvInteger", inputs, f"{name}/products", **geometry)
        self.summed(node, "Add", [products, self.constant(f"{name}/bias", integers.bias.reshape(-1, 1, 1))])

    def linear(self, node: Linear) -> None:
        """QGemm, or MatMulInteger for a layer that nothing rounds, on the flattened input."""
        integers, name = self.model.integers_of(node), node.name
        weight = np.ascontiguousarray(integers.weight[:, :, 0, 0].T)
        flat = self.op("Flatten", [node.inputs[0]], f"{name}/flat", axis=1)
        if integers.clamp is None:
            zero_point = self.constant(f"{name}/x_zero_point", np.int8(self.model.zero_point(node.inputs[0])))
            inputs = [flat, self.constant(f"{name}/weight", weight), zero_point]
            products = self.op("MatMulInteger", inputs, f"{name}/products")
            rows = self.op("Add", [products, self.constant(f"{name}/bias", integers.bias)], f"{name}/rows")
        else:
            _, *operands = self.quantized_operands(node, weight)
            bias = self.constant(f"{name}/bias", integers.bias)
            inputs = [flat, *operands[:5], bias, *operands[5:]]
            rows = self.op("QGemm", inputs, f"{name}/rows", CONTRIB)
        axes = self.constant(f"{name}/pixel_axes", np.array([2, 3], np.int64))
        if integers.clamp is None:
            self.summed(node, "Unsqueeze", [rows, axes])
        else:
            self.clamp(node, integers.clamp, self.op("Unsqueeze", [rows, axes], f"{name}/unclamped"))

    def average_pool(self, node: AveragePool) -> None:
        """Sums of a window by a Conv of ones in float, which are integers and exact, then the multiplier of each pixel.

        ONNX Runtime's QLinearAveragePool adds up real values instead.
        """
        integers, name = self.model.integers_of(node), node.name
        shape = self.model.network.shapes[node.inputs[0]]
        rows, columns = (np.array(counts) for counts in counted(node, shape))
        of_pixel = np.searchsorted(divisors(node, shape), rows[:, None] * columns)
        ones = np.ones((shape.channels, 1, *node.kernel), np.float32)
        inputs = [self.centred(node, node.inputs[0], "x", np.float32), self.constant(f"{name}/ones", ones)]
        geometry: dict[str, Any] = {"strides": node.stride, "pads": node.padding, "kernel_shape": node.kernel}
        sums = self.op("Conv", inputs, f"{name}/sums", group=shape.channels, **geometry)
        factors = self.constant(f"{name}/multipliers", integers.multipliers[of_pixel][None, None])
        self.rounded(node, integers.clamp, self.op("Mul", [sums, factors], f"{name}/scaled"), np.float32)

    def global_average_pool(self, node: GlobalAveragePool) -> None:
        x, name = node.inputs[0], node.name
        s_x, s_y = self.model.scale(x), self.model.scale(name)
        integers = self.model.integers_of(node)
        shape = self.model.network.shapes[x]
        derived = multipliers.average_multiplier(s_x, s_y, shape.height * shape.width, layer=name)
        self.check_multiplier(node, integers.multiplier, derived)
        inputs = [x, *self.quantization(node, x, "x"), *self.quantization(node, name, "y")]
        unclamped = self.op("QLinearGlobalAveragePool", inputs, f"{name}/unclamped", CONTRIB, channels_last=0)
        self.clamp(node, integers.clamp, unclamped)

    def add(self, node: Add) -> None:
        integers, name = self.model.integers_of(node), node.name
        products: list[str] = []
        for role, operand, factor in zip("ab", node.inputs, integers.multipliers, strict=True):
            centred = self.centred(node, operand, role, np.float64)
            inputs = [centred, self.constant(f"{name}/m_{role}", np.float64(factor))]
            products.append(self.op("Mul", inputs, f"{name}/product_{role}"))
        total = self.op("Add", products, f"{name}/total")
        inputs = [total, self.constant(f"{name}/down", np.float64(2.0**-integers.shift))]
        self.rounded(node, integers.clamp, self.op("Mul", inputs, f"{name}/scaled"), np.float64)

    def requantise(self, node: Requantise) -> None:
        """The one single-precision product in the open: QuantizeLinear would divide by the output's scale instead."""
        integers = self.model.integers_of(node)
        centred = self.centred(node, node.inputs[0], "x", np.float32)
        inputs = [centred, self.constant(f"{node.name}/multiplier", integers.multiplier)]
        self.rounded(node, integers.clamp, self.op("Mul", inputs, f"{node.name}/scaled"), np.float32)

    def multiply(self, node: Multiply) -> None:
        """The product of two centred values has at most 17 bits, so that the one rounding is that by M."""
        integers, name = self.model.integers_of(node), node.name
        operands = [
            self.centred(node, operand, role, np.float32) for role, operand in zip("ab", node.inputs, strict=True)
        ]
        product = self.op("Mul", operands, f"{name}/product")
        inputs = [product, self.constant(f"{name}/multiplier", integers.multiplier)]
        self.rounded(node, integers.clamp, self.op("Mul", inputs, f"{name}/scaled"), np.float32)

    def table(self, node: Table) -> None:
        """The table itself: Gather, at x + 128."""
        name = node.name
        wide = self.cast(node.inputs[0], "INT32", f"{name}/wide")
        index = self.op("Add", [wide, self.constant(f"{name}/offset", np.int32(128))], f"{name}/index")
        self.op("Gather", [self.constant(f"{name}/table", self.model.integers_of(node).entries), index], name)

    def concat(self, node: Concat) -> None:
        """Each operand requantised as `requantise` does it, then Concat, which moves int8 values."""
        integers, name = self.model.integers_of(node), node.name
        parts: list[str] = []
        for number, (operand, multiplier) in enumerate(zip(node.inputs, integers.multipliers, strict=True)):
            role = f"part_{number}"
            factor = self.constant(f"{name}/multiplier_{number}", np.float32(multiplier))
            scaled = self.op("Mul", [self.centred(node, operand, role, np.float32), factor], f"{name}/scaled_{number}")
            parts.append(self.rounded(node, integers.clamp, scaled, np.float32, role))
        self.op("Concat", parts, name, axis=1)

    def slice(self, node: Slice) -> None:
        ends = zip(("start", "stop", "axis"), (*node.channels, 1), strict=True)
        inputs = [self.constant(f"{node.name}/{what}", np.array([value], np.int64)) for what, value in ends]
        self.op("Slice", [node.inputs[0], *inputs], node.name)

    def resize(self, node: Resize) -> None:
        scales = self.constant(f"{node.name}/scales", np.array([1, 1, *node.factor], np.float32))
        how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        self.op("Resize", [node.inputs[0], "", scales], node.name, **how)

    def regroup(self, node: Node, channels: tuple[int, ...], order: tuple[int, ...]) -> None:
        """Channels in several dimensions, all dimensions in another order, and back to four."""
        name, shapes = node.name, self.model.network.shapes
        before, after = shapes[node.inputs[0]], shapes[name]
        apart = self.constant(f"{name}/apart", np.array([0, *channels, before.height, before.width], np.int64))
        whole = self.constant(f"{name}/whole", np.array([0, after.channels, after.height, after.width], np.int64))
        moved = self.op(
            "Transpose", [self.op("Reshape", [node.inputs[0], apart], f"{name}/split")], f"{name}/moved", perm=order
        )
        self.op("Reshape", [moved, whole], name)

    def centred(self, node: Node, operand: str, role: str, dtype: type[np.floating]) -> str:
        """An operand less its zero point, in a floating-point type."""
        # The two operands of an add may be one tensor; the role keeps the names apart.
        wide = self.cast(operand, "DOUBLE" if dtype is np.float64 else "FLOAT", f"{node.name}/wide_{role}")
        zero_point = self.constant(f"{node.name}/zero_point_{role}", dtype(self.model.zero_point(operand)))
        return self.op("Sub", [wide, zero_point], f"{node.name}/centred_{role}")

    def rounded(self, node: Node, clamp: Clamp, scaled: str, dtype: type[np.floating], part: str = "") -> str:
        """clamp(rint(scaled) + z_y) as int8: the node's output, or the `part` of it that has a name of its own."""
        (low, high), z_y = clamp, self.model.zero_point(node.name)
        name = f"{node.name}/{part}" if part else node.name
        rounded = self.op("Round", [scaled], f"{name}/rounded")
        zero_point = self.constant(f"{name}/y_zero_point", dtype(z_y))
        moved = self.op("Add", [rounded, zero_point], f"{name}/moved")
        limits = [self.constant(f"{name}/lo", dtype(low)), self.constant(f"{name}/hi", dtype(high))]
        return self.cast(self.op("Clip", [moved, *limits], f"{name}/clipped"), "INT8", name)


def _type(name: str) -> int:
    import onnx

    return getattr(onnx.TensorProto, name)
