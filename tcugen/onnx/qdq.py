"""A quantized network as ONNX in QDQ form: float operators between QuantizeLinear and DequantizeLinear, which every
tool reads. What each tool computes from it is near to the hardware but not equal; `reference` is the exact form.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np

from tcugen.model.integers import clamp_of
from tcugen.model.limits import INT8_RANGE
from tcugen.model.quantized import Quantization, QuantizedNetwork
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
    activation_of,
)
from tcugen.onnx.max_pool import write_max_pool
from tcugen.onnx.reference import IR_VERSION, OPSET, Constant

if TYPE_CHECKING:
    import onnx


def write_qdq(model: QuantizedNetwork, path: str | Path) -> None:
    """Writes the network as ONNX; the same model gives the same bytes.

    The graph's input is the float32 image [1, C, H, W]. Its outputs hold what the network's stand for, float32
    [1, classes] of a linear layer and [1, C, H, W] of others; they are called `output`, or `NAME_output` of
    several. Weights are int8 with one scale per output channel, biases int32.
    """
    import onnx

    writer = _Writer(model)
    network = model.network
    source, shape = network.inputs[0]
    writer.quantise(f"{source}_real", source)
    for node in network.nodes:
        writer.add_node(node)
    value = onnx.helper.make_tensor_value_info
    outputs: list[onnx.ValueInfoProto] = []
    for name in network.outputs:
        shown = "output" if len(network.outputs) == 1 else f"{name}_output"
        writer.op("Identity", [writer.real(name)], shown)
        sides, flat = network.shapes[name], writer.is_flat(network.by_name[name])
        dimensions = [1, sides.channels] if flat else [1, sides.channels, sides.height, sides.width]
        outputs.append(value(shown, onnx.TensorProto.FLOAT, dimensions))
    graph = onnx.helper.make_graph(
        writer.nodes,
        network.name,
        [value(f"{source}_real", onnx.TensorProto.FLOAT, [1, shape.channels, shape.height, shape.width])],
        outputs,
        writer.initializers,
    )
    opsets = [onnx.helper.make_opsetid("", OPSET)]
    written = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="tcugen")
    Path(path).write_bytes(written.SerializeToString(deterministic=True))


class _Writer:
    """Collects the ONNX nodes and constants.

    Tensor NAME of the network is int8 `NAME_int8`; each reader has a DequantizeLinear of its own, as tools that move
    them about expect.
    """

    def __init__(self, model: QuantizedNetwork) -> None:
        self.model = model
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def constant(self, name: str, value: Constant) -> str:
        import onnx

        self.initializers.append(onnx.numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name))
        return name

    def op(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        import onnx

        self.nodes.append(onnx.helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def quantise(self, real: str, tensor: str) -> None:
        """The int8 tensor of the network that holds what `real` holds."""
        quantization = self.model.quantization(tensor)
        self.op("QuantizeLinear", [real, *self.quantization(tensor, quantization)], f"{tensor}_int8")

    def quantization(self, tensor: str, quantization: Quantization) -> list[str]:
        names = [f"{tensor}_scale", f"{tensor}_zero_point"]
        if names[0] not in {initializer.name for initializer in self.initializers}:
            self.constant(names[0], np.array(quantization.scale, np.float32))
            self.constant(names[1], np.array(quantization.zero_point, np.int8))
        return names

    def real(self, tensor: str, reader: str = "output") -> str:
        """The real values of a tensor, for one reader."""
        quantization = self.model.tensors[tensor]
        if quantization is None or tensor in self.model.network.unrounded:
            return f"{tensor}_sums"
        names = [f"{tensor}_int8", *self.quantization(tensor, quantization)]
        return self.op("DequantizeLinear", names, f"{tensor}_for_{reader}")

    def add_node(self, node: Node) -> None:
        name = node.name
        operands = [self.real(tensor, f"{name}_{index}") for index, tensor in enumerate(node.inputs)]
        match node:
            case Conv():
                computed = self.convolution(node, operands[0])
            case Linear():
                computed = self.linear(node, operands[0])
            case Add():
                computed = self.op("Add", operands, f"{name}_add")
            case Multiply():
                computed = self.op("Mul", operands, f"{name}_product")
            case MaxPool():
                computed = write_max_pool(self, node, operands[0], f"{name}_pool", np.float32(-np.inf))
            case AveragePool():
                geometry = {"strides": node.stride, "pads": node.padding, "kernel_shape": node.kernel}
                counts = int(node.count_include_pad)
                computed = self.op("AveragePool", operands, f"{name}_mean", count_include_pad=counts, **geometry)
            case GlobalAveragePool():
                computed = self.op("GlobalAveragePool", operands, f"{name}_mean")
            case Requantise():
                computed = operands[0]
            case Table():
                computed = self.table(node)
            case Concat():
                computed = self.op("Concat", operands, f"{name}_concat", axis=1)
            case Resize():
                scales = self.constant(f"{name}_scales", np.array([1, 1, *node.factor], np.float32))
                how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
                computed = self.op("Resize", [*operands, "", scales], f"{name}_resized", **how)
            case DepthToSpace(block=block, mode=mode):
                computed = self.op("DepthToSpace", operands, f"{name}_blocks", blocksize=block, mode=mode)
            case ChannelShuffle(groups=groups):
                shape = self.model.network.shapes[name]
                apart = self.constant(f"{name}_apart", np.array([0, groups, -1, shape.height, shape.width]))
                whole = self.constant(f"{name}_whole", np.array([0, shape.channels, shape.height, shape.width]))
                split = self.op("Reshape", [*operands, apart], f"{name}_split")
                moved = self.op("Transpose", [split], f"{name}_moved", perm=(0, 2, 1, 3, 4))
                computed = self.op("Reshape", [moved, whole], f"{name}_shuffled")
            case Slice():
                ends = zip(("start", "stop", "axis"), (*node.channels, 1), strict=True)
                limits = [self.constant(f"{name}_{what}", np.array([value], np.int64)) for what, value in ends]
                computed = self.op("Slice", [*operands, *limits], f"{name}_slice")
            case _:
                assert_never(node)
        if self.model.tensors[name] is not None and name not in self.model.network.unrounded:
            self.quantise(self.limited(node, computed), name)

    def limited(self, node: Node, computed: str) -> str:
        """Relu where that is the activation, Clip for other limits inside int8."""
        clamp, quantization = clamp_of(self.model.integers_of(node)), self.model.quantization(node.name)
        if activation_of(node) == "relu" and clamp == (quantization.zero_point, INT8_RANGE[1]):
            return self.op("Relu", [computed], f"{node.name}_relu")
        if clamp is None or clamp == INT8_RANGE:
            return computed
        low, high = clamp
        bounds = [np.float32((step - quantization.zero_point) * quantization.scale) for step in (low, high)]
        names = [self.constant(f"{node.name}_{end}", bound) for end, bound in zip(("low", "high"), bounds, strict=True)]
        return self.op("Clip", [computed, *names], f"{node.name}_clip")

    def table(self, node: Table) -> str:
        """What each entry stands for, looked up: no tool has to know the function."""
        name, y = node.name, self.model.quantization(node.name)
        entries = self.model.integers_of(node).entries.astype(np.int16)
        reals = (entries - y.zero_point).astype(np.float32) * np.float32(y.scale)
        wide = self.op("Cast", [f"{node.inputs[0]}_int8"], f"{name}_wide", to=6)  # INT32
        index = self.op("Add", [wide, self.constant(f"{name}_offset", np.array(128, np.int32))], f"{name}_index")
        return self.op("Gather", [self.constant(f"{name}_table", reals), index], f"{name}_function")

    def convolution(self, node: Conv, x: str) -> str:
        operands = [x, *self.parameters(node, self.model.integers_of(node).weight)]
        geometry: dict[str, Any] = {"strides": node.stride, "pads": node.padding, "kernel_shape": node.kernel}
        geometry["group"] = node.groups
        if node.dilation != (1, 1):
            geometry["dilations"] = node.dilation
        return self.op("Conv", operands, f"{node.name}_sums", **geometry)

    def linear(self, node: Linear, x: str) -> str:
        name, output = node.name, f"{node.name}_sums"
        parameters = self.parameters(node, self.model.integers_of(node).weight[:, :, 0, 0])
        operands = [self.op("Flatten", [x], f"{name}_flat", axis=1), *parameters]
        rows = self.op("Gemm", operands, output if self.is_flat(node) else f"{name}_rows", transB=1)
        if self.is_flat(node):
            return rows
        return self.op("Unsqueeze", [rows, self.constant(f"{name}_axes", np.array([2, 3]))], output)

    def parameters(self, node: Weighted, stored: np.ndarray) -> list[str]:
        """Real weights and biases; `stored` are the weights as the operator wants them."""
        integers, name = self.model.integers_of(node), node.name
        scale = integers.weight_scale
        sum_scale = np.float32(self.model.scale(node.inputs[0])) * scale
        operands: list[str] = []
        for what, array, scales in (("weight", stored, scale), ("bias", integers.bias, sum_scale)):
            names = [
                self.constant(f"{name}_{what}_integers", array),
                self.constant(f"{name}_{what}_scale", scales.astype(np.float32)),
                self.constant(f"{name}_{what}_zero_point", np.zeros(len(scales), array.dtype)),
            ]
            operands.append(self.op("DequantizeLinear", names, f"{name}_{what}", axis=0))
        return operands

    def is_flat(self, node: Node) -> bool:
        """A linear layer's output has two dimensions unless something else than linear layers reads it."""
        network = self.model.network
        readers = (network.by_name[reader] for reader in network.consumers[node.name])
        return isinstance(node, Linear) and all(isinstance(reader, Linear) for reader in readers)
