"""Files of several outputs: every one of them is the network's and equals ONNX Runtime's."""

from pathlib import Path

import numpy as np

from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.evaluate.compare import Evaluated, compare_file, compare_reference
from tcugen.evaluate.emulate import emulate_all
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.graphs import Graph

X = (0.02, 3)


def evaluated(path: Path, images: np.ndarray) -> Evaluated:
    """The file on the emulator; asserts that ONNX Runtime has the same on the reference model and on the file."""
    model = import_onnx(path).model
    program = compile_network(model, Architecture(rows=4, columns=4, output_lanes=1))
    found = Evaluated(model, images, emulate_all(model, program, images), None)
    assert compare_reference(found, lambda _: None).equal == len(images)
    assert compare_file(path, found, lambda _: None).equal == len(images)
    return found


def test_a_tensor_on_the_way_is_an_output_too(tmp_path):
    graph = Graph(seed=1)
    first = graph.qdq(graph.node("Relu", graph.conv(graph.qdq("image", *X), 3, name="a")), 0.03, -128)
    last = graph.qdq(graph.conv(first, 4, name="b"), 0.04, 5)
    found = evaluated(graph.save(tmp_path / "model.onnx", [first, last]), graph.images())
    assert found.model.network.outputs == ("a", "b")
    assert all(len(np.unique(output)) > 6 for output in found.outputs.values())


def test_one_tensor_may_be_several_outputs(tmp_path):
    graph = Graph(seed=2)
    image = graph.qdq("image", *X)
    first = graph.qdq(graph.conv(image, 3, name="a"), 0.03, 5)
    outputs = [first, graph.node("Identity", first), image]
    found = evaluated(graph.save(tmp_path / "model.onnx", outputs), graph.images())
    assert found.model.network.outputs == ("a", "a.copy", "image.copy")
    assert np.array_equal(found.outputs["a"], found.outputs["a.copy"])


def test_sums_are_an_output_beside_what_they_are_rounded_to(tmp_path):
    graph = Graph(seed=3)
    sums = graph.node("Relu", graph.conv(graph.qdq("image", *X), 3, name="a"))
    last = graph.qdq(graph.conv(graph.qdq(sums, 0.03, -128), 4, name="b"), 0.04, 5)
    found = evaluated(graph.save(tmp_path / "model.onnx", [last, sums]), graph.images())
    assert [output.dtype for output in found.outputs.values()] == [np.int8, np.int32]


def test_limits_after_an_output_are_a_node_of_their_own(tmp_path):
    graph = Graph(seed=4)
    first = graph.qdq(graph.conv(graph.qdq("image", *X), 3, name="a"), 0.03, 5)
    outputs = [graph.node("Relu", first), first]
    found = evaluated(graph.save(tmp_path / "model.onnx", outputs), graph.images())
    assert len(found.model.network.nodes) == 2
