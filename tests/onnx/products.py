"""Products as ONNX Runtime's own kernels and the reference model compute them, beside golden's rule."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper

from tcugen.golden import arithmetic
from tcugen.model.integers import MultiplyIntegers
from tcugen.model.multipliers import product_multiplier
from tcugen.model.quantized import Quantization, QuantizedNetwork
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Multiply
from tcugen.onnx.reference import run_reference, write_reference
from tests.onnx.importer.graphs import CONTRIB, Graph

SCALES = 100
"""Pairs of operands at so many scales and zero points are compared."""

Form = tuple[np.float32, int]
"""Scale and zero point."""

A = np.repeat(np.arange(-128, 128), 256).astype(np.int8).reshape(1, 1, 256, 256)
B = np.tile(np.arange(-128, 128), 256).astype(np.int8).reshape(1, 1, 256, 256)
"""All 65,536 pairs of operands."""


def quantizations(seed: int) -> tuple[Form, Form, Form]:
    """Scale and zero point of both operands and of the result, drawn so that the results span int8 or more."""
    rng = np.random.default_rng(seed)
    forms = [(np.float32(np.exp(rng.uniform(-6, -2))), int(rng.integers(-128, 128))) for _ in range(2)]
    spread = float(forms[0][0]) * float(forms[1][0]) * 2**14
    return forms[0], forms[1], (np.float32(spread / 2 ** rng.uniform(5, 9)), int(rng.integers(-128, 128)))


def golden_products(a: Form, b: Form, y: Form) -> np.ndarray:
    """int8 [1, 1, 256, 256]: the rule's result for every pair."""
    multiplier = torch.tensor(product_multiplier(a[0], b[0], y[0], layer="m"))
    operands = torch.as_tensor(A), torch.as_tensor(B)
    return arithmetic.product(*operands, a[1], b[1], multiplier, y[1], -128, 127).numpy()


def from_a_tie(a: Form, b: Form, y: Form) -> np.ndarray:
    """float64 [1, 1, 256, 256]: how far each product, in steps of the result, is from halfway between two."""
    exact = (A.astype(np.float64) - a[1]) * (B.astype(np.float64) - b[1]) * float(a[0]) * float(b[0]) / float(y[0])
    return np.abs(exact - np.floor(exact) - 0.5)


def kernel_products(a: Form, b: Form, y: Form, operator_form: bool) -> np.ndarray:
    """The same of QLinearMul, or of Mul between DequantizeLinear and QuantizeLinear."""
    graph = Graph(shape=(1, 256, 256))
    graph.image = helper.make_tensor_value_info("image", TensorProto.INT8, [1, 1, 256, 256])
    other = graph.constant(B, np.int8)
    if operator_form:
        pairs = (graph.scale_and_zero(*a), graph.scale_and_zero(*b), graph.scale_and_zero(*y))
        output = graph.node("QLinearMul", "image", *pairs[0], other, *pairs[1], *pairs[2], domain=CONTRIB)
    else:
        output = graph.quantize(graph.node("Mul", graph.dequantize("image", *a), graph.dequantize(other, *b)), *y)
    return _run(graph.model(output, TensorProto.INT8).SerializeToString(), {"image": A})


def reference_products(a: Form, b: Form, y: Form, path: Path) -> np.ndarray:
    """The same of the reference model, which is written to `path`."""
    shape = Shape(1, 256, 256)
    network = Network("pairs", (("a", shape), ("b", shape)), (Multiply("m", ("a", "b")),))
    multiplier = product_multiplier(a[0], b[0], y[0], layer="m")
    tensors: dict[str, Quantization | None] = {
        name: Quantization(*form) for name, form in (("a", a), ("b", b), ("m", y))
    }
    model = QuantizedNetwork(network, tensors, {"m": MultiplyIntegers(multiplier, (-128, 127))})
    write_reference(model, path)
    return run_reference(path, {"a": A, "b": B})["m"]


def _run(model: bytes, inputs: dict[str, np.ndarray]) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, inputs)[0])
