"""Nodes that the hardware cannot run: all of them in one list, each with what would help."""

import numpy as np
import pytest

from tcugen.model.problems import UnsupportedModel
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.graphs import CONTRIB, Graph

X, Y = (0.02, 3), (0.05, -7)


def problems(tmp_path, graph, output):
    with pytest.raises(UnsupportedModel) as caught:
        import_onnx(graph.save(tmp_path / "model.onnx", output))
    return caught.value.problems, str(caught.value)


def test_every_one_is_listed(tmp_path):
    graph = Graph(shape=(3, 16, 16))
    x = graph.qdq("image", *X)
    x = graph.qdq(graph.conv(x, 3, name="first", dilations=[2, 2], kernel_shape=[3, 3]), *Y)
    x = graph.qdq(graph.node("LpNormalization", graph.conv(x, 4, name="second"), name="norm"), *Y)
    left = graph.node("Relu", graph.conv(x, 4, name="before", pads=[1, 1, 1, 1]), name="left")
    x = graph.qdq(graph.node("Add", left, x, name="sum"), *Y)
    x = graph.qdq(graph.node("AveragePool", x, name="average", kernel_shape=[2, 2], pads=[0, -1, 0, 0]), *Y)
    weight = graph.constant(graph.rng.normal(0, 1, (4, 4, 1, 1)), np.float32)
    x = graph.qdq(graph.node("Conv", x, weight, name="float"), *Y)
    x = graph.node("Flatten", graph.qdq(graph.node("GlobalAveragePool", x), *Y))
    gemm = graph.node(
        "Gemm", x, graph.quantized_constant(graph.weights(5, 4), 0.1), transB=1, alpha=2.0, transA=1, name="fc"
    )
    output = graph.node("Softmax", graph.qdq(gemm, *Y), name="softmax")
    found, text = problems(tmp_path, graph, output)
    assert [(problem.node, problem.operator, problem.attribute, problem.value) for problem in found] == [
        ("norm", "LpNormalization", "operator", "LpNormalization"),
        ("sum", "Add", "input 't13'", "not quantized"),
        ("average", "AveragePool", "pads", "[0, -1, 0, 0]"),
        ("float", "Conv", "weights", "float32"),
        ("fc", "Gemm", "alpha", "2.0"),
        ("fc", "Gemm", "transA", "1"),
        ("softmax", "Softmax", "operator", "Softmax"),
    ]
    lines = text.splitlines()
    assert lines[0].endswith("model.onnx: 6 nodes cannot run on the hardware:")
    assert lines[2] == ("  sum (Add): input 't13' = not quantized; put QuantizeLinear and DequantizeLinear after left")
    # fc has two reasons on one line; the shapes after norm tell no multiplications of MatMul's kin.
    assert lines[5].startswith("  fc (Gemm): alpha = 2.0; ") and "; transA = 1; " in lines[5]


def chain(operator):
    """A model of one node between roundings; `operator` gets the graph and the real input."""

    def build(graph):
        return graph.qdq(operator(graph, graph.qdq("image", *X)), *Y)

    return build


def other_type(dtype):
    def build(graph):
        x = graph.quantize("image", 0.02, 0, dtype)
        return graph.dequantize(x, 0.02, 0, dtype)

    return build


def per_channel_activation(graph):
    scale = graph.constant([0.1, 0.2, 0.3], np.float32)
    x = graph.node("QuantizeLinear", "image", scale, graph.constant([0, 0, 0], np.int8), name="node", axis=1)
    return graph.node("DequantizeLinear", x, scale, axis=1)


def bad_scale(value):
    def build(graph):
        return graph.qdq(graph.conv(graph.qdq("image", *X), 3), value, 0)

    return build


def bad_weight_scale(graph):
    weight = graph.quantized_constant(graph.weights(4, 3, 1, 1), [0.1, 0, 0.1, 0.1])
    return graph.qdq(graph.node("Conv", graph.qdq("image", *X), weight), *Y)


def nan_weights(graph):
    real = graph.constant(np.full((4, 3, 1, 1), np.nan), np.float32)
    weight = graph.dequantize(graph.quantize(real, 0.1), 0.1)
    return graph.qdq(graph.node("Conv", graph.qdq("image", *X), weight), *Y)


def nan_float_weights(graph):
    real = graph.constant(np.full((4, 3, 1, 1), np.nan), np.float32)
    return graph.qdq(graph.node("Conv", graph.qdq("image", *X), real), *Y)


def other_scale_on_the_other_side(graph):
    x = graph.dequantize(graph.quantize("image", *X), 0.03, 3)
    return graph.qdq(graph.conv(x, 3), *Y)


