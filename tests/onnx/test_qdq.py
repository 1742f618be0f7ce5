"""The QDQ form: other tools compute nearly the same from it, and importing it gives the same network back."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from tcugen import golden
from tcugen.model.images import quantise_images
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Add, GlobalAveragePool, Linear, Requantise
from tcugen.onnx.importer.onnx_model import import_onnx
from tcugen.onnx.qdq import write_qdq
from tcugen.quantize.choose import choose
from tcugen.quantize.error import real_values
from tcugen.quantize.export import import_module
from tcugen.synthetic import integers as synthetic
from tests.quantize.modules import SHAPE, Odd, Small, images, trained


def run(path, batch: np.ndarray) -> np.ndarray:
    """[n, elements] of ONNX Runtime, image by image."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([np.asarray(session.run(None, {name: image[None]})[0]).reshape(1, -1) for image in batch])


def reals(model, batch: np.ndarray) -> np.ndarray:
    """[n, elements] of the golden model, in real numbers."""
    source, last = model.network.inputs[0][0], model.network.nodes[-1].name
    found = golden.run(model, {source: quantise_images(batch, model.tensors[source])})[last]
    return real_values(model, last, torch.from_numpy(found)).numpy().reshape(len(batch), -1)


@pytest.mark.parametrize("make", [Small, Odd])
@pytest.mark.parametrize("int32_output", [False, True])
def test_onnx_runtime_stays_close_and_importing_gives_the_same_network(make, int32_output, tmp_path):
    model = choose(import_module(trained(make()), SHAPE, "net"), images(8), ["min-max"], int32_output).best.model
    path = tmp_path / "net.onnx"
    write_qdq(model, path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    got, want = run(path, images(6)), reals(model, images(6))
    assert got.shape == want.shape
    assert np.abs(got - want).max() < 0.05 * np.abs(want).max()

    back = import_onnx(path).model
    assert [node.op for node in back.network.nodes] == [node.op for node in model.network.nodes]
    assert (back.tensors[back.network.nodes[-1].name] is None) == int32_output
    for mine, other in zip(model.network.nodes, back.network.nodes, strict=True):
        assert model.tensors[mine.name] == back.tensors[other.name], mine.name
        for key, value in vars(model.integers[mine.name]).items():
            assert np.array_equal(value, getattr(back.integers[other.name], key)), (mine.name, key)
    assert np.array_equal(reals(back, images(6)), reals(model, images(6)))


def test_every_operator_is_written(every_operator, tmp_path):
    model, _ = synthetic.synthesise(every_operator, 0)
    write_qdq(model, tmp_path / "net.onnx")
    written = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(written, full_check=True)
    operators = {node.op_type for node in written.graph.node}
    assert operators >= {"Conv", "Gemm", "Add", "MaxPool", "GlobalAveragePool", "Relu", "Flatten"}
    batch = np.random.default_rng(0).normal(0, 1, (2, 3, 19, 17)).astype(np.float32)
    assert np.abs(run(tmp_path / "net.onnx", batch) - reals(model, batch)).max() < 12 * model.scale("fc")


def test_linear_layers_in_the_middle_keep_their_shapes(tmp_path):
    nodes = (
        GlobalAveragePool("pool", ("image",)),
        Linear("first", ("pool",), 3),
        Linear("second", ("first",), 3, activation="relu"),
        Add("sum", ("second", "pool")),
        Requantise("last", ("sum",)),
    )
    model, _ = synthetic.synthesise(Network("net", (("image", Shape(3, 4, 4)),), nodes), 1)
    write_qdq(model, tmp_path / "net.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "net.onnx"), full_check=True)
    batch = np.random.default_rng(0).normal(0, 1, (2, 3, 4, 4)).astype(np.float32)
    got = run(tmp_path / "net.onnx", batch)
    assert np.abs(got - reals(model, batch)).max() < 4 * model.scale("last")


def test_the_same_network_gives_the_same_bytes(every_operator, tmp_path):
    model, _ = synthetic.synthesise(every_operator, 0)
    write_qdq(model, tmp_path / "a.onnx")
    write_qdq(model, tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
