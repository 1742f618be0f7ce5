"""Files that are no quantized model of one image: one message with path, value, rule and remedy."""

import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tcugen.model.errors import ModelError
from tcugen.network.operators import Conv, activation_of
from tcugen.onnx.importer.onnx_model import import_onnx
from tests.onnx.importer.graphs import Graph


def good(graph=None):
    graph = graph or Graph()
    return graph, graph.qdq(graph.conv(graph.qdq("image", 0.02, 3), 3), 0.05, -7)


def refused(path, message):
    with pytest.raises(ModelError, match=message) as caught:
        import_onnx(path)
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    refused(tmp_path / "nowhere.onnx", "cannot be read .*No such file.*give the path")
    refused(tmp_path, "cannot be read .*Is a directory")


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"hello, world\n" * 20, bytes(range(256)) * 8, b"PK\3\4junk"])
def test_a_file_that_is_no_onnx(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    refused(path, r"no ONNX|holds no ONNX graph|no valid ONNX")


def test_a_truncated_file(tmp_path):
    path = tmp_path / "model.onnx"
    whole = good()[0].model(good()[1]).SerializeToString()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        refused(path, "export|copy|damaged|must have one input and at least one output|no graph")


def test_a_damaged_file_never_ends_in_a_traceback(tmp_path):
    """Any message will do, and a model that is still sound may be read."""
    path = tmp_path / "model.onnx"
    whole = np.frombuffer(good()[0].model(good()[1]).SerializeToString(), np.uint8)
    rng = np.random.default_rng(1)
    outcomes = set()
    for _ in range(400):
        damaged = whole.copy()
        damaged[rng.integers(0, len(whole), 3)] = rng.integers(0, 256, 3, dtype=np.uint8)
        path.write_bytes(damaged.tobytes())
        try:
            import_onnx(path)
            outcomes.add("read")
        except ModelError as error:
            assert str(path) in str(error)
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_a_float_model(tmp_path):
    graph = Graph()
    weight = graph.constant(graph.rng.normal(0, 1, (4, 3, 3, 3)), np.float32)
    path = graph.save(tmp_path / "model.onnx", graph.node("Relu", graph.node("Conv", "image", weight)))
    refused(path, "is a float model, none of its 2 nodes is quantized, .*quantize it first")


@pytest.mark.parametrize("shape", [("c", 8, 8), (3, "h", 8), (3, 8, None), (3, 0, 8)])
def test_dynamic_shapes(tmp_path, shape):
    graph, output = good(Graph((3, 8, 8)))
    graph.image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, *shape])
    refused(graph.save(tmp_path / "model.onnx", output), "dynamic dimensions, .*make_dynamic_shape_fixed")


def test_a_symbolic_batch_becomes_one(imported):
    for batch in ("N", None, 0):
        result = imported(*good(Graph(batch=batch)))
        assert re.match("the symbolic batch dimension '.*' of 'image' was set to 1", result.report.notes[0])
    assert imported(*good()).report.notes == ()


def test_a_batch_above_one(tmp_path):
    graph, output = good(Graph(batch=4))
    refused(graph.save(tmp_path / "model.onnx", output), "batch of 4, but images run one by one; export")


def test_other_ranks_and_types_of_input(tmp_path):
    graph, output = good()
    graph.image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8])
    refused(graph.save(tmp_path / "model.onnx", output), r"has 3 dimensions, but must be \(1, channels")
    graph.image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 3, 8, 8])
    refused(graph.save(tmp_path / "model.onnx", output), "holds integers already: put DequantizeLinear there")
    graph.image = helper.make_tensor_value_info("image", TensorProto.INT32, [1, 3, 8, 8])
    refused(graph.save(tmp_path / "model.onnx", output), "is int32, but must be float32 with a QuantizeLinear")


def test_an_image_that_no_layer_config_could_have(tmp_path):
    graph, output = good()
    model = graph.model(output)
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 1 << 40
    onnx.save(model, tmp_path / "model.onnx")
    refused(tmp_path / "model.onnx", "the shape 3x1099511627776x8, but channels, height and width are at most 65535")


def test_several_inputs_or_outputs(tmp_path):
    graph, output = good()
    model = graph.model(output)
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 3, 8, 8]))
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    refused(path, r"inputs \['image', 'mask'\] .*must have one input and at least one output; extract")


def test_constants_listed_as_inputs_are_none(tmp_path):
    """As files of old versions have them."""
    graph, output = good()
    model = graph.model(output)
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    onnx.save(model, tmp_path / "model.onnx")
    assert import_onnx(tmp_path / "model.onnx").model.network.inputs[0][0] == "image"


def test_external_data_that_is_missing(tmp_path):
    graph, output = good()
    path = tmp_path / "model.onnx"
    onnx.save(graph.model(output), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert isinstance(import_onnx(path).model.network.nodes[0], Conv)
    (tmp_path / "weights.bin").unlink()
    refused(path, "weights.bin")


def test_functions_of_the_file_are_looked_into(tmp_path):
    graph, output = good()
    model = graph.model(output)
    body = [helper.make_node("Relu", ["x"], ["y"])]
    opset = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("local", "Activation", ["x"], ["y"], body, opset))
    model.opset_import.append(helper.make_opsetid("local", 1))
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    call = helper.make_node("Activation", [conv.output[0]], ["active"], domain="local", name="call")
    index = list(model.graph.node).index(conv)
    model.graph.node[index + 1].input[0] = "active"
    model.graph.node.insert(index + 1, call)
    onnx.save(model, tmp_path / "model.onnx")
    assert activation_of(import_onnx(tmp_path / "model.onnx").model.network.nodes[0]) == "relu"


GROWING = {
    "ConstantOfShape": lambda g: g.node("ConstantOfShape", g.constant([1 << 40], np.int64)),
    "Expand": lambda g: g.node("Expand", g.constant(np.ones(1 << 10)), g.constant([1 << 30, 1 << 10], np.int64)),
    "Tile": lambda g: g.node("Tile", g.constant(np.ones(1 << 10)), g.constant([1 << 30], np.int64)),
    "Pad": lambda g: g.node("Pad", g.constant(np.ones(4)), g.constant([0, 1 << 40], np.int64)),
    "Range": lambda g: g.node("Range", *(g.constant(value, np.int64) for value in (0, 1 << 40, 1))),
    "Add": lambda g: g.node("Add", g.constant(np.ones((1 << 16, 1))), g.constant(np.ones((1, 1 << 16)))),
}


@pytest.mark.parametrize("op", GROWING)
def test_constants_that_grow_without_bound_are_refused_before_they_are_made(tmp_path, op):
    graph = Graph()
    grown = GROWING[op](graph)
    output = graph.qdq(graph.node("Add", graph.qdq("image", 0.02, 3), grown), 0.05)
    path = graph.save(tmp_path / "model.onnx", output)
    message = refused(path, r"result = [\d,]+ elements; no network needs so many")
    assert f"({op})" in message


def test_many_constants_may_not_grow_together_either(tmp_path):
    graph = Graph()
    grown = graph.constant(np.ones((1, 1 << 10), np.float32))
    for _ in range(40):
        grown = graph.node("Concat", grown, grown, axis=0)
    output = graph.qdq(graph.node("Add", graph.qdq("image", 0.02, 3), grown), 0.05)
    path = graph.save(tmp_path / "model.onnx", output)
    assert "(Concat): result = 16,777,216 elements" in refused(path, "no network needs so many")