def other_scale_in_operator_form(graph):
    x = graph.quantize("image", *X)
    weight = (graph.constant(graph.weights(4, 3, 1, 1)), *graph.scale_and_zero(0.01, 0))
    inputs = (x, *graph.scale_and_zero(0.02, 4), *weight, *graph.scale_and_zero(*Y))
    return graph.dequantize(graph.node("QLinearConv", *inputs, name="node"), *Y)


def multiplier_out_of_range(graph):
    weight = graph.quantized_constant(graph.weights(4, 3, 1, 1), 1e4)
    return graph.qdq(graph.node("Conv", graph.qdq("image", *X), weight, name="node"), *Y)


def scale_at_run_time(graph):
    scale = graph.node("Relu", "image")
    return graph.node("QuantizeLinear", "image", scale, name="node")


def two_image_scales(graph):
    one, two = graph.qdq("image", *X), graph.qdq("image", 0.5, 0)
    return graph.qdq(graph.node("Add", one, two), *Y)


def normalised_image(graph):
    mean = graph.constant(np.ones((1, 3, 1, 1)), np.float32)
    return graph.qdq(graph.conv(graph.qdq(graph.node("Sub", "image", mean, name="node"), *X), 3), *Y)


def unquantized_image(graph):
    return graph.qdq(graph.conv("image", 3, name="node"), *Y)


def unquantized_output(graph):
    x = graph.qdq("image", *X)
    return graph.node("Add", x, graph.qdq(x, *Y), name="node")


def constant_in_operator_form(graph):
    x = graph.quantize("image", *X)
    other = graph.constant(np.ones((1, 3, 8, 8), np.int8))
    inputs = (x, *graph.scale_and_zero(*X), other, *graph.scale_and_zero(*X), *graph.scale_and_zero(*Y))
    return graph.dequantize(graph.node("QLinearAdd", *inputs, domain=CONTRIB, name="node"), *Y)


def four_dimensions_into_gemm(graph, x):
    return graph.node("MatMul", x, graph.quantized_constant(graph.weights(8, 8), 0.1), name="node")


def eight_bit_floats(graph):
    import ml_dtypes

    graph.opset = 21
    kind = ml_dtypes.float8_e4m3fn
    inputs = (graph.constant(graph.rng.normal(0, 1, (4, 3, 1, 1)), kind), *graph.scale_and_zero(0.1, 0, kind))
    weight = graph.node("DequantizeLinear", *inputs, name="node")
    return graph.qdq(graph.node("Conv", graph.qdq("image", *X), weight), *Y)


def flat_beside_four_dimensions(graph, x):
    average = graph.qdq(graph.node("GlobalAveragePool", x), *X)
    return graph.node("Add", average, graph.node("Flatten", average), name="node")


def flat_beside_four_dimensions_in_operator_form(graph):
    pair = graph.scale_and_zero(*X)
    average = graph.node("QLinearGlobalAveragePool", graph.quantize("image", *X), *pair, *pair, domain=CONTRIB)
    inputs = (average, *pair, graph.node("Flatten", average), *pair, *graph.scale_and_zero(*Y))
    return graph.dequantize(graph.node("QLinearAdd", *inputs, domain=CONTRIB, name="node"), *Y)


def channels_last(graph, x):
    return graph.node("Transpose", x, perm=[0, 2, 3, 1], name="node")


