"""What a file holds, and files that are not sound."""

import struct

import numpy as np
import pytest

pytest.importorskip("tflite")
pytest.importorskip("ai_edge_litert")

from tcugen.model.errors import ModelError
from tcugen.tflite.file import is_tflite
from tcugen.tflite.host import host_part
from tcugen.tflite.importer import import_tflite
from tcugen.tflite.litert import Kernels, run_litert, with_outputs
from tcugen.tflite.reading import read_tflite
from tests.tflite.files import File


def small() -> tuple[File, int]:
    file = File()
    return file, file.conv(file.image, (4, 3, 3, 4), activation=1)


def test_tensors_and_operators(tmp_path):
    file, output = small()
    file.tensors[output].name = "model/act/Relu;model/conv/BiasAdd;model/conv:0"
    model = read_tflite(file.save(tmp_path / "m.tflite", output))
    (conv,) = model.operators
    assert (conv.name, conv.op, model.input, model.outputs) == ("model/act/Relu", "CONV_2D", file.image, (output,))
    assert conv.options["Padding"] == "SAME" and conv.options["FusedActivationFunction"] == "RELU"
    weights, bias = (model.tensors[index] for index in conv.inputs[1:])
    assert weights.array is not None and bias.array is not None
    assert weights.array.shape == (4, 3, 3, 4) and weights.array.dtype == np.int8 and weights.scale.size == 4
    assert bias.kind == "INT32" and bias.array.dtype == np.int32 and not model.tensors[output].is_constant


def test_equal_names_get_numbers(tmp_path):
    file = File()
    for _ in range(3):
        y = file.op("RELU", [len(file.tensors) - 1], file.tensor((1, 6, 6, 4), 0.02, 3, name="same"))
    names = [operator.name for operator in read_tflite(file.save(tmp_path / "m.tflite", y)).operators]
    assert names == ["same", "same_2", "same_3"]


def test_a_file_is_known_by_content_or_name(tmp_path):
    file, output = small()
    assert is_tflite(file.save(tmp_path / "any.name", output))
    (tmp_path / "broken.tflite").write_bytes(b"")
    assert is_tflite(tmp_path / "broken.tflite")
    (tmp_path / "x.onnx").write_bytes(b"12345678")
    assert not is_tflite(tmp_path / "x.onnx") and not is_tflite(tmp_path / "missing")


def damage(tmp_path, content: bytes) -> str:
    (tmp_path / "m.tflite").write_bytes(content)
    with pytest.raises(ModelError) as error:
        import_tflite(tmp_path / "m.tflite")
    return str(error.value).replace(str(tmp_path), "DIR")


def test_files_that_are_none(tmp_path):
    assert damage(tmp_path, b"") == "DIR/m.tflite: is no .tflite file (0 bytes); export or copy it again"
    content = small()[0].content(small()[1])
    assert "is a damaged .tflite file" in damage(tmp_path, content[:400])
    with pytest.raises(ModelError, match=r"cannot be read \(No such file or directory\); give the path"):
        read_tflite(tmp_path / "missing.tflite")


def test_structure_that_is_not_sound(tmp_path):
    file, output = small()
    file.operators[0].inputs = np.array([99, 1, 2], np.int32)
    assert "operator 0 uses the tensors [99, 1, 2, 3] of 4" in damage(tmp_path, file.content(output))
    file, output = small()
    unused = file.tensor((1, 6, 6, 4), 0.02, 3)
    assert f"no operator makes the output, tensor {unused}" in damage(tmp_path, file.content(unused))
    file.operators[0].inputs = np.array([unused, 1, 2], np.int32)
    assert f"t3 (CONV_2D) reads tensor {unused}, which nothing makes" in damage(tmp_path, file.content(output))
    file, output = small()
    file.tensors[1].shape = np.array([4, 3, 3, 5], np.int32)
    assert "144 values for a tensor of shape [4, 3, 3, 5]" in damage(tmp_path, file.content(output))
    file, output = small()
    file.tensors[output].quantization.zeroPoint = np.array([300])
    assert "a zero point of 300 or 300 for INT8" in damage(tmp_path, file.content(output))


def test_several_inputs(tmp_path):
    file, output = small()
    content = file.content(output, inputs=[0, 1])
    assert "has 2 inputs and 1 outputs, but must have one input and at least one output" in damage(tmp_path, content)


def test_more_entries_than_bytes(tmp_path):
    """A vector of a million tensors that are all the same one."""
    content = small()[0].content(small()[1])
    assert b"image" in content
    model = bytearray(content)
    for place in range(0, len(model) - 4, 4):
        if struct.unpack_from("<I", model, place)[0] == 4:
            struct.pack_into("<I", model, place, 1_000_000)
    message = damage(tmp_path, bytes(model))
    assert "is a damaged .tflite file" in message and len(message) < 400


def test_other_outputs_in_litert(tmp_path):
    """The same file, made to give its intermediate tensors: they and the old output are as they were."""
    file, middle = small()
    output = file.conv(middle, (4, 1, 1, 4))
    path = file.save(tmp_path / "m.tflite", output)
    images = file.images(1)
    for kernels in Kernels:
        (before,) = run_litert(path, images, [output], kernels)
        (both,) = run_litert(path, images, [file.image, middle, output], kernels)
        assert np.array_equal(both[0], images) and np.array_equal(both[2], before[0]) and both[1].any()
    (tmp_path / "changed.tflite").write_bytes(with_outputs(path.read_bytes(), [middle, output]))
    assert read_tflite(tmp_path / "changed.tflite").outputs == (middle, output)


def test_what_is_left_to_the_host(tmp_path):
    file = File((1, 6, 6, 4), kind="UINT8", zero_point=131)
    x = file.op("QUANTIZE", [file.image], file.tensor((1, 6, 6, 4), 0.02, 3), table="QuantizeOptions")
    y = file.conv(x, (4, 6, 6, 4), padding=1)
    row = file.op("RESHAPE", [y, file.numbers([1, 4])], file.tensor((1, 4), 0.03, -5), table="ReshapeOptions")
    soft = file.op(
        "SOFTMAX", [row], file.tensor((1, 4), 1 / 256, -128, name="probabilities"), table="SoftmaxOptions", beta=1.0
    )
    end = file.op("QUANTIZE", [soft], file.tensor((1, 4), 1 / 256, 0, "UINT8"), table="QuantizeOptions")
    path = file.save(tmp_path / "m.tflite", end)
    assert host_part(read_tflite(path)).outputs == (row,)
    imported = import_tflite(path).imported
    assert imported.report.notes == ("probabilities (SOFTMAX) is left to the host: what goes into it is the output",)
    assert [node.op for node in imported.model.network.nodes] == ["conv"]
    assert imported.report.shifted_tensors == ("image",)


def test_a_softmax_that_something_else_reads_stays(tmp_path):
    file = File((1, 4))
    soft = file.op("SOFTMAX", [file.image], file.tensor((1, 4), 1 / 256, -128), table="SoftmaxOptions", beta=1.0)
    more = file.op("RELU", [soft], file.tensor((1, 4), 1 / 256, -128))
    model = read_tflite(file.save(tmp_path / "m.tflite", [soft, more]))
    assert host_part(model).outputs == (soft, more) and not host_part(model).operators
