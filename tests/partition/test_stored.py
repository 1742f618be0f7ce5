"""A partition in its folder: what is read back, and how tensors go from the unit to the host and back."""

import json

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tcugen import golden
from tcugen.commands.import_partition import import_partition
from tcugen.console.screen import screen
from tcugen.model.errors import ModelError
from tcugen.model.images import image_quantization, quantise_images
from tcugen.onnx.untyped import open_session
from tcugen.partition.comparison import compare_outputs, equal_images, run_whole
from tcugen.partition.stored import is_partition, load_partition
from tests.onnx.importer.graphs import Graph
from tests.partition.models import X, Y, Z, in_the_middle, normalised
from tests.typed import present


def on_golden(part, images):
    """A part of the unit, computed by the golden model."""
    entry = part.model.network.inputs[0][0]
    made = golden.run(part.model, {entry: quantise_images(images, image_quantization(part.model))})
    return {name: made[name] for name in part.model.network.outputs}


@pytest.fixture
def stored(tmp_path):
    """Splits a file into a folder and reads that."""

    def split(path):
        return load_partition(import_partition(path, tmp_path / "parts", screen()))

    return split


@pytest.mark.parametrize("kind, points", [(np.int8, (-7, 0)), (np.uint8, (120, 128))])
@pytest.mark.parametrize("last", [False, True])
def test_all_parts_are_the_whole_model(stored, tmp_path, kind, points, last):
    """The steps are coarse and the weights small, so no convolution is near a tie: equality is exact."""
    graph = Graph(shape=(3, 8, 8))

    def conv(x, channels):
        weight = graph.quantized_constant(graph.weights(4, channels, 3, 3, low=-3, high=3), np.float32(2**-6))
        return graph.node("Conv", x, weight)

    x = graph.qdq("image", 2**-4, 3)
    x = graph.qdq(conv(x, 3), 2**-3, points[0], kind)
    x = graph.qdq(normalised(graph, x), 2**-7, points[1], kind)
    x = graph.qdq(conv(x, 4), 2**-6, points[0], kind)
    path = graph.save(tmp_path / "model.onnx", graph.node("Softmax", x, axis=1) if last else x)
    partition = stored(path)
    images = graph.images(4)
    outputs = partition.run(images, on_golden)
    whole = run_whole(partition.whole, images, outputs)
    assert equal_images(outputs, whole) == 4
    (output,) = compare_outputs(outputs, whole)
    assert (output.equal, output.largest_difference) == (4, 0.0)
    assert len(np.unique(whole.rows[0])) > 10
    (arrays,) = outputs.values()
    session = open_session(path)
    assert np.array_equal(arrays[2], session.run(None, {"image": images[2:3]})[0])


def test_sums_leave_as_reals(stored, tmp_path):
    graph = Graph()
    x = graph.node("Relu", graph.conv(graph.qdq("image", *X), 3))
    path = graph.save(tmp_path / "model.onnx", graph.node("Softmax", graph.node("Flatten", x), axis=1))
    partition = stored(path)
    images = graph.images(3)
    outputs = partition.run(images, on_golden)
    (output,) = compare_outputs(outputs, run_whole(partition.whole, images, outputs))
    # A few parts in ten million are lost where ONNX Runtime adds up in floating point.
    assert present(output.largest_difference) <= 1e-5 * output.largest_value


def test_channels_last_within_the_host(stored, tmp_path):
    """The part of the unit ends turned round, as the file has it."""
    graph = Graph()
    x = graph.qdq(graph.conv(graph.qdq("image", *X), 3), *Y)
    x = graph.node("Transpose", x, perm=[0, 2, 3, 1])
    x = graph.node("LpNormalization", x, axis=3)
    x = graph.qdq(graph.node("Transpose", x, perm=[0, 3, 1, 2]), *Z)
    path = graph.save(tmp_path / "model.onnx", graph.qdq(graph.conv(x, 4), *Y))
    partition = stored(path)
    images = graph.images(3)
    outputs = partition.run(images, on_golden)
    (output,) = compare_outputs(outputs, run_whole(partition.whole, images, outputs))
    # One step at most, where a convolution in floating point is near a tie.
    assert present(output.largest_difference) <= 1.01 * Y[0] and output.largest_value > 10 * Y[0]


def test_comparisons_count_images_and_see_what_is_no_number():
    here = {"a": [np.array([[1.0, np.inf, np.nan]])] * 2, "b": [np.array([[1]]), np.array([[2]])]}

    def run(b, a=1.0):
        from tcugen.partition.comparison import FileRun

        return FileRun((np.array([[1.0, np.inf, np.nan], [a, np.inf, np.nan]]), np.array(b, np.float64)))

    assert equal_images(here, run([[1], [2]])) == 2
    assert equal_images(here, run([[1], [4]])) == 1
    assert [output.equal for output in compare_outputs(here, run([[1], [4]]))] == [2, 1]
    assert compare_outputs(here, run([[1], [4]]))[1].largest_difference == 2
    assert compare_outputs(here, run([[1], [2]], np.nan))[0].largest_difference is None


@pytest.mark.parametrize(
    "damage, said",
    [
        (lambda folder: (folder / "part2.onnx").unlink(), "part2.onnx: ONNX Runtime cannot open it"),
        (lambda folder: (folder / "part2.onnx").write_bytes(b"no model"), "part2.onnx: ONNX Runtime cannot open it"),
        (lambda folder: (folder / "whole.onnx").unlink(), "whole.onnx: is missing"),
        (lambda folder: (folder / "part1" / "model.npz").unlink(), "model.npz: cannot be read"),
        (lambda folder: (folder / "part3" / "model.npz").replace(folder / "part1" / "model.npz"), "reads and makes"),
        (lambda folder: (folder / "part4.onnx").replace(folder / "part2.onnx"), "reads and makes other tensors"),
        (lambda folder: (folder / "partition.json").write_bytes(b"\xff"), "partition.json: cannot be read"),
    ],
)
def test_a_damaged_folder_is_refused(stored, tmp_path, damage, said):
    stored(in_the_middle(tmp_path))
    assert is_partition(tmp_path / "parts")
    damage(tmp_path / "parts")
    with pytest.raises(ModelError, match=said):
        load_partition(tmp_path / "parts")


def test_scales_are_those_of_the_models(stored, tmp_path):
    stored(in_the_middle(tmp_path))
    path = tmp_path / "parts" / "partition.json"
    manifest = json.loads(path.read_text())
    assert manifest["parts"][0]["outputs"][0]["zero_point"] == Y[1]
    manifest["parts"][0]["outputs"][0]["scale"] *= 2
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="has scale and zero point"):
        load_partition(tmp_path / "parts")


def test_a_folder_without_manifest_is_none(tmp_path):
    assert not is_partition(tmp_path)
    with pytest.raises(ModelError, match="cannot be read"):
        load_partition(tmp_path)
