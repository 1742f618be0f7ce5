"""From an ONNX file to a quantized network: the walk over the graph, and what it ends in."""

from dataclasses import dataclass
from pathlib import Path

from tcugen.model.errors import ModelError
from tcugen.model.file_form import FileForm
from tcugen.model.problems import Refused, Unavailable, UnsupportedModel
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.graph import NetworkError
from tcugen.network.layer_config import parse_layer_config, write_layer_config
from tcugen.network.names import valid_name
from tcugen.network.operators import Requantise, Weighted
from tcugen.onnx.importer import (
    channel_operators,
    channelwise,
    elementwise,
    float_operators,
    layout_operators,
    moving_operators,
    operator_form,
    pool_operators,
    quantize_operators,
    transposed,
)
from tcugen.onnx.importer.after_refusal import after_refusal
from tcugen.onnx.importer.builder import Builder
from tcugen.onnx.importer.constants import FOLDABLE, fold, known_inputs
from tcugen.onnx.importer.image import image_layout
from tcugen.onnx.importer.multiplications import multiplications
from tcugen.onnx.importer.onnx_file import OnnxGraph, OnnxNode, read_graph
from tcugen.onnx.importer.output import kind_of, layout_of, output_tensors
from tcugen.onnx.importer.report import ImportReport
from tcugen.onnx.importer.values import Constant, Image, Real, Unknown, Value, is_constant
from tcugen.onnx.importer.walk import Operator, Walk

OPERATORS: dict[str, Operator] = {
    "QuantizeLinear": quantize_operators.quantize_linear,
    "DequantizeLinear": quantize_operators.dequantize_linear,
    "com.microsoft.QuantizeLinear": quantize_operators.quantize_linear,
    "com.microsoft.DequantizeLinear": quantize_operators.dequantize_linear,
    "Conv": float_operators.conv,
    "Gemm": float_operators.gemm,
    "MatMul": float_operators.matmul,
    "Add": float_operators.add,
    "Sum": float_operators.sum_of,
    "Sub": float_operators.add,
    "Mul": float_operators.multiply,
    "Div": float_operators.multiply,
    "BatchNormalization": channelwise.batch_normalization,
    "Relu": float_operators.relu,
    "Clip": float_operators.clip,
    **dict.fromkeys(elementwise.FUNCTIONS, elementwise.function_of),
    "PRelu": elementwise.prelu,
    "Min": elementwise.limited,
    "Max": elementwise.limited,
    "Pow": elementwise.limited,
    "com.microsoft.QLinearSigmoid": elementwise.qlinear_function,
    "com.microsoft.QLinearLeakyRelu": elementwise.qlinear_function,
    "MaxPool": pool_operators.max_pool,
    "GlobalMaxPool": pool_operators.global_max_pool,
    "Resize": moving_operators.resize,
    "Upsample": moving_operators.resize,
    "DepthToSpace": moving_operators.depth_to_space,
    "ConvTranspose": transposed.conv_transpose,
    "Pad": pool_operators.pad,
    "GlobalAveragePool": pool_operators.global_average_pool,
    "AveragePool": pool_operators.average_pool,
    "ReduceMean": pool_operators.reduce_mean,
    "Concat": channel_operators.concat,
    "Split": channel_operators.split,
    "Slice": channel_operators.slice_of,
    "Flatten": layout_operators.flatten,
    "Reshape": layout_operators.reshape,
    "Squeeze": layout_operators.squeeze,
    "Unsqueeze": layout_operators.unsqueeze,
    "Transpose": layout_operators.transpose,
    "Shape": layout_operators.shape_of,
    "Identity": layout_operators.identity,
    "Dropout": layout_operators.dropout,
    "QLinearConv": operator_form.qlinear_conv,
    "QLinearMatMul": operator_form.qlinear_matmul,
    "com.microsoft.QGemm": operator_form.qgemm,
    "com.microsoft.QLinearAdd": operator_form.qlinear_add,
    "com.microsoft.QLinearMul": operator_form.qlinear_mul,
    "com.microsoft.QLinearGlobalAveragePool": pool_operators.qlinear_global_average_pool,
    "com.microsoft.QLinearAveragePool": pool_operators.qlinear_average_pool,
    "com.microsoft.QLinearConcat": channel_operators.qlinear_concat,
}
"""What is understood, by operator type with its domain."""

_SEVERAL_OUTPUTS = ("Split",)
"""Operators of which more than the first output can be used; they enter the others into the walk themselves."""

_QUANTIZED_FORMS = ("QuantizeLinear", "DequantizeLinear", "QLinear", "QGemm")

_REMEDIES = {
    "Softmax": "end the model in front of it: the host does what comes after",
    "ArgMax": "end the model in front of it: the host does what comes after",
    "DynamicQuantizeLinear": "quantize statically, with calibrated scales",
    "ConvInteger": "quantize statically, with calibrated scales",
    "MatMulInteger": "quantize statically, with calibrated scales",
}