CASES = {
    "int16": (other_type(np.int16), "zero point type = int16; quantize activations to int8 or uint8"),
    "per channel": (per_channel_activation, "scale = 3 values; quantize activations per tensor"),
    "scale of zero": (bad_scale(0), "scale = 0.0; a scale must be a positive normal number"),
    "negative scale": (bad_scale(-1), "scale = -1.0"),
    "scale that is no number": (bad_scale(np.nan), "scale = nan"),
    "weight scale of zero": (bad_weight_scale, "scale = 0.0; a scale must be"),
    "weights that are no numbers": (nan_weights, "= NaN; the trained weights are damaged"),
    "float weights that are no numbers": (nan_float_weights, "weights = NaN; the trained weights are damaged"),
    "scales that disagree": (other_scale_on_the_other_side, "= 0.03, 3; it was quantized with 0.02, 3: use"),
    "zero points that disagree": (other_scale_in_operator_form, "= 0.02, 4; it was quantized with 0.02, 3: use"),
    "multiplier": (multiplier_out_of_range, r"node \(Conv\): scales = the multiplier of channel 0 is .*\[2\*\*-40"),
    "scale computed": (scale_at_run_time, "scale = computed at run time; use static quantization"),
    "two image scales": (two_image_scales, "quantized with 0.02, 3 elsewhere: quantize it once"),
    "image prepared in the model": (normalised_image, "input 'image' = the image, not quantized; put QuantizeLinear"),
    "image without quantization": (unquantized_image, "= the image, not quantized; put QuantizeLinear"),
    "output without quantization": (unquantized_output, "output = not quantized; put QuantizeLinear"),
    "constant operand of an add": (constant_in_operator_form, r"constant = shape \[1, 3, 8, 8\]; give one value"),
    "no flatten": (chain(four_dimensions_into_gemm), "shape 3x8x8; flatten it"),
    "channels last": (
        chain(lambda g, x: g.conv(channels_last(g, x), 8, name="conv")),
        "conv .*= four dimensions, channels last; put a Transpose",
    ),
    "channels in the middle": (
        chain(lambda g, x: g.node("Transpose", x, perm=[0, 2, 1, 3], name="node")),
        r"perm = \[0, 2, 1, 3\]; dimensions can be",
    ),
    "rows of the image": (
        chain(lambda g, x: g.node("Flatten", x, axis=2, name="node")),
        r"axis = 2; use axis 1",
    ),
    "other shape": (
        chain(lambda g, x: g.node("Reshape", x, g.constant([1, 8, 3, 8], np.int64), name="node")),
        r"shape = \[1, 8, 3, 8\] out of \[1, 3, 8, 8\]",
    ),
    "mean over channels": (
        chain(lambda g, x: g.node("ReduceMean", x, axes=[1], name="node")),
        r"axes = \[1\]; only the average over the whole tensor",
    ),
    "convolution with a dilation of zero": (
        chain(lambda g, x: g.conv(x, 3, dilations=[2, 0], name="node")),
        r"dilations = \[2, 0\]; give \[y, x\] from 1 to 255",
    ),
    "pool with a dilation and padding by name": (
        chain(
            lambda g, x: g.node("MaxPool", x, kernel_shape=[2, 2], dilations=[2, 2], auto_pad="SAME_UPPER", name="node")
        ),
        "auto_pad = SAME_UPPER; of a dilated pool, tools differ in what it is: give the padding in pads",
    ),
    "pool with a dilation of zero": (
        chain(lambda g, x: g.node("MaxPool", x, kernel_shape=[2, 2], dilations=[2, 0], name="node")),
        r"dilations = \[2, 0\]; give \[y, x\] from 1 to 255",
    ),
    "kernel larger than its input": (
        chain(lambda g, x: g.conv(x, 3, side=9, name="node")),
        r"shape = .*kernel 9x9 does not fit the padded input 8x8 of 't1'",
    ),
    "add of a constant": (
        chain(lambda g, x: g.node("Add", x, g.constant(np.ones((1, 3, 8, 8)), np.float32), name="node")),
        r"constant = shape \[1, 3, 8, 8\]; give one value per channel, a constant of shape \(3, 1, 1\)",
    ),
    "constant along columns": (
        chain(lambda g, x: g.node("Add", g.conv(x, 3), g.constant(np.ones(4), np.float32), name="node")),
        r"constant = shape \[4\]; give one value per channel, a constant of shape \(4, 1, 1\)",
    ),
    "constant of more dimensions": (
        chain(lambda g, x: g.node("Add", g.node("Flatten", x), g.constant(np.ones((1, 1, 1)), np.float32))),
        r"constant = shape \[1, 1, 1\]; give one",
    ),
    "8-bit floating point": (eight_bit_floats, r"node \(DequantizeLinear\): type of 'c\d' = float8_e4m3fn; use int8"),
    "dropout in training": (
        chain(lambda g, x: g.node("Dropout", x, g.constant(0.5, np.float32), g.constant(True), name="node")),
        r"training_mode = True; export the model for inference: call model.eval\(\) first",
    ),
    "flat beside not flat": (chain(flat_beside_four_dimensions), "= of two dimensions, the other of four dim"),
    "flat beside not flat in operator form": (
        flat_beside_four_dimensions_in_operator_form,
        "= of two dimensions, the other of four dimensions; arrange",
    ),
    "no output channels": (
        chain(lambda g, x: g.node("Conv", x, g.quantized_constant(g.weights(0, 3, 3, 3), 0.1))),
        r"weights = shape \[0, 3, 3, 3\]; they are empty: export the model again",
    ),
    "no columns": (
        chain(
            lambda g, x: g.node("Gemm", g.node("Flatten", x), g.quantized_constant(g.weights(0, 192), 0.1), transB=1)
        ),
        r"weights = shape \[0, 192\]; a fully connected layer",
    ),
    "another kernel than that of the weights": (
        chain(lambda g, x: g.conv(x, 3, kernel_shape=[5, 3])),
        r"kernel_shape = \[5, 3\]; the weights have \[3, 3\]",
    ),
    "one bias for all": (
        chain(
            lambda g, x: g.node(
                "Conv", x, g.quantized_constant(g.weights(4, 3, 1, 1), 0.1), g.constant([1], np.float32)
            )
        ),
        "bias = 1 values; the bias must have one for each of 4 channels",
    ),
    "weights from the network": (
        chain(lambda g, x: g.node("Conv", x, x, name="node")),
        "weights = computed at run time; use constant weights",
    ),
    "clipped without rounding": (
        chain(lambda g, x: g.conv(g.node("Clip", x, g.constant(-0.3, np.float32)), 3, name="node")),
        "not quantized; put QuantizeLinear and DequantizeLinear after Clip_2",
    ),
    "average over less than all": (
        chain(lambda g, x: g.node("AveragePool", x, kernel_shape=[2, 2], pads=[0, -1, 0, 0], name="node")),
        r"pads = \[0, -1, 0, 0\]; give \[top, left, bottom, right\] of at least 0",
    ),
    "average over padding only": (
        chain(lambda g, x: g.node("AveragePool", x, kernel_shape=[2, 2], pads=[2, 0, 0, 0], name="node")),
        "top padding is 2, but must be smaller than the kernel's 2, else a window holds padding only; use at most 1",
    ),
    "clipped output": (
        lambda g: g.node("Clip", g.qdq("image", *X), g.constant(-0.3, np.float32), name="node"),
        "output = not quantized; put QuantizeLinear and DequantizeLinear after node",
    ),
    "average without rounding": (
        chain(lambda g, x: g.node("GlobalAveragePool", g.conv(x, 3, name="conv"), name="node")),
        "not quantized; put QuantizeLinear and DequantizeLinear after conv",
    ),
    "wrong number of biases": (
        chain(
            lambda g, x: g.node(
                "Conv", x, g.quantized_constant(g.weights(4, 3, 1, 1), 0.1), g.constant([1, 2], np.float32)
            )
        ),
        "bias = 2 values; the bias must have one for each of 4 channels",
    ),
    "bias that is no number": (
        chain(
            lambda g, x: g.node(
                "Conv", x, g.quantized_constant(g.weights(1, 3, 1, 1), 0.1), g.constant([np.inf], np.float32)
            )
        ),
        "bias = inf; the bias must be finite",
    ),
    "scales along the wrong axis": (
        chain(lambda g, x: g.node("Conv", x, g.quantized_constant(g.weights(4, 3, 1, 1), [0.1, 0.2, 0.3], axis=1))),
        "weight scale = 3 values along dimension 1; use one for the tensor or one for each of the 4 output channels",
    ),
    "scales for another tensor": (
        chain(lambda g, x: g.node("Conv", x, g.quantized_constant(g.weights(4, 3, 1, 1), [0.1, 0.2]), name="conv")),
        r"scale = 2 values for a tensor of shape \(4, 3, 1, 1\); use one for .* each index of dimension 0",
    ),
    "zero points for another tensor": (
        chain(
            lambda g, x: g.node(
                "Conv",
                x,
                g.quantized_constant(g.weights(4, 3, 1, 1), 0.1),
                g.quantized_constant(np.zeros(0, np.int32), 0.1, [0, 0, 0, 0]),
            )
        ),
        r"zero point = 4 values for a tensor of shape \(0,\); use one",
    ),
    "channels that do not fit": (
        chain(lambda g, x: g.conv(x, 6, name="node", group=1)),
        r"weights = \[4, 6, 3, 3\]; they do not fit 3 input channels",
    ),
}


@pytest.mark.parametrize("build, message", CASES.values(), ids=CASES)
def test_one_is_named_with_what_would_help(tmp_path, build, message):
    import re

    graph = Graph()
    found, text = problems(tmp_path, graph, build(graph))
    assert len(found) == 1, text
    assert re.search(message, text.splitlines()[1]), text


def test_the_share_of_the_multiplications_that_would_stay_is_told(tmp_path):
    graph = Graph()
    x = graph.qdq(graph.conv(graph.qdq("image", *X), 3, outputs=4, side=1), *Y)
    x = graph.qdq(graph.node("Conv", x, graph.constant(np.ones((4, 4, 1, 1)), np.float32), name="float"), *Y)
    _, text = problems(tmp_path, graph, graph.node("Softmax", x, name="softmax"))
    # 64 pixels of 4 x 3 weights on the hardware, of 4 x 4 on the host.
    assert text.splitlines()[-1] == (
        "  on the host they would do 57.1 % of the model's multiplications; tcugen import --partition puts them there"
    )
