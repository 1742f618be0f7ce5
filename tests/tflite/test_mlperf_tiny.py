"""MLPerf Tiny's four int8 networks: import, emulator, ONNX Runtime, LiteRT, and the RTL.

The files are not part of the project; they are in the repository mlcommons/tiny, below benchmark/training. These tests
run where the variable TCUGEN_MODELS names a folder with them, or where `shared/models` stands beside the checkout, and
are left out elsewhere.
"""

import os
import unittest
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tflite")
pytest.importorskip("ai_edge_litert")

from tcugen import golden
from tcugen.evaluate.litert import operator_differences
from tcugen.network.operators import GlobalAveragePool
from tcugen.tflite.importer import import_tflite
from tcugen.tflite.litert import Kernels, run_litert
from tests.commands.conftest import call
from tests.tflite.running import steps_from_litert

NETWORKS = {
    "pretrainedResnet_quant.tflite": (14, 12_501_632),
    "vww_96_int8.tflite": (29, 7_489_664),
    "kws_ref_model.tflite": (11, 2_656_768),
    "ad01_int8.tflite": (10, 264_192),
}
"""Nodes and multiplications of each."""

COUNT = 4


@pytest.fixture(params=NETWORKS)
def path(request) -> Path:
    place = os.environ.get("TCUGEN_MODELS")
    found = (Path(place) if place else Path(__file__).parents[3] / "shared" / "models") / request.param
    if not found.exists():
        raise unittest.SkipTest(f"no trained model {found}; TCUGEN_MODELS names the folder")
    return found


@pytest.fixture
def images(path) -> np.ndarray:
    """Random, as the file has them."""
    model = import_tflite(path)
    shape = model.file.tensors[model.file.input].shape[1:]
    return np.random.default_rng(1).integers(-128, 128, (COUNT, *shape)).astype(np.int8)


def test_network(path):
    network = import_tflite(path).imported.model.network
    assert (len(network.nodes), network.mac_count) == NETWORKS[path.name]


@pytest.mark.slow
def test_outputs_are_those_of_litert(path, images):
    """All of them, but of images where a mean of an even number of pixels is a tie, which is rounded otherwise."""
    differs = steps_from_litert(path, images).any(axis=(1, 2, 3))
    assert np.array_equal(differs, differs & other_means(path, images))


def other_means(path: Path, images: np.ndarray) -> np.ndarray:
    """For each image, whether LiteRT has another value somewhere after its AVERAGE_POOL_2D."""
    result = import_tflite(path)
    model, numbers = result.imported.model, result.tensors
    means = [node.name for node in model.network.nodes if isinstance(node, GlobalAveragePool)]
    planes = images.transpose(0, 3, 1, 2) if images.ndim == 4 else images[:, :, None, None]
    own = golden.run(model, {model.network.inputs[0][0]: planes})
    runs = list(run_litert(path, images, [numbers[name] for name in means]))
    found = [np.concatenate([run[i] for run in runs]).transpose(0, 3, 1, 2) for i in range(len(means))]
    differs = [(own[name] != array).any(axis=(1, 2, 3)) for name, array in zip(means, found, strict=True)]
    return np.any(differs, axis=0) if differs else np.zeros(len(images), bool)


@pytest.mark.slow
def test_every_operator_on_the_tensors_of_litert(path, images):
    for entry in operator_differences(path, images, lambda _: None):
        ties = entry.op == "AVERAGE_POOL_2D" and path.name == "pretrainedResnet_quant.tflite"
        assert entry.differing[Kernels.DEFAULT] <= (0.03 * entry.elements if ties else 0), entry
        for kernels in Kernels:
            assert entry.largest[kernels] <= 1 and entry.differing[kernels] < 0.05 * entry.elements, entry


@pytest.mark.verify
def test_on_the_rtl(path, images, tmp_path):
    np.save(tmp_path / "x.npy", images[:1])
    result = call("simulate", "--model", path, "--images", tmp_path / "x.npy", "--array", "8x8")
    assert result.exit_code == 0, result.output
    assert "mismatches = 0: golden, emulator and RTL agree in every element" in result.output
    assert "all equal to golden" in result.output
