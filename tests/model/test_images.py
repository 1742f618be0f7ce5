"""Images from files, and the first quantization as ONNX Runtime computes it."""

import numpy as np
import pytest

from tcugen import golden
from tcugen.model.errors import ModelError
from tcugen.model.extract import extract, extract_inputs
from tcugen.model.images import quantise_images, read_images
from tcugen.model.quantized import Quantization
from tcugen.network.graph import NetworkError, Shape
from tcugen.synthetic.integers import synthesise
from tests.onnx.importer.graphs import Graph, run

SHAPE = Shape(3, 4, 5)


def test_images_are_read_as_they_are(tmp_path):
    images = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    np.save(tmp_path / "x.npy", images)
    assert np.array_equal(read_images(tmp_path / "x.npy", SHAPE), images)


@pytest.mark.parametrize(
    "array, message",
    [
        (np.zeros((2, 3, 4, 5)), r"holds float64 \(2, 3, 4, 5\), but images must be float32 \(n, 3, 4, 5\)"),
        (np.zeros((2, 3, 4, 5), np.uint8), "holds uint8"),
        (np.zeros((3, 4, 5), np.float32), r"holds float32 \(3, 4, 5\)"),
        (np.zeros((2, 3, 5, 4), np.float32), r"holds float32 \(2, 3, 5, 4\)"),
        (np.zeros((2, 4, 5, 3), np.float32), r"put channels first, .*transpose\(0, 3, 1, 2\)"),
        (np.zeros((0, 3, 4, 5), np.float32), "with n of at least 1"),
    ],
)
def test_other_types_and_shapes_are_refused(tmp_path, array, message):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ModelError, match=message):
        read_images(tmp_path / "x.npy", SHAPE)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be read .*No such file"):
        read_images(tmp_path / "nowhere.npy", SHAPE)
    (tmp_path / "x.npy").write_bytes(b"hello")
    with pytest.raises(ModelError, match="damaged or no .npy file"):
        read_images(tmp_path / "x.npy", SHAPE)
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 3, 4, 5), np.float32))
    with pytest.raises(ModelError, match="archive of several arrays"):
        read_images(tmp_path / "x.npz", SHAPE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ModelError, match="not finite"):
        quantise_images(np.array([0, value], np.float32), Quantization(np.float32(1), 0))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_the_first_quantization_is_that_of_onnx_runtime(dtype, tmp_path):
    rng = np.random.default_rng(1)
    kind, shift = (3, 0) if dtype == np.int8 else (2, 128)
    for _ in range(5):
        scale, zero_point = np.float32(np.exp(rng.uniform(-6, 2))), int(rng.integers(-128, 128))
        graph = Graph(shape=(1, 64, 64))
        path = graph.save(tmp_path / "q.onnx", graph.quantize("image", scale, zero_point + shift, dtype), kind)
        images = np.concatenate(
            [
                rng.normal(0, 60 * scale, (1, 1, 64, 64)),
                rng.integers(-300, 300, (1, 1, 64, 64)) * scale / 2,  # ties
                np.exp(rng.uniform(-80, 80, (1, 1, 64, 64))),
            ]
        ).astype(np.float32)
        got = quantise_images(images, Quantization(scale, zero_point))
        assert got.dtype == np.int8
        # Beyond 2**31 steps ONNX Runtime's conversion to integers is undefined.
        inside = np.abs(images / scale) < 2**30
        assert np.array_equal((got.astype(int) + shift)[inside], run(path, images).astype(int)[inside])


def test_an_extract_computes_what_the_whole_does(every_operator):
    model, inputs = synthesise(every_operator, seed=2, images=2)
    whole = inputs | golden.run(model, inputs)
    part = extract(model, ["rescaled", "sum", "mean"])
    got = golden.run(part, extract_inputs(part, whole))
    assert list(got) == ["rescaled", "sum", "mean"]
    assert all(np.array_equal(tensor, whole[name]) for name, tensor in got.items() if name != "mean")
    with pytest.raises(NetworkError, match="'sun' is no node"):
        extract(model, ["sun"])
