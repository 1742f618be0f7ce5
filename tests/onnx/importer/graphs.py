"""Small ONNX models, written operator by operator as quantizers write them."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import DTypeLike
from onnx import TensorProto, helper, numpy_helper

CONTRIB = "com.microsoft"


class Graph:
    """A graph under construction; every method returns the name of the tensor it makes."""

    def __init__(
        self,
        shape=(3, 8, 8),
        seed: int = 0,
        batch: int | str | None = 1,
        opset: int = 17,
        kind: int = TensorProto.FLOAT,
    ):
        self.rng = np.random.default_rng(seed)
        self.image = helper.make_tensor_value_info("image", kind, [batch, *shape])
        self.shape, self.opset = shape, opset
        self.nodes, self.constants = [], []

    def constant(self, value, dtype=None, name=None) -> str:
        array = np.asarray(value, dtype)
        name = name or f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op, *inputs, name=None, domain="", **attributes) -> str:
        output = f"t{len(self.nodes)}"
        name = name if name is not None else f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=name, domain=domain, **attributes))
        return output

    def scale_and_zero(self, scale, zero_point, dtype: DTypeLike = np.int8) -> tuple[str, str]:
        return self.constant(scale, np.float32), self.constant(zero_point, dtype)

    def quantize(self, x, scale, zero_point=0, dtype: DTypeLike = np.int8, **more) -> str:
        return self.node("QuantizeLinear", x, *self.scale_and_zero(scale, zero_point, dtype), **more)

    def dequantize(self, x, scale, zero_point=0, dtype: DTypeLike = np.int8, **more) -> str:
        return self.node("DequantizeLinear", x, *self.scale_and_zero(scale, zero_point, dtype), **more)

    def qdq(self, x, scale, zero_point=0, dtype: DTypeLike = np.int8) -> str:
        """A tensor rounded to int8 and back."""
        return self.dequantize(self.quantize(x, scale, zero_point, dtype), scale, zero_point, dtype)

    def weights(self, *shape, low=-127, high=127) -> np.ndarray:
        return self.rng.integers(low, high + 1, shape).astype(np.int8)

    def quantized_constant(self, integers, scale, zero_point=None, axis=0) -> str:
        """DequantizeLinear of constant integers."""
        scale = np.asarray(scale, np.float32)
        zero_point = np.zeros(scale.shape) if zero_point is None else zero_point
        names = self.scale_and_zero(scale, np.asarray(zero_point, integers.dtype), integers.dtype)
        return self.node("DequantizeLinear", self.constant(integers), *names, axis=axis)

    def conv(self, x, channels, outputs=4, side=3, name=None, **attributes) -> str:
        """A convolution of random int8 weights with a scale per channel, without bias, its result not rounded."""
        weight = self.weights(outputs, channels // attributes.get("group", 1), side, side)
        scale = self.rng.uniform(0.001, 0.003, outputs)
        return self.node("Conv", x, self.quantized_constant(weight, scale), name=name, **attributes)

    def model(self, output, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
        """The model that ends in `output`, a tensor or several of them."""
        outputs = [output] if isinstance(output, str) else output
        graph = helper.make_graph(
            self.nodes,
            "graph",
            [self.image],
            [helper.make_tensor_value_info(name, kind, None) for name in outputs],
            self.constants,
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(CONTRIB, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def save(self, path: Path, output, kind: int = TensorProto.FLOAT) -> Path:
        """Write the model and return its path."""
        path.write_bytes(self.model(output, kind).SerializeToString())
        return path

    def images(self, count=3, deviation=1.0) -> np.ndarray:
        return self.rng.normal(0, deviation, (count, *self.shape)).astype(np.float32)


def run(path: Path, images: np.ndarray, optimise: bool = False) -> np.ndarray:
    """ONNX Runtime's output, image by image; without optimisation QDQ runs in floating point."""
    options = onnxruntime.SessionOptions()
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return np.concatenate([np.asarray(session.run(None, {"image": image[None]})[0]) for image in images])
