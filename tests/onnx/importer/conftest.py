"""Importing a graph and running what comes out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tcugen import golden
from tcugen.model.images import image_quantization, quantise_images
from tcugen.model.quantized import QuantizedNetwork
from tcugen.model.validate import validate
from tcugen.onnx.importer.onnx_model import ImportedModel, import_onnx
from tests.onnx.importer.graphs import Graph


@pytest.fixture
def imported(tmp_path: Path) -> Callable[[Graph, str], ImportedModel]:
    """Saves a graph as model.onnx, imports it and checks that it keeps every rule."""

    def load(graph: Graph, output: str) -> ImportedModel:
        result = import_onnx(graph.save(tmp_path / "model.onnx", output))
        validate(result.model)
        return result

    return load


def tensors(model: QuantizedNetwork, images: np.ndarray) -> dict[str, np.ndarray]:
    """Every tensor that the golden model makes of float images."""
    name = model.network.inputs[0][0]
    return golden.run(model, {name: quantise_images(images, image_quantization(model))})


def integers(model: QuantizedNetwork, images: np.ndarray) -> np.ndarray:
    """The network's output as the machine stores it."""
    return tensors(model, images)[model.network.nodes[-1].name]


def reals(model: QuantizedNetwork, images: np.ndarray) -> np.ndarray:
    """What the network's int8 output stands for, float32."""
    quantization = model.tensors[model.network.nodes[-1].name]
    return (integers(model, images).astype(np.float32) - quantization.zero_point) * quantization.scale
