"""What a model ends in: the network's tensor for it, and how the file has that."""

from tcugen.model.file_form import FileForm, Kind
from tcugen.model.file_form import Layout as FileLayout
from tcugen.model.problems import Refused
from tcugen.network.graph import NetworkError
from tcugen.onnx.importer.quantize_operators import problems_of
from tcugen.onnx.importer.values import Average, Convolution, Layout, Quantized, Real, Unknown
from tcugen.onnx.importer.walk import Walk


def output_tensor(walk: Walk) -> str:
    """The network's tensor that is the model's output; "" if there are problems."""
    name = walk.graph.output
    value, producer = walk.values[name], walk.producers[name]
    if isinstance(value, Quantized):
        walk.builder.forms[value.tensor] = FileForm(kind_of(value.unsigned), _order_of(value.layout))
        return value.tensor
    if not isinstance(value, Real):
        if not isinstance(value, Unknown):
            walk.problems.append(producer.problem("output", "a constant", "export the model again"))
        return ""
    try:
        tensor = _real_output(walk, value)
    except (Refused, NetworkError) as error:
        walk.problems += problems_of(error, producer)
        return ""
    if not tensor:
        remedy = f"put QuantizeLinear and DequantizeLinear after {producer.name}"
        walk.problems.append(producer.problem("output", "not quantized", remedy))
    return tensor


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


def _real_output(walk: Walk, value: Real) -> str:
    """The tensor that real values are stored in without rounding them; "" if there is none."""
    builder, order = walk.builder, _order_of(value.layout)
    producer = walk.producers[walk.graph.output]
    stored = value.stored
    if stored is not None:
        tensor = builder.quantise(value, builder.quantization(stored.tensor), producer)
        builder.forms[tensor] = FileForm("float32", order)
        return tensor
    if value.pools or not isinstance(value.base, Convolution | Average):
        return ""
    tensor = builder.stored_sums(value.base)
    builder.forms[tensor] = FileForm("float32", order, (value.low, value.high))
    return tensor
