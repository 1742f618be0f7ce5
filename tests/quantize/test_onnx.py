"""A float ONNX file gives the same network as the module that it was exported from; what cannot run is refused."""

import io
import warnings
from typing import Any, cast

import numpy as np
import onnx
import pytest
import torch
from torch import nn
from torch.nn import functional

from tcugen.model.errors import ModelError
from tcugen.model.images import quantise_images
from tcugen.model.problems import UnsupportedModel
from tcugen.model.store import save
from tcugen.network.graph import Shape
from tcugen.quantize.choose import choose
from tcugen.quantize.export import import_graph, import_module
from tcugen.quantize.float_network import FloatNetwork, output_of
from tcugen.quantize.from_onnx.operators import OPERATORS
from tcugen.quantize.from_onnx.reader import read_onnx
from tests.onnx.importer.graphs import Graph, run
from tests.quantize.modules import SHAPE, Odd, Small, images, trained
from tests.quantize.test_export_operators import SqueezeExcite


def exported(module: nn.Module, path, shape: Shape = SHAPE):
    """The module as PyTorch's exporter writes it, with its normalisations, and the path."""
    stream = io.BytesIO()
    example = torch.zeros(1, shape.channels, shape.height, shape.width)
    with warnings.catch_warnings():
        # Of PyTorch about its own exporter. The one that writes to streams is the older, the hints are of the newer.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (example,), cast(Any, stream), opset_version=17, dynamo=False, do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE,
        )  # fmt: skip
    path.write_bytes(stream.getvalue())
    return path


def read(path) -> FloatNetwork:
    return import_graph(read_onnx(path, OPERATORS))


