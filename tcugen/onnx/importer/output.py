"""What a model ends in: the network's tensors for it, and how the file has those."""

from tcugen.model.file_form import FLOAT_NCHW, FileForm, Kind
from tcugen.model.file_form import Layout as FileLayout
from tcugen.model.problems import Refused
from tcugen.network.graph import NetworkError
from tcugen.onnx.importer.onnx_file import OnnxNode
from tcugen.onnx.importer.quantize_operators import problems_of
from tcugen.onnx.importer.values import Average, Convolution, Layout, Quantized, Real, Unknown
from tcugen.onnx.importer.walk import Walk


def output_tensors(walk: Walk) -> list[str]:
    """The network's tensors that are the model's outputs, in its order; "" where there are problems."""
    tensors: list[str] = []
    for name in walk.graph.outputs:
        tensor, form = _output_tensor(walk, name)
        if tensor and (tensor in tensors or tensor == walk.builder.image):
            # A tensor is an output once, and never the image.
            tensor = walk.builder.copied(tensor, walk.producers[name])
        walk.builder.forms[tensor] = form
        tensors.append(tensor)
    return tensors


def _output_tensor(walk: Walk, name: str) -> tuple[str, FileForm]:
    value, producer = walk.values[name], walk.producers[name]
    if isinstance(value, Quantized):
        return value.tensor, FileForm(kind_of(value.unsigned), _order_of(value.layout))
    if not isinstance(value, Real):
        if not isinstance(value, Unknown):
            walk.problems.append(producer.problem("output", "a constant", "export the model again"))
        return "", FLOAT_NCHW
    try:
        tensor, form = _real_output(walk, value, producer)
    except (Refused, NetworkError) as error:
        walk.problems += problems_of(error, producer)
        return "", FLOAT_NCHW
    if not tensor:
        remedy = f"put QuantizeLinear and DequantizeLinear after {producer.name}"
        walk.problems.append(producer.problem("output", "not quantized", remedy))
    return tensor, form


def kind_of(unsigned: bool | None) -> Kind:
    """The type of a file's integers; of reals, which are neither, None."""
    match unsigned:
        case None:
            return "float32"
        case True:
            return "uint8"
        case False:
            return "int8"


def layout_of(layout: Layout) -> FileLayout:
    """The layout of an input."""
    if layout.flat:
        return "flat"
    return "nhwc" if layout.channels_last else "nchw"


def _order_of(layout: Layout) -> FileLayout:
    """The order of an output's elements; how many dimensions they come in is all the same to who compares them."""
    return "nhwc" if layout.channels_last else "nchw"


def _real_output(walk: Walk, value: Real, producer: OnnxNode) -> tuple[str, FileForm]:
    """The tensor that real values are stored in without rounding them; "" if there is none."""
    builder, order = walk.builder, _order_of(value.layout)
    stored = value.stored
    if stored is not None:
        tensor = builder.quantise(value, builder.quantization(stored.tensor), producer)
        return tensor, FileForm("float32", order)
    base = value.base
    if value.pools or not isinstance(base, Convolution | Average) or (isinstance(base, Average) and base.pool):
        return "", FLOAT_NCHW
    return builder.stored_sums(base), FileForm("float32", order, (value.low, value.high))
