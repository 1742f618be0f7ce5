"""Files whose nodes are in any order, and files of old versions, as ONNX Runtime takes them."""

import numpy as np
import onnx
import pytest

from tcugen.model.errors import ModelError
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.conftest import integers, reals
from tests.onnx.importer.graphs import Graph, run

X, Y = (0.02, 3), (0.05, -7)


def residual(graph):
    x = graph.qdq("image", *X)
    left = graph.qdq(graph.conv(x, 3, outputs=3, pads=[1, 1, 1, 1], name="left"), 0.03, 5)
    return graph.qdq(graph.node("Relu", graph.node("Add", left, x)), *Y)


@pytest.mark.parametrize("order", [lambda n: range(n - 1, -1, -1), lambda n: np.random.default_rng(3).permutation(n)])
def test_any_order_is_the_same_network(tmp_path, order):
    graph = Graph()
    output = residual(graph)
    sorted_path = graph.save(tmp_path / "sorted.onnx", output)
    graph.nodes = [graph.nodes[index] for index in order(len(graph.nodes))]
    path, images = graph.save(tmp_path / "model.onnx", output), graph.images()
    ours, expected = import_onnx(path).model, import_onnx(sorted_path).model
    assert ours.network.nodes == expected.network.nodes
    assert np.array_equal(integers(ours, images), integers(expected, images))
    assert np.array_equal(run(path, images), run(sorted_path, images))


def test_a_sorted_file_keeps_its_order(tmp_path):
    graph = Graph()
    output = residual(graph)
    names = [node.name for node in graph.nodes]
    from tcugen.onnx.importer.node_order import sort_nodes

    proto = graph.model(output).graph
    sort_nodes(proto)
    assert [node.name for node in proto.node] == names


def test_a_cycle_is_one_message(tmp_path):
    graph = Graph()
    x = graph.qdq("image", *X)
    total = graph.node("Add", x, "later")
    later = graph.qdq(total, *Y)
    graph.nodes[-1].output[0] = "later"
    assert later
    with pytest.raises(ModelError, match="is damaged or no valid ONNX"):
        import_onnx(graph.save(tmp_path / "model.onnx", "later"))


def test_a_node_after_what_its_subgraph_reads(tmp_path):
    """Names that only a branch reads count as read."""
    from tcugen.onnx.importer.node_order import sort_nodes

    value = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    branch = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["made"], ["y"])], "branch", [], [value])
    choice = onnx.helper.make_node("If", ["condition"], ["z"], then_branch=branch, else_branch=branch)
    maker = onnx.helper.make_node("Relu", ["image"], ["made"])
    proto = onnx.helper.make_graph([choice, maker], "graph", [], [])
    sort_nodes(proto)
    assert [node.op_type for node in proto.node] == ["Relu", "If"]


@pytest.mark.parametrize("among_inputs", [True, False], ids=["among the inputs", "not among the inputs"])
def test_ir_version_3(tmp_path, among_inputs):
    graph = Graph(opset=13)
    proto = graph.model(residual(graph))
    proto.ir_version = 3
    if among_inputs:
        for tensor in proto.graph.initializer:
            proto.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    path, images = tmp_path / "model.onnx", graph.images()
    path.write_bytes(proto.SerializeToString())
    want, got = run(path, images), reals(import_onnx(path).model, images)
    assert np.count_nonzero(np.abs(got - want) > Y[0] / 2) <= 2
