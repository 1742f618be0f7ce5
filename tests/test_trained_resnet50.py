"""A trained int8 ResNet-50: import, golden, emulator, RTL and ONNX Runtime, on images.

The model and the images are not part of the project. These tests run where the variable TCUGEN_MODELS names a folder
with them, or where `shared/models` stands beside the checkout, and are left out elsewhere.
"""

import json
import os
import unittest
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tcugen import golden
from tcugen.compiler import compile_network
from tcugen.console.machine import MachineFlags, sized
from tcugen.evaluate.emulate import emulate, top1
from tcugen.model.images import image_quantization, quantise_images
from tcugen.onnx.importer.onnx_model import import_onnx
from tcugen.onnx.reference import run_reference, write_reference
from tests import independent_reader
from tests.commands.conftest import call
from tests.onnx.importer.graphs import run

FILES = ("resnet50_v1_int8_qdq.onnx", "resnet50_v1_int8_qop.onnx", "images_224.npz")


@pytest.fixture(scope="module")
def folder() -> Path:
    place = os.environ.get("TCUGEN_MODELS")
    found = Path(place) if place else Path(__file__).parents[2] / "shared" / "models"
    missing = [name for name in FILES if not (found / name).exists()]
    if missing:
        raise unittest.SkipTest(f"no trained model: {found} lacks {', '.join(missing)}; TCUGEN_MODELS names the folder")
    return found


@pytest.fixture(scope="module")
def model(folder):
    return import_onnx(folder / FILES[0]).model


@pytest.fixture(scope="module")
def program(model):
    return compile_network(model, sized(model.network, MachineFlags(array="16x16")).architecture)


@pytest.fixture(scope="module")
def images(folder) -> np.ndarray:
    """float32 [64, 3, 224, 224], prepared as the model wants it."""
    with np.load(folder / FILES[2]) as archive:
        raw = archive["test"].astype(np.float32)
    return np.ascontiguousarray((raw - np.array([123.68, 116.779, 103.939], np.float32)).transpose(0, 3, 1, 2))


@pytest.fixture(scope="module")
def labels(folder) -> np.ndarray:
    with np.load(folder / FILES[2]) as archive:
        return archive["test_labels"]


def reals(model, output: np.ndarray) -> np.ndarray:
    """float32 [n, classes] that int8 logits stand for, as DequantizeLinear computes them."""
    quantization = model.tensors["fc"]
    return (output.reshape(len(output), -1).astype(np.float32) - quantization.zero_point) * quantization.scale


def test_both_forms_are_the_same_network(folder, model):
    other = import_onnx(folder / FILES[1]).model
    assert model.network.mac_count == 3_857_973_248
    assert [node.name for node in model.network.nodes[:3]] == ["conv1", "maxpool", "layer1.0.conv1"]
    assert model.network.nodes == other.network.nodes and model.tensors == other.tensors
    for name, integers in model.integers.items():
        for key, value in vars(integers).items():
            assert np.array_equal(value, getattr(other.integers[name], key)), (name, key)


@pytest.mark.slow
def test_two_images_agree_in_every_tensor(folder, model, program, images, tmp_path):
    inputs = {"image": quantise_images(images[:2], image_quantization(model))}
    tensors = golden.run(model, inputs)
    write_reference(model, tmp_path / "reference.onnx", every_tensor=True)
    for name, tensor in run_reference(tmp_path / "reference.onnx", inputs).items():
        assert np.array_equal(tensor, tensors[name]), name
    logits = emulate(model, program, images[:2])
    assert np.array_equal(logits, tensors["fc"])
    assert np.array_equal(reals(model, logits), run(folder / FILES[1], images[:2], optimise=True))


@pytest.mark.verify
def test_all_images_agree_in_every_logit(folder, model, program, images, labels, tmp_path):
    """Also with the operator form that someone else's tool wrote: no image has an add that meets a tie there."""
    write_reference(model, tmp_path / "reference.onnx")
    qdq, operators = (run(folder / name, images, optimise=True) for name in FILES[:2])
    logits = []
    for number, image in enumerate(images):
        logits.append(emulate(model, program, image[None])[0])
        quantised = quantise_images(image[None], image_quantization(model))
        assert np.array_equal(run_reference(tmp_path / "reference.onnx", {"image": quantised})["fc"][0], logits[-1]), (
            number
        )
        assert np.array_equal(reals(model, logits[-1][None])[0], operators[number]), number
        print(f"image {number}: logits of emulator, reference model and operator form are equal", flush=True)
    # In QDQ form ONNX Runtime computes parts in floating point: see docs/import.md.
    apart = np.abs(qdq - operators) / model.tensors["fc"].scale
    right = {
        "ONNX Runtime, QDQ": int((qdq.argmax(axis=1) == labels).sum()),
        "ONNX Runtime, operators": int((operators.argmax(axis=1) == labels).sum()),
        "tcugen": int((np.array(top1(model, np.stack(logits))) == labels).sum()),
    }
    print(f"\ntop-1 of {len(labels)} images: {right}")
    print(f"logits of QDQ that differ from operators: {(apart > 0.5).mean():.1%}, by up to {apart.max():.0f} steps")
    assert right["tcugen"] == right["ONNX Runtime, operators"]
    assert right["tcugen"] >= 0.8 * len(labels)


@pytest.mark.parametrize(
    "count", [pytest.param(1, marks=pytest.mark.verify), pytest.param(2, marks=pytest.mark.verify)], ids=["one", "two"]
)
def test_images_on_the_rtl_agree_in_every_tensor(folder, model, images, count, tmp_path, monkeypatch):
    """The command itself at 16x16, then the independent reader on its dump."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", images[:count])
    arguments = ("--images", "x.npy", "--array", "16x16", "--dump", "dump", "--json", "figures.json")
    result = call("simulate", "--model", folder / FILES[0], *arguments)
    assert result.exit_code == 0, result.output
    figures = json.loads(Path("figures.json").read_text())
    assert figures["mismatches"] == 0 and len(figures["cycles_per_image"]) == count
    assert figures["reference"]["tensors"] == 72 and figures["reference"]["mismatches"] == 0
    logits = np.load(tmp_path / "dump" / "fc.output.npy")
    assert np.array_equal(reals(model, logits), run(folder / FILES[1], images[:count], optimise=True))
    assert independent_reader.check(tmp_path / "dump") == 0
