"""ResNet-50 quantized by tcugen from trained float weights: compared with float, by golden and by emulator.

The weights and the images are not part of the project. These tests run where the variable TCUGEN_MODELS names a folder
with them, or where `shared/models` stands beside the checkout, and are left out elsewhere.
"""

import json
import os
import unittest
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("onnx")
pytest.importorskip("safetensors")

from tcugen.cli import app
from tcugen.compiler import compile_network
from tcugen.console.machine import MachineFlags, sized
from tcugen.evaluate.emulate import emulate, top1
from tcugen.model.store import load
from tcugen.network.resnets import bundled_network

pytestmark = pytest.mark.verify

WEIGHTS, IMAGES = "resnet50_v1_imagenet_fp16.safetensors", "images_224.npz"
MEANS = np.array([123.68, 116.779, 103.939], np.float32)


@pytest.fixture(scope="module")
def folder() -> Path:
    place = os.environ.get("TCUGEN_MODELS")
    found = Path(place) if place else Path(__file__).parents[2] / "shared" / "models"
    missing = [name for name in (WEIGHTS, IMAGES) if not (found / name).exists()]
    if missing:
        raise unittest.SkipTest(f"no trained model: {found} lacks {', '.join(missing)}; TCUGEN_MODELS names the folder")
    return found


@pytest.fixture(scope="module")
def quantized(folder, tmp_path_factory) -> Path:
    """Folder that `tcugen quantize` wrote, and the prepared test images beside it."""
    place = tmp_path_factory.mktemp("resnet50")
    with np.load(folder / IMAGES) as archive:
        for name in ("calibration", "test"):
            np.save(place / name, np.ascontiguousarray((archive[name] - MEANS).transpose(0, 3, 1, 2)))
        np.save(place / "labels", archive["test_labels"])
    arguments = ["--network", "resnet50_v1", "--weights", folder / WEIGHTS, "--images", place / "calibration.npy"]
    arguments += ["--test-images", place / "test.npy", "--labels", place / "labels.npy", "-o", place / "model"]
    result = CliRunner().invoke(app, ["quantize", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    print(result.output, flush=True)
    return place


def test_top1_is_at_most_one_image_below_float(quantized):
    figures = json.loads((quantized / "model" / "quantize.json").read_text())
    assert figures["mac_count"] == 3_857_973_248
    assert figures["test"]["images"] == 64
    assert figures["test"]["int8_right"] >= figures["test"]["float_right"] - 1
    assert figures["test"]["float_right"] >= 50
    found = {(trial["method"], trial["bias_corrected"]): trial["output_decibels"] for trial in figures["trials"]}
    assert found["min-max", False] + 1 < found["least squares", False] < found["least squares", True]


def test_the_emulator_says_the_same(quantized):
    model = load(quantized / "model" / "model.npz")
    assert model.network == bundled_network("resnet50_v1")
    program = compile_network(model, sized(model.network, MachineFlags(array="16x16")).architecture)
    labels = np.load(quantized / "labels.npy")
    found = np.array(top1(model, emulate(model, program, np.load(quantized / "test.npy"))))
    figures = json.loads((quantized / "model" / "quantize.json").read_text())["test"]
    right = {"float": figures["float_right"], "golden": figures["int8_right"], "emulator": int((found == labels).sum())}
    print(f"\ntop-1 of {len(labels)} images: {right}")
    assert right["emulator"] == right["golden"]
