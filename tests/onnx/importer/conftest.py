"""Importing a graph and running what comes out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tcugen import golden
from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.evaluate.compare import Evaluated, compare_file, compare_reference
from tcugen.evaluate.emulate import emulate
from tcugen.mapping.tasks import tasks_of
from tcugen.model.images import image_quantization, quantise_images
from tcugen.model.quantized import QuantizedNetwork
from tcugen.model.validate import validate
from tcugen.onnx.importer.onnx_model import ImportedModel, import_onnx
from tcugen.sizing.optional import optional_hardware
from tests.onnx.importer.graphs import Graph, run


@pytest.fixture
def imported(tmp_path: Path) -> Callable[[Graph, str], ImportedModel]:
    """Saves a graph as model.onnx, imports it and checks that it keeps every rule."""

    def load(graph: Graph, output: str) -> ImportedModel:
        result = import_onnx(graph.save(tmp_path / "model.onnx", output))
        validate(result.model)
        return result

    return load


def same_as_onnx_runtime(path: Path, images: np.ndarray, count: int = 0) -> ImportedModel:
    """Imports `path` and compares golden, emulator and ONNX Runtime on that very file, integer by integer.

    Args:
        images: Exactly the file's input.
        count: How many elements ONNX Runtime may have otherwise, by one step: ties that it rounds in floating point.
    """
    result = import_onnx(path)
    model = result.model
    validate(model)
    entry, shape = model.network.inputs[0]
    planes = model.form(entry).to_network(images, shape)
    optional = dict.fromkeys(optional_hardware(tasks_of(model.network)), 1)
    program = compile_network(model, Architecture(rows=4, columns=4, output_lanes=1, **optional))
    emulated = emulate(model, program, planes)
    last = model.network.nodes[-1].name
    assert np.array_equal(tensors(model, planes)[last], emulated)
    evaluated = Evaluated(model, planes, {last: emulated}, None)
    assert compare_reference(evaluated, lambda _: None).equal == len(images)
    form, shape = model.form(last), model.network.shapes[last]
    want = form.to_network(run(path, images, optimise=True).reshape(-1, *form.shape(shape)), shape)
    assert len(np.unique(want)) > 4
    steps = emulated.astype(np.float64)
    if want.dtype == np.uint8:
        steps += 128
    elif want.dtype == np.float32:
        quantization = model.quantization(last)
        want = want / quantization.scale + quantization.zero_point
    apart = np.abs(steps - want)
    assert apart.max() < 1.01 and np.count_nonzero(apart > 0.01) <= count
    assert compare_file(path, evaluated, lambda _: None).equal >= len(images) - count
    return result


def tensors(model: QuantizedNetwork, images: np.ndarray) -> dict[str, np.ndarray]:
    """Every tensor that the golden model makes of float images."""
    name = model.network.inputs[0][0]
    return golden.run(model, {name: quantise_images(images, image_quantization(model))})


def integers(model: QuantizedNetwork, images: np.ndarray) -> np.ndarray:
    """The network's output as the machine stores it."""
    return tensors(model, images)[model.network.nodes[-1].name]


def reals(model: QuantizedNetwork, images: np.ndarray) -> np.ndarray:
    """What the network's int8 output stands for, float32."""
    quantization = model.quantization(model.network.nodes[-1].name)
    return (integers(model, images).astype(np.float32) - quantization.zero_point) * quantization.scale