class Mobile(nn.Module):
    """Depthwise, gates, chains, ranges of channels, padding on one side, moves."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.ConstantPad2d((0, 1, 0, 1), 0.0), nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8))
        self.act = nn.Hardswish()
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.gate = nn.Sequential(nn.Conv2d(8, 8, 1), nn.Hardsigmoid())
        self.project = nn.Conv2d(8, 8, 1)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.act(self.stem(x))
        x = functional.silu(self.depthwise(x))
        x = x * self.gate(x.mean((2, 3), keepdim=True))
        a, b = self.project(x).split([2, 6], 1)
        x = torch.cat([functional.leaky_relu(b, 0.2), functional.gelu(a)], 1) + x
        x = functional.interpolate(x, scale_factor=2)
        x = functional.avg_pool2d(functional.max_pool2d(x, 3, 2, 1), 2)
        return self.head(x.mean((2, 3)))


MODULES = {"small": Small, "odd": Odd, "mobile": Mobile}


@pytest.mark.parametrize("name", MODULES)
def test_the_same_integers_as_from_the_module(name, tmp_path):
    module = trained(MODULES[name]())
    path = exported(module, tmp_path / "net.onnx")
    models = [import_module(module, SHAPE, "net"), read(path)]
    assert [node.op for node in models[0].network.nodes] == [node.op for node in models[1].network.nodes]
    stored = []
    for index, model in enumerate(models):
        folder = tmp_path / str(index)
        folder.mkdir()
        best = choose(model, images(4), ["min-max"], False).best
        save(best.model, folder / "model.npz")
        stored.append(best.model)
    if name == "small":
        # All of its operators have modules of their own, so that even the names are the same.
        assert (tmp_path / "0" / "model.npz").read_bytes() == (tmp_path / "1" / "model.npz").read_bytes()
    one, other = stored
    for a, b in zip(one.network.nodes, other.network.nodes, strict=True):
        assert one.tensors[a.name] == other.tensors[b.name]
        for key, value in vars(one.integers_of(a)).items():
            assert np.array_equal(value, vars(other.integers_of(b))[key]), (a.name, key)


def test_squeeze_excite_from_a_file(tmp_path):
    module = trained(SqueezeExcite())
    model = read(exported(module, tmp_path / "net.onnx"))
    assert [node.op for node in model.network.nodes] == [
        "conv", "table", "global_average_pool", "conv", "conv", "table", "multiply",
    ]  # fmt: skip


def real(graph: Graph, *shape: int) -> str:
    return graph.constant(graph.rng.normal(0, 0.3, shape), np.float32)


def hand_built(graph: Graph) -> str:
    """What PyTorch's exporter does not write."""
    x = graph.node("Conv", "image", real(graph, 8, 3, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2])
    x = graph.node("Mul", x, graph.constant(graph.rng.uniform(0.5, 2, (8, 1, 1)), np.float32))
    x = graph.node("Sub", graph.constant(0.3, np.float32), x)
    x = graph.node("HardSigmoid", x, alpha=0.25, beta=0.4)
    x = graph.node("PRelu", graph.node("Conv", x, real(graph, 8, 8, 1, 1)), real(graph, 8, 1, 1))
    a, b = (graph.node("Slice", x, *(graph.constant([v], np.int64) for v in (i, i + 4, 1))) for i in (0, 4))
    x = graph.node("Sum", a, b, graph.node("Neg", graph.node("Softsign", a)))
    x = graph.node("DepthToSpace", x, blocksize=2, mode="DCR")
    x = graph.node("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 0], count_include_pad=1)
    x = graph.node("GlobalMaxPool", x)
    shape = graph.node("Concat", graph.node("Slice", graph.node("Shape", x), *map(
        graph.constant, (np.array([0]), np.array([1])))), graph.constant([-1], np.int64), axis=0)  # fmt: skip
    x = graph.node("MatMul", graph.node("Reshape", x, shape), real(graph, 1, 6))
    return graph.node("Div", graph.node("Add", x, real(graph, 6)), graph.constant(0.5, np.float32))


def test_what_other_tools_write(tmp_path):
    graph = Graph(shape=(3, 12, 10))
    path = graph.save(tmp_path / "net.onnx", hand_built(graph))
    model, batch = read(path), graph.images(3)
    found = output_of(model, torch.from_numpy(batch)).numpy().reshape(3, -1)
    assert np.allclose(found, run(path, batch).reshape(3, -1), rtol=1e-4, atol=1e-4)
    best = choose(model, batch, ["min-max"], True).best
    assert best.fidelity.output_decibels > 20


def test_images_with_channels_last(tmp_path):
    graph = Graph(shape=(12, 10, 3))
    x = graph.node("Transpose", "image", perm=[0, 3, 1, 2])
    x = graph.node("Relu", graph.node("Conv", x, real(graph, 4, 3, 3, 3)))
    path = graph.save(tmp_path / "net.onnx", graph.node("GlobalAveragePool", x))
    model = read(path)
    assert model.form.layout == "nhwc" and [node.op for node in model.network.nodes] == ["conv", "global_average_pool"]
    batch = graph.images(2)
    quantized = choose(model, model.form.to_network(batch, model.network.inputs[0][1]), ["min-max"], False).best.model
    entry, shape = quantized.network.inputs[0]
    assert quantized.form(entry).shape(shape) == (12, 10, 3)
    assert quantise_images(batch, quantized.quantization(entry)).shape == batch.shape


def test_everything_that_cannot_run_is_listed_in_the_words_of_the_file(tmp_path):
    graph = Graph(shape=(3, 12, 10))
    x = graph.node("Conv", "image", real(graph, 4, 3, 3, 3), name="first")
    x = graph.node("LRN", x, size=3, name="normalise")
    x = graph.node("LpPool", x, kernel_shape=[2, 2], name="holes")
    x = graph.node("Resize", x, "", graph.constant([1, 1, 1.5, 2], np.float32), name="stretch")
    x = graph.node("ReduceMean", x, axes=[1], name="over channels")
    path = graph.save(tmp_path / "net.onnx", graph.node("Softmax", x, name="classes"))
    with pytest.raises(UnsupportedModel) as refused:
        read(path)
    lines = str(refused.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "normalise (LRN)", "holes (LpPool)", "stretch (Resize)", "over channels (ReduceMean)", "classes (Softmax)",
    ]  # fmt: skip
    assert "scales = [1.0, 1.0, 1.5, 2.0]" in lines[3] and "end the model in front of it" in lines[5]


def test_images_say_what_the_file_leaves_open(tmp_path):
    graph = Graph(shape=(3, "side", "side"), batch="n")
    x = graph.node("Conv", "image", real(graph, 4, 3, 3, 3))
    path = graph.save(tmp_path / "net.onnx", graph.node("GlobalAveragePool", graph.node("Relu", x)))
    model = import_graph(read_onnx(path, OPERATORS, (3, 10, 14)))
    assert model.network.inputs[0][1] == Shape(3, 10, 14) and model.network.shapes["Conv_0"] == Shape(4, 8, 12)
    assert "the dynamic dimensions of 'image' were set to those of the images, 3x10x14" in model.notes
    for sides in ((), (3, 10)):
        with pytest.raises(ModelError, match="input 'image' of shape .* has dynamic dimensions"):
            read_onnx(path, OPERATORS, sides)


def test_files_that_are_no_float_networks(tmp_path):
    graph = Graph()
    path = graph.save(tmp_path / "net.onnx", graph.node("Relu", graph.qdq("image", 0.02)))
    with pytest.raises(ModelError, match=r"net.onnx: is quantized already, it has QuantizeLinear; .*tcugen import"):
        read(path)
    graph = Graph(kind=onnx.TensorProto.INT8)
    path = graph.save(tmp_path / "net.onnx", graph.node("Identity", "image"), onnx.TensorProto.INT8)
    with pytest.raises(ModelError, match="is quantized already, it has an input of integers"):
        read(path)