@dataclass(frozen=True, eq=False)
class ImportedModel:
    """A model from outside, and what had to be done to it."""

    model: QuantizedNetwork
    report: ImportReport


def import_onnx(path: Path | str) -> ImportedModel:
    """Import a quantized ONNX model in QDQ or operator form.

    The network is named after the file, its input after the model's. uint8 tensors are moved to int8. The network
    computes what the model's operator form does, see `docs/import.md`.

    Raises:
        ModelError: If the file cannot be used.
        UnsupportedModel: If nodes cannot run on the hardware; lists all of them.
    """
    graph = read_graph(path)
    if not any(form in node.op for node in graph.nodes for form in _QUANTIZED_FORMS):
        raise ModelError(
            f"{path}: is a float model, none of its {len(graph.nodes)} nodes is quantized, but the hardware computes "
            "in int8; quantize it first: tcugen quantize --onnx"
        )
    return import_graph(graph)


def import_graph(graph: OnnxGraph) -> ImportedModel:
    """Import the graph of a file; the rest as `import_onnx`."""
    path = graph.source
    title = valid_name(Path(path).stem)
    shape, layout = image_layout(graph)
    walk = Walk(graph, Builder(valid_name(str(graph.input)), shape))
    walk.builder.forms[walk.builder.image] = FileForm(kind_of(graph.input_unsigned), layout_of(layout))
    walk.values |= {"": Unknown()} | {name: Constant(array) for name, array in graph.constants.items()}
    walk.values[graph.input] = Real(Image(walk.builder.image, graph.input_unsigned), layout=layout)
    used = {name for node in graph.nodes for name in node.inputs} | set(graph.outputs)
    for node in graph.nodes:
        walk.values |= dict.fromkeys(node.outputs, Unknown())
        walk.values[node.outputs[0]] = _result(walk, node, used)
        walk.producers |= dict.fromkeys(node.outputs, node)
    outputs = output_tensors(walk)
    if walk.problems:
        raise UnsupportedModel(path, list(dict.fromkeys(walk.problems)), multiplications(graph))
    try:
        model = walk.builder.finish(title, outputs)
        parse_layer_config(write_layer_config(model.network))  # which has limits of its own
    except NetworkError as error:
        raise ModelError(f"{path}: {error}") from None
    return ImportedModel(model, _report(walk, model))


def _result(walk: Walk, node: OnnxNode, used: set[str]) -> Value:
    """The value of the node's first output; problems are kept for later."""
    try:
        for index, name in enumerate(node.outputs[1:], 1):
            if name and name in used and node.op not in _SEVERAL_OUTPUTS:
                raise node.refusal(f"output {index}", repr(name), "only the first output can be used")
        inputs = known_inputs(walk, node)
        if inputs is not None:
            return fold(walk, node, inputs)
        if node.op in FOLDABLE and node.inputs and all(is_constant(walk.values[name]) for name in node.inputs if name):
            raise Unavailable
        if node.op not in OPERATORS:
            remedy = _REMEDIES.get(node.op, "replace it by supported operators, or let the host compute it")
            raise node.refusal("operator", node.op, remedy)
        return OPERATORS[node.op](walk, node)
    except Unavailable:
        pass
    except (Refused, NetworkError) as error:
        walk.problems += quantize_operators.problems_of(error, node)
    return after_refusal(walk, node)


def _report(walk: Walk, model: QuantizedNetwork) -> ImportReport:
    network, builder = model.network, walk.builder
    return ImportReport(
        source=walk.graph.source,
        network=network.name,
        notes=walk.graph.notes,
        origins={node.name: builder.origins[node.name] for node in network.nodes},
        bias_errors=tuple(error for error in builder.bias_errors if error.node in network.by_name),
        recoded_weights=tuple(walk.recoded),
        folded_normalisations=tuple(walk.folded),
        shifted_tensors=tuple(name for name in walk.shifted if name in network.shapes),
        requantised=tuple(node.name for node in network.nodes if isinstance(node, Requantise)),
        dead_channels={name: count for name, count in builder.dead_channels.items() if name in network.by_name},
        output_scale=_output_scale(model),
    )


def _output_scale(model: QuantizedNetwork) -> float | None:
    """What one step of the first output stands for; None for sums whose channels have different ones."""
    last = model.network.by_name[model.network.outputs[0]]
    quantization = model.tensors[last.name]
    if quantization is not None:
        return float(quantization.scale)
    if not isinstance(last, Weighted):
        return None
    scales = model.integers_of(last).weight_scale
    return float(scales[0] * model.scale(last.inputs[0])) if (scales == scales[0]).all() else None
