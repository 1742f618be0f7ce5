"""The trained ResNet-50 as applications have it: bytes in, probabilities out. Head and tail are the host's.

As in `tests/test_trained_resnet50.py`, the model and the pictures are not part of the project.
"""

import json
import os
import unittest
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.commands.conftest import call
from tests.onnx.importer.graphs import run

FILES = ("resnet50_v1_int8_qdq.onnx", "resnet50_v1_int8_qop.onnx", "images_224.npz")
MEAN = np.array([123.68, 116.779, 103.939], np.float32)
COUNT = 2


@pytest.fixture(scope="module")
def folder() -> Path:
    place = os.environ.get("TCUGEN_MODELS")
    found = Path(place) if place else Path(__file__).parents[3] / "shared" / "models"
    missing = [name for name in FILES if not (found / name).exists()]
    if missing:
        raise unittest.SkipTest(f"no trained model: {found} lacks {', '.join(missing)}; TCUGEN_MODELS names the folder")
    return found


def as_an_application(path: Path) -> onnx.ModelProto:
    """The model with uint8 [1, 224, 224, 3] in and the mean taken off within, and Softmax at the end."""
    model = onnx.load(path)
    graph = model.graph
    for node in graph.node:
        node.input[:] = ["centred" if name == "image" else name for name in node.input]
    logits = graph.output[0].name
    del graph.input[:], graph.output[:]
    graph.input.append(helper.make_tensor_value_info("picture", TensorProto.UINT8, [1, 224, 224, 3]))
    graph.output.append(helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 1000]))
    graph.initializer.append(numpy_helper.from_array(MEAN, "mean"))
    graph.node.extend(
        [
            helper.make_node("Cast", ["picture"], ["reals"], name="cast", to=TensorProto.FLOAT),
            helper.make_node("Sub", ["reals", "mean"], ["less"], name="centre"),
            helper.make_node("Transpose", ["less"], ["centred"], name="turn", perm=[0, 3, 1, 2]),
            helper.make_node("Softmax", [logits], ["probabilities"], name="softmax", axis=-1),
        ]
    )
    return model


@pytest.mark.verify
def test_pictures_in_and_probabilities_out(tmp_path, folder):
    (tmp_path / "app.onnx").write_bytes(as_an_application(folder / FILES[0]).SerializeToString())
    with np.load(folder / FILES[2]) as archive:
        pictures = archive["test"][:COUNT]
    np.save(tmp_path / "pictures.npy", pictures)
    split = call("import", tmp_path / "app.onnx", "--partition", "-o", tmp_path / "app")
    assert split.exit_code == 0, split.output
    manifest = json.loads((tmp_path / "app" / "partition.json").read_text())
    assert [part["on"] for part in manifest["parts"]] == ["host", "unit", "host"]
    assert list(manifest["refused"]) == ["cast", "centre", "turn", "softmax"] and manifest["host_share"] == 0
    more = ("--array", "16x16", "--json", tmp_path / "f.json", "--logits", tmp_path / "p.npy")
    result = call("evaluate", "--model", tmp_path / "app", "--images", tmp_path / "pictures.npy", *more)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "f.json").read_text())["reference"] == [{"name": "part2", "equal": COUNT}]
    # The same network in operator form, whose logits only integers make: the probabilities are those of its logits.
    images = np.ascontiguousarray((pictures.astype(np.float32) - MEAN).transpose(0, 3, 1, 2))
    logits = run(folder / FILES[1], images).astype(np.float64).reshape(COUNT, -1)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    want = powers / powers.sum(axis=1, keepdims=True)
    assert np.abs(np.load(tmp_path / "p.npy") - want).max() < 1e-6
