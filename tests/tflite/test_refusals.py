"""Files that cannot run: one list of all operators in the way, each by its name in the file, with what would help."""

import numpy as np
import pytest

pytest.importorskip("tflite")
pytest.importorskip("ai_edge_litert")

from tcugen.model.errors import ModelError
from tcugen.model.problems import UnsupportedModel
from tcugen.tflite.importer import import_tflite
from tcugen.tflite.multiplications import multiplications
from tcugen.tflite.reading import read_tflite
from tests.tflite.files import File


def refusal(file: File, output, tmp_path) -> str:
    with pytest.raises(ModelError) as error:
        import_tflite(file.save(tmp_path / "model.tflite", output))
    return str(error.value).replace(str(tmp_path), "DIR")


def test_the_list_goes_on_after_a_refusal(tmp_path):
    file = File()
    first = file.op("SPACE_TO_DEPTH", [file.image], file.tensor((1, 3, 3, 16), 0.02, 3, name="blocks;a/b"))
    second = file.conv(first, (8, 3, 3, 16))
    third = file.op(
        "MEAN", [second, file.numbers([3])], file.tensor((1, 3, 3, 1), 0.02, 1, name="mean"), table="ReducerOptions"
    )
    fourth = file.op("CUSTOM", [third], file.tensor((1, 3, 3, 1), 0.02, 1, name="end"))
    message = refusal(file, fourth, tmp_path)
    remedy = "replace it by supported operators, or let the host compute it"
    assert message.splitlines() == [
        "DIR/model.tflite: 3 nodes cannot run on the hardware:",
        f"  blocks (SPACE_TO_DEPTH): operator = SPACE_TO_DEPTH; {remedy}",
        "  mean (MEAN): axes = [3]; only rows and columns can be taken together: use 1 and 2",
        f"  end (CUSTOM ): operator = CUSTOM ; {remedy}",
        "  on the host they would do 0.0 % of the model's multiplications",
    ]


def test_the_share_of_the_multiplications(tmp_path):
    file = File()
    x = file.conv(file.image, (4, 3, 3, 4))
    y = file.conv(x, (12, 3, 3, 4), activation=4)
    message = refusal(file, y, tmp_path)
    assert "t6 (CONV_2D): fused_activation_function = TANH; use NONE, RELU, RELU6 or RELU_N1_TO_1" in message
    assert message.endswith("they would do 75.0 % of the model's multiplications")


def test_multiplications_are_counted_by_shapes(tmp_path):
    """Of whatever is refused too, and why does not matter."""
    file = File((1, 4, 3, 4))
    x = file.op(
        "TRANSPOSE_CONV",
        [file.numbers([1, 8, 6, 5]), file.tensor((5, 3, 3, 4), 0.01, 0, data=np.ones((5, 3, 3, 4))), file.image],
        file.tensor((1, 8, 6, 5), 0.1, 0),
        table="TransposeConvOptions",
        strideH=2,
        strideW=2,
    )
    x = file.conv(x, (1, 3, 3, 5), depthwise=True, strides=(2, 2))
    row = file.op("RESHAPE", [x, file.numbers([1, 60])], file.tensor((1, 60), 0.03, -5), table="ReshapeOptions")
    weights = file.tensor((2, 60), 0.01, 0, data=np.ones((2, 60)))
    y = file.op("FULLY_CONNECTED", [row, weights, -1], file.tensor((1, 2), 0.01), table="FullyConnectedOptions")
    counts = multiplications(read_tflite(file.save(tmp_path / "model.tflite", y)))
    assert list(counts.values()) == [5 * 9 * 4 * 12, 9 * 5 * 12, 120]


def test_what_the_importer_refuses_has_the_operators_name(tmp_path):
    file = File()
    y = file.conv(file.image, (4, 3, 3, 4), scale=1e-7)
    message = refusal(file, y, tmp_path)
    assert message.splitlines()[1].startswith("  t3 (CONV_2D): scales = ")


def _sixteen() -> tuple[File, int]:
    file = File()
    return file, file.op("RELU", [file.image], file.tensor((1, 6, 6, 4), 0.02, 0, "INT16"))


def _batch() -> tuple[File, int]:
    file = File()
    y = file.tensor((2, 3, 6, 4), 0.02, 3)
    return file, file.op("RESHAPE", [file.image, file.numbers([2, 3, 6, 4])], y, table="ReshapeOptions")


def _per_channel() -> tuple[File, int]:
    file = File()
    return file, file.op("RELU", [file.image], file.tensor((1, 6, 6, 4), [0.02, 0.03, 0.02, 0.03], 0, dimension=3))


