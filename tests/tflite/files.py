"""Small .tflite files, written tensor by tensor as converters write them."""

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated

schema: Any = schema_py_generated
"""Its classes declare lists where they take arrays."""

DTYPES = {"INT8": np.int8, "UINT8": np.uint8, "INT32": np.int32, "FLOAT32": np.float32, "INT16": np.int16}


class File:
    """A file under construction. Tensor 0 is the image."""

    def __init__(self, shape=(1, 6, 6, 4), kind="INT8", scale: Any = 0.02, zero_point=3, seed: int = 0):
        self.rng = np.random.default_rng(seed)
        self.shape, self.kind = shape, kind
        self.tensors, self.operators, self.codes = [], [], []
        self.buffers = [schema.BufferT()]
        self.image = self.tensor(shape, scale, zero_point, kind, name="image")

    def tensor(
        self, shape, scale: Any = None, zero_point: Any = 0, kind="INT8", data=None, dimension=0, name=None
    ) -> int:
        """A tensor, a constant one if it has `data`; returns its number."""
        tensor = schema.TensorT()
        tensor.shape = np.asarray(shape, np.int32)
        tensor.type = getattr(schema.TensorType, kind)
        tensor.name = name or f"t{len(self.tensors)}"
        if scale is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.asarray(scale, np.float32).reshape(-1)
            points = np.asarray(zero_point, np.int64).reshape(-1)
            tensor.quantization.zeroPoint = np.broadcast_to(points, tensor.quantization.scale.shape)
            tensor.quantization.quantizedDimension = dimension
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data, DTYPES[kind]).tobytes(), np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def numbers(self, values) -> int:
        """A constant of 32-bit integers: a shape, axes, paddings."""
        return self.tensor(np.shape(values), kind="INT32", data=values)

    def op(self, kind: str, inputs, outputs, **options: Any) -> int:
        """An operator; options by their names in the format, of the table TABLE. Returns its first output."""
        outputs = [outputs] if isinstance(outputs, int) else outputs
        code = schema.OperatorCodeT()
        number = getattr(schema.BuiltinOperator, kind)
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.codes)
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
        table = options.pop("table", None)
        if table:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            operator.builtinOptions = getattr(schema, f"{table}T")()
            for name, value in options.items():
                assert hasattr(operator.builtinOptions, name), name
                setattr(operator.builtinOptions, name, value)
        self.codes.append(code)
        self.operators.append(operator)
        return outputs[0]

    def conv(
        self, x, shape, strides=(1, 1), padding=0, activation=0, scale=0.03, zero_point=-5, depthwise=False, **more
    ):
        """A convolution with a scale per channel; weights of `shape`, as CONV_2D or DEPTHWISE_CONV_2D has them."""
        channels, dimension = (shape[3], 3) if depthwise else (shape[0], 0)
        before = self.tensors[x]
        scales = self.rng.uniform(0.001, 0.003, channels).astype(np.float32)
        weights = self.tensor(shape, scales, 0, data=self.rng.integers(-127, 128, shape), dimension=dimension)
        sums = before.quantization.scale[0] * scales
        bias = self.tensor((channels,), sums, 0, "INT32", data=self.rng.integers(-3000, 3000, channels))
        sides = [
            -(-side // stride) if padding == 0 else (side - kernel) // stride + 1
            for side, stride, kernel in zip(before.shape[1:3], strides, shape[1:3], strict=True)
        ]
        y = self.tensor((1, *sides, channels), scale, zero_point)
        kind, table = ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions") if depthwise else ("CONV_2D", "Conv2DOptions")
        if depthwise:
            more["depthMultiplier"] = channels // before.shape[3]
        options = {
            "padding": padding,
            "strideH": strides[0],
            "strideW": strides[1],
            "fusedActivationFunction": activation,
        }
        options |= {"dilationHFactor": 1, "dilationWFactor": 1} | more
        return self.op(kind, [x, weights, bias], y, table=table, **options)

    def content(self, outputs, inputs=(0,)) -> bytes:
        """The file between these tensors."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs = np.array(inputs, np.int32)
        graph.outputs = np.atleast_1d(np.array(outputs, np.int32))
        graph.name = "main"
        model = schema.ModelT()
        model.version, model.operatorCodes = 3, self.codes
        model.subgraphs, model.buffers, model.description = [graph], self.buffers, "made by a test"
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def save(self, path: Path, outputs) -> Path:
        """Write it and return its path."""
        path.write_bytes(self.content(outputs))
        return path

    def images(self, count=3) -> np.ndarray:
        """Random images, as the file has them."""
        if self.kind == "FLOAT32":
            return self.rng.normal(0, 1, (count, *self.shape[1:])).astype(np.float32)
        limits = np.iinfo(DTYPES[self.kind])
        return self.rng.integers(limits.min, limits.max + 1, (count, *self.shape[1:])).astype(DTYPES[self.kind])
