"""Functions as ONNX Runtime's own kernels compute them, beside the tables that stand for them."""

from collections.abc import Callable

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from tcugen.model.functions import table_entries
from tcugen.network.fields import Function
from tests.onnx.importer.graphs import CONTRIB, Graph

SCALES = 100

Build = Callable[[Graph, str], str]
"""From a graph and the name of a real tensor to that of the function's result."""

FUNCTIONS: dict[str, tuple[Function, float | None, int, Build]] = {
    "sigmoid": ("sigmoid", None, 17, lambda g, x: g.node("Sigmoid", x)),
    "tanh": ("tanh", None, 17, lambda g, x: g.node("Tanh", x)),
    "leaky_relu": ("leaky_relu", 0.2, 17, lambda g, x: g.node("LeakyRelu", x, alpha=0.2)),
    "hard_sigmoid": ("hard_sigmoid", float(np.float32(0.2)), 17, lambda g, x: g.node("HardSigmoid", x)),
    "hard_swish": ("hard_swish", None, 17, lambda g, x: g.node("HardSwish", x)),
    "silu": ("silu", None, 17, lambda g, x: g.node("Mul", x, g.node("Sigmoid", x))),
    "gelu": ("gelu", None, 20, lambda g, x: g.node("Gelu", x)),
    "exp": ("exp", None, 17, lambda g, x: g.node("Exp", x)),
    "elu": ("elu", 1.0, 17, lambda g, x: g.node("Elu", x)),
    "softplus": ("softplus", None, 17, lambda g, x: g.node("Softplus", x)),
}
"""By case: function, alpha, version of the operators, and the operators themselves."""


def quantizations(case: str, seed: int) -> tuple[tuple[np.float32, int], tuple[np.float32, int]]:
    """Scale and zero point of operand and result, drawn so that the results span int8 or more."""
    rng = np.random.default_rng([seed, *case.encode()])
    s_x, z_x = np.float32(np.exp(rng.uniform(np.log(0.002), np.log(0.2)))), int(rng.integers(-128, 128))
    s_y, z_y = np.float32(np.exp(rng.uniform(np.log(0.002), np.log(0.1)))), int(rng.integers(-128, 128))
    return (s_x, z_x), (s_y, z_y)


def kernel_entries(case: str, x: tuple[np.float32, int], y: tuple[np.float32, int]) -> np.ndarray:
    """int8 [256]: what ONNX Runtime makes of every int8 value, between DequantizeLinear and QuantizeLinear."""
    _, _, opset, build = FUNCTIONS[case]
    graph = Graph(shape=(1, 16, 16), opset=opset)
    graph.image = helper.make_tensor_value_info("image", TensorProto.INT8, [1, 1, 16, 16])
    return _run(graph, graph.quantize(build(graph, graph.dequantize("image", *x)), *y))


def operator_form_entries(
    operator: str, x: tuple[np.float32, int], y: tuple[np.float32, int], **attributes: float
) -> np.ndarray:
    """int8 [256]: the same of QLinearSigmoid or QLinearLeakyRelu."""
    graph = Graph(shape=(1, 16, 16))
    graph.image = helper.make_tensor_value_info("image", TensorProto.INT8, [1, 1, 16, 16])
    pairs = (*graph.scale_and_zero(*x), *graph.scale_and_zero(*y))
    return _run(graph, graph.node(operator, "image", *pairs, domain=CONTRIB, **attributes))


def steps_apart(case: str, seed: int) -> np.ndarray:
    """int16 [256]: how far the rule's entries are from those of ONNX Runtime's kernels."""
    function, alpha, _, _ = FUNCTIONS[case]
    x, y = quantizations(case, seed)
    alpha = None if alpha is None else float(np.float32(alpha))
    return np.abs(table_entries(function, alpha, x, y).astype(np.int16) - kernel_entries(case, x, y))


def _run(graph: Graph, output: str) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    model = graph.model(output, TensorProto.INT8).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    image = np.arange(-128, 128).astype(np.int8).reshape(1, 1, 16, 16)
    return np.asarray(session.run(None, {"image": image})[0]).reshape(-1)