def _computed_weights() -> tuple[File, int]:
    file = File((1, 4, 4, 4))
    x = file.conv(file.image, (4, 1, 1, 4))
    y = file.tensor((1, 4, 4, 4), 0.02)
    return file, file.op("CONV_2D", [file.image, x, -1], y, table="Conv2DOptions", strideH=1, strideW=1)


def _no_stride() -> tuple[File, int]:
    file = File()
    y = file.tensor((1, 6, 6, 4), 0.02, 3)
    return file, file.op("MAX_POOL_2D", [file.image], y, table="Pool2DOptions", filterHeight=2, filterWidth=2)


def _bias_scale() -> tuple[File, int]:
    file = File((1, 4))
    weights = file.tensor((2, 4), 0.01, 0, data=np.ones((2, 4)))
    bias = file.tensor((2,), 0.1, 0, "INT32", [1, 2])
    y = file.tensor((1, 2), 0.01)
    return file, file.op("FULLY_CONNECTED", [file.image, weights, bias], y, table="FullyConnectedOptions")


def _rows() -> tuple[File, int]:
    file = File((1, 2, 3, 4))
    weights = file.tensor((2, 4), 0.01, 0, data=np.ones((2, 4)))
    y = file.tensor((6, 2), 0.01)
    return file, file.op("FULLY_CONNECTED", [file.image, weights, -1], y, table="FullyConnectedOptions")


def _corners() -> tuple[File, int]:
    file = File()
    y = file.tensor((1, 12, 12, 4), 0.02, 3)
    inputs = [file.image, file.numbers([12, 12])]
    return file, file.op("RESIZE_NEAREST_NEIGHBOR", inputs, y, table="ResizeNearestNeighborOptions", alignCorners=True)


def _in_between() -> tuple[File, int]:
    file = File((1, 4))
    x = file.op("SOFTMAX", [file.image], file.tensor((1, 4), 1 / 256, -128), table="SoftmaxOptions", beta=1.0)
    weights = file.tensor((2, 4), 0.01, 0, data=np.ones((2, 4)))
    y = file.tensor((1, 2), 0.01)
    return file, file.op("FULLY_CONNECTED", [x, weights, -1], y, table="FullyConnectedOptions")


@pytest.mark.parametrize(
    "build, text",
    [
        (_sixteen, "t1 (RELU): tensor 't1' = INT16; convert with full integer quantization"),
        (_batch, "t1 (RESHAPE): tensor 't1' = of shape [2, 3, 6, 4]; use [1, height, width, channels] or [1, values]"),
        (_per_channel, "t1 (RELU): tensor 't1' = 4 scales; quantize activations per tensor, not per channel"),
        (_computed_weights, "(CONV_2D): weights = computed at run time; only constants can be there"),
        (
            _no_stride,
            "(MAX_POOL_2D): options = strides [0, 0], dilations [1, 1], window [2, 2]; each must be at least 1",
        ),
        (
            _bias_scale,
            "(FULLY_CONNECTED): scale of the bias = 0.1; it must be that of the input times that of the weights",
        ),
        (_rows, "(FULLY_CONNECTED): input = of shape [1, 2, 3, 4]; only one row of 4 values can be multiplied"),
        (_corners, "(RESIZE_NEAREST_NEIGHBOR): align_corners = True; only the nearest neighbour at whole factors runs"),
        (_in_between, "t1 (SOFTMAX): operator = SOFTMAX; end the model in front of it: the host does what comes after"),
    ],
)
def test_refused(build, text, tmp_path):
    file, output = build()
    message = refusal(file, output, tmp_path)
    assert text in message and "1 node cannot run" in message


def test_a_float_model_is_refused_as_a_whole(tmp_path):
    file = File(kind="FLOAT32", scale=None)
    message = refusal(file, file.op("RELU", [file.image], file.tensor((1, 6, 6, 4), kind="FLOAT32")), tmp_path)
    assert message == (
        "DIR/model.tflite: none of its 1 operators is on integers, but the hardware computes in int8; convert it with "
        "full integer quantization, int8 activations and a representative data set"
    )


def test_an_input_of_three_dimensions(tmp_path):
    file = File((1, 6, 4))
    message = refusal(file, file.op("RELU", [file.image], file.tensor((1, 6, 4), 0.02, 3)), tmp_path)
    assert message == (
        "DIR/model.tflite: input 'image' is INT8 of shape [1, 6, 4], but must be INT8, UINT8 or FLOAT32 of shape "
        "[1, height, width, channels] or [1, values]; convert the model so"
    )


def test_unsupported_models_keep_their_problems(tmp_path):
    file, output = _in_between()
    with pytest.raises(UnsupportedModel) as error:
        import_tflite(file.save(tmp_path / "model.tflite", output))
    assert [(problem.node, problem.operator) for problem in error.value.problems] == [("t1", "SOFTMAX")]
