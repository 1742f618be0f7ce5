"""The trained ResNet-20 that comes with the project: golden, emulator, RTL and ONNX Runtime on its images."""

from pathlib import Path

import numpy as np
import pytest

from tcugen import golden
from tcugen.compiler import compile_network
from tcugen.evaluate.emulate import emulate, top1
from tcugen.model.images import quantise_images, read_images
from tcugen.model.quantized import QuantizedNetwork
from tcugen.model.store import load
from tcugen.verify.compare import verify
from tests.machines import Emitted, machine

EXAMPLE = Path(__file__).parents[2] / "examples" / "fashion_mnist"
LABELS = [9, 2, 1, 1, 6, 1, 4, 6]
"""Of the eight images, the first of the data set's test half."""


@pytest.fixture(scope="module")
def model() -> QuantizedNetwork:
    return load(EXAMPLE / "resnet20_int8.npz")


@pytest.fixture(scope="module")
def images(model) -> np.ndarray:
    return read_images(EXAMPLE / "images.npy", model.network.inputs[0][1])


@pytest.fixture(scope="module")
def program(model):
    return compile_network(model, machine("8x8"))


def test_the_model_is_small_and_takes_pixels_as_they_are(model, images):
    assert (EXAMPLE / "resnet20_int8.npz").stat().st_size < 350_000
    assert model.network.mac_count == 30_821_248
    assert model.tensors["image"].scale == np.float32(1 / 255) and model.tensors["image"].zero_point == -128
    quantised = quantise_images(images, model.tensors["image"])
    assert np.array_equal(quantised.astype(int) + 128, np.rint(images * 255))


def test_the_emulator_finds_the_classes_of_its_images(model, program, images):
    outputs = emulate(model, program, images)
    assert np.array_equal(outputs, golden.run(model, {"image": quantise_images(images, model.tensors["image"])})["fc"])
    assert top1(model, outputs) == LABELS


def test_onnx_runtime_computes_the_same(model, images, tmp_path):
    pytest.importorskip("onnxruntime")
    from tcugen.onnx.reference import run_reference, write_reference

    inputs = {"image": quantise_images(images, model.tensors["image"])}
    write_reference(model, tmp_path / "reference.onnx", every_tensor=True)
    want = golden.run(model, inputs)
    for name, tensor in run_reference(tmp_path / "reference.onnx", inputs).items():
        assert np.array_equal(tensor, want[name]), name


@pytest.mark.slow
def test_one_image_on_the_rtl(model, program, images, rtl: Emitted):
    inputs = {"image": quantise_images(images[:1], model.tensors["image"])}
    outcome = verify(model, program, rtl(machine("8x8")), inputs)
    assert outcome.mismatches == 0
    assert top1(model, outcome.rtl["fc"]) == LABELS[:1]
    ideal = model.network.mac_count / 64
    assert ideal < outcome.cycles[0] < 1.15 * ideal
