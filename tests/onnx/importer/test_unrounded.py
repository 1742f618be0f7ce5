"""Adds of what a convolution makes, which nothing rounds before the sum."""

import numpy as np
import pytest

from tcugen import golden
from tcugen.model.images import image_quantization, quantise_images
from tcugen.model.integers import AddIntegers, WeightedIntegers
from tcugen.model.problems import UnsupportedModel
from tcugen.model.quantized import Quantization
from tcugen.network.operators import Add, Conv
from tcugen.onnx.importer.onnx_model import import_onnx
from tcugen.onnx.qdq import write_qdq
from tests.onnx.importer.conftest import same_as_onnx_runtime
from tests.onnx.importer.graphs import Graph, run

X, A, Y = (0.02, 3), (0.041, -20), (0.033, -7)
PADS = [1] * 4


def block(graph: Graph) -> str:
    """As TensorRT's users write it: only the shortcut is rounded."""
    x = graph.qdq("image", *X)
    inner = graph.qdq(graph.node("Relu", graph.conv(x, 4, outputs=4, pads=PADS)), 0.02, -128)
    total = graph.node("Add", graph.conv(inner, 4, outputs=4, pads=PADS), graph.qdq(x, 0.017, -3))
    return graph.qdq(graph.node("Relu", total), 0.05, -128)


def second_of_the_two(graph: Graph) -> str:
    x = graph.qdq("image", *X)
    return graph.qdq(graph.node("Add", x, graph.conv(x, 4, outputs=4, pads=PADS)), *A)


def difference(graph: Graph) -> str:
    x = graph.qdq("image", *X)
    return graph.qdq(graph.node("Sub", graph.conv(x, 4, outputs=4, pads=PADS), x), *A)


def with_one_value_per_channel(graph: Graph) -> str:
    x = graph.qdq("image", *X)
    mean = graph.qdq(graph.node("GlobalAveragePool", x), 0.004, -5)
    return graph.qdq(graph.node("Sum", mean, graph.conv(x, 4, outputs=4, pads=PADS)), *A)


def rows(graph: Graph) -> str:
    """Of fully connected layers, with a constant that joins the layer, and a function of the sum."""
    flat = graph.node("Flatten", graph.qdq(graph.node("GlobalAveragePool", graph.qdq("image", *X)), 0.003, 2))
    layer = graph.node("MatMul", flat, graph.quantized_constant(graph.weights(4, 4), 0.01))
    layer = graph.node("Add", layer, graph.constant([0.1, -0.2, 0.3, 0.05], np.float32))
    total = graph.qdq(graph.node("Add", layer, flat), 0.004, -11)
    return graph.qdq(graph.node("Sigmoid", total), 1 / 256, -128)


GRAPHS = (block, second_of_the_two, difference, with_one_value_per_channel, rows)


def built(build, tmp_path):
    graph = Graph(shape=(4, 8, 8))
    return graph, graph.save(tmp_path / "model.onnx", build(graph))


@pytest.mark.parametrize("build", GRAPHS)
def test_they_equal_onnx_runtime(build, tmp_path):
    graph, path = built(build, tmp_path)
    result = same_as_onnx_runtime(path, graph.images(), count=2)
    network = result.model.network
    (name,) = network.unrounded
    add = network.by_name[network.unrounded[name]]
    assert isinstance(add, Add) and result.model.tensors[name] == Quantization(result.model.scale(add.name), 0)


def test_the_integers_are_those_of_the_rule(tmp_path):
    _, path = built(block, tmp_path)
    model = import_onnx(path).model
    ((name, add),) = model.network.unrounded.items()
    conv, total = model.integers[name], model.integers[add]
    assert isinstance(conv, WeightedIntegers) and isinstance(total, AddIntegers)
    assert conv.clamp is None and conv.multiplier is not None
    s_x = model.scale(model.network.by_name[name].inputs[0])
    assert np.array_equal(conv.multiplier, np.float32(s_x * conv.weight_scale) / np.float32(0.05))
    assert (total.multipliers, total.shift) == ((1, round(float(np.float32(0.017) / np.float32(0.05)) * 2**16)), 16)


def test_onnx_runtime_is_one_step_off_now_and_then(tmp_path):
    """In single precision it rounds each sum several times; see the page for developers."""
    graph, path = built(block, tmp_path)
    images = graph.images(384)
    model = import_onnx(path).model
    inputs = quantise_images(images, image_quantization(model))
    last = model.network.outputs[0]
    found = golden.run(model, {model.network.inputs[0][0]: inputs})[last]
    quantization = model.quantization(last)
    real = np.concatenate([run(path, image[None], optimise=True) for image in images])
    steps = np.rint(real.astype(np.float64) / np.float64(quantization.scale)) + quantization.zero_point - found
    print(f"{np.count_nonzero(steps)} of {steps.size} outputs differ")
    assert steps.size == 98_304
    assert np.abs(steps).max() <= 1
    assert np.count_nonzero(steps) < 100


@pytest.mark.parametrize("build", GRAPHS[:-1])
def test_a_file_in_qdq_form_is_read_back(build, tmp_path):
    _, path = built(build, tmp_path)
    model = import_onnx(path).model
    write_qdq(model, tmp_path / "qdq.onnx")
    again = import_onnx(tmp_path / "qdq.onnx").model
    assert [node.op for node in again.network.nodes] == [node.op for node in model.network.nodes]
    adds = [[node.unrounded for node in m.network.nodes if isinstance(node, Add)] for m in (model, again)]
    assert adds[0] == adds[1]


def test_a_convolution_that_others_read_is_computed_for_each(tmp_path):
    graph = Graph(shape=(4, 8, 8))
    x = graph.qdq("image", *X)
    conv = graph.conv(x, 4, outputs=4, pads=PADS)
    total = graph.qdq(graph.node("Add", conv, graph.qdq(conv, *A)), *Y)
    result = same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", total), graph.images(), count=2)
    assert sum(isinstance(node, Conv) for node in result.model.network.nodes) == 2


def both(graph: Graph, x: str) -> str:
    left, right = (graph.conv(x, 4, outputs=4, pads=PADS, name=name) for name in ("left", "right"))
    return graph.node("Add", left, right, name="sum")


def limited(graph: Graph, x: str) -> str:
    left = graph.node("Relu", graph.conv(x, 4, outputs=4, pads=PADS), name="left")
    return graph.node("Add", left, x, name="sum")


def subtracted(graph: Graph, x: str) -> str:
    return graph.node("Sub", x, graph.conv(x, 4, outputs=4, pads=PADS, name="left"), name="sum")


def single_pixel(graph: Graph, x: str) -> str:
    mean = graph.qdq(graph.node("GlobalAveragePool", x), 0.004, -5)
    return graph.node("Add", graph.conv(mean, 4, outputs=4, side=1, name="left"), x, name="sum")


@pytest.mark.parametrize(
    "build, after", [(both, "right"), (limited, "left"), (subtracted, "left"), (single_pixel, "left")]
)
def test_others_must_be_rounded(build, after, tmp_path):
    graph = Graph(shape=(4, 8, 8))
    output = graph.qdq(build(graph, graph.qdq("image", *X)), *Y)
    with pytest.raises(UnsupportedModel) as caught:
        import_onnx(graph.save(tmp_path / "model.onnx", output))
    (problem,) = caught.value.problems
    assert (problem.node, problem.value) == ("sum", "not quantized")
    assert f"put QuantizeLinear and DequantizeLinear after {after}" in str(caught.value)
