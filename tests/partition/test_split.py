"""Which nodes go where, and that the parts in turns are the whole file: in ONNX Runtime to the last bit."""

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tcugen.model.errors import ModelError
from tcugen.onnx.importer.onnx_file import read_graph
from tcugen.onnx.untyped import open_session
from tcugen.partition.file_graph import file_graph
from tcugen.partition.parts import Partition
from tcugen.partition.split import split
from tcugen.partition.submodel import submodel
from tests.onnx.importer.graphs import CONTRIB, Graph
from tests.partition.models import X, Y, Z, in_the_middle, layer, normalised


def shown(partition: Partition) -> list[tuple[str, tuple[str, ...]]]:
    """Where each part runs and the nodes in it that are no roundings."""
    roundings = ("QuantizeLinear", "DequantizeLinear")
    return [
        ("unit" if part.imported else "host", tuple(name for name in part.nodes if not name.startswith(roundings)))
        for part in partition.parts
    ]


def check_parts(path, partition: Partition, images: np.ndarray) -> None:
    """Runs the file's own nodes part by part and as they are, and compares every output bit by bit."""
    graph = file_graph(read_graph(path))
    tensors = {partition.image: images[:1]}
    for part in partition.parts:
        proto = submodel(graph, part.name, part.inputs, part.outputs)
        session = open_session(proto.SerializeToString())
        inputs = {name: tensors[name] for name in part.inputs}
        tensors |= zip(part.outputs, session.run(list(part.outputs), inputs), strict=True)
    whole = open_session(path).run(list(partition.outputs), {partition.image: images[:1]})
    for name, want in zip(partition.outputs, whole, strict=True):
        assert tensors[name].dtype == want.dtype and np.array_equal(tensors[name], want)


@pytest.fixture
def parts(tmp_path):
    """Splits a graph, checks that its parts are the whole, and shows them."""

    def run(graph, output):
        path = graph.save(tmp_path / "model.onnx", output)
        partition = split(path)
        check_parts(path, partition, graph.images(1))
        return partition

    return run


def test_in_the_middle_and_at_the_tail(tmp_path):
    path = in_the_middle(tmp_path)
    partition = split(path)
    check_parts(path, partition, Graph().images(1))
    assert shown(partition) == [
        ("unit", ("first",)),
        ("host", ("norm",)),
        ("unit", ("second", "Flatten_13", "classes")),
        ("host", ("soft",)),
    ]
    assert list(partition.reasons) == ["norm", "soft"]
    assert partition.reasons["norm"].startswith("norm (LpNormalization): operator = LpNormalization; ")
    assert partition.host_share == 0
    assert [part.multiplications for part in partition.parts] == [972, 0, 164, 0]
    crossing = {name: partition.forms[name].type for part in partition.parts[:2] for name in part.outputs}
    assert set(crossing.values()) == {"tensor(int8)"}


def test_at_the_head(parts):
    graph = Graph()
    x = layer(graph, graph.qdq(normalised(graph, "image"), *Z), 3, "conv")
    partition = parts(graph, x)
    assert shown(partition) == [("host", ("norm",)), ("unit", ("conv",))]
    assert partition.forms[partition.parts[1].inputs[0]].type == "tensor(int8)"


def test_two_in_a_row(parts):
    graph = Graph()
    x = layer(graph, graph.qdq("image", *X), 3, "first")
    x = graph.qdq(normalised(graph, x, "one"), *Z)
    x = graph.qdq(normalised(graph, x, "two"), *Z)
    partition = parts(graph, layer(graph, x, 4, "second"))
    assert shown(partition) == [("unit", ("first",)), ("host", ("one", "two")), ("unit", ("second",))]


def test_what_does_not_multiply_stays_between_nodes_of_the_host(parts):
    graph = Graph()
    x = layer(graph, graph.qdq("image", *X), 3, "first")
    x = graph.qdq(normalised(graph, x, "one"), *Z)
    x = graph.qdq(graph.node("MaxPool", x, kernel_shape=[2, 2], name="pool"), *Z)
    x = graph.qdq(normalised(graph, x, "two"), *Z)
    partition = parts(graph, layer(graph, x, 4, "second"))
    assert shown(partition) == [("unit", ("first",)), ("host", ("one", "pool", "two")), ("unit", ("second",))]
    assert list(partition.reasons) == ["one", "two"]


def test_a_tensor_that_passes_the_host_by(parts):
    """The sum has two operands, one from the unit and one from the host; it joins them on the host."""
    graph = Graph()
    x = layer(graph, graph.qdq("image", *X), 3, "first")
    y = graph.qdq(normalised(graph, x), *Z)
    z = layer(graph, graph.qdq(graph.node("Add", x, y, name="sum"), *Y), 4, "second")
    partition = parts(graph, z)
    assert shown(partition) == [("unit", ("first",)), ("host", ("norm", "sum")), ("unit", ("second",))]
    assert partition.reasons["sum"].startswith("sum (Add): inputs = of 2 tensors from other parts")


def test_paths_beside_each_other(parts):
    """One path is the unit's alone, the other goes over the host and back."""
    graph = Graph()
    x = layer(graph, graph.qdq("image", *X), 3, "first")
    left = layer(graph, x, 4, "left")
    right = layer(graph, graph.qdq(normalised(graph, x), *Z), 4, "right")
    joined = graph.qdq(graph.node("Concat", left, right, axis=1, name="joined"), *Y)
    partition = parts(graph, layer(graph, joined, 8, "last", outputs=5))
    assert shown(partition) == [
        ("unit", ("first", "left")),
        ("host", ("norm",)),
        ("unit", ("right",)),
        ("host", ("joined",)),
        ("unit", ("last",)),
    ]
    assert len(partition.parts[0].outputs) == 2


def test_several_heads_for_one_tail(parts):
    """What detectors look like: two heads of the unit, joined by what only the host has."""
    graph = Graph()
    x = layer(graph, graph.qdq("image", *X), 3, "trunk")
    boxes, scores = layer(graph, x, 4, "boxes"), layer(graph, x, 4, "scores")
    soft = graph.node("Softmax", scores, name="soft")
    result = graph.node("Mul", boxes, soft, name="weighted")
    partition = parts(graph, [result, soft])
    assert shown(partition) == [("unit", ("trunk", "boxes", "scores")), ("host", ("soft", "weighted"))]
    assert len(partition.parts[0].outputs) == 2 and partition.outputs == (result, soft)


def test_outputs_on_the_way(parts):
    graph = Graph()
    x = layer(graph, graph.qdq("image", *X), 3, "first")
    y = normalised(graph, x)
    z = layer(graph, graph.qdq(y, *Z), 4, "second")
    partition = parts(graph, [x, z, y])
    assert shown(partition) == [("unit", ("first",)), ("host", ("norm",)), ("unit", ("second",))]
    assert partition.outputs == (x, z, y)


def test_sums_that_nothing_rounds_leave_as_reals(parts):
    graph = Graph()
    x = graph.conv(graph.qdq("image", *X), 3, name="conv")
    partition = parts(graph, graph.node("Softmax", graph.node("Flatten", x), name="soft"))
    assert shown(partition) == [("unit", ("conv", "Flatten_4")), ("host", ("soft",))]
    model = partition.parts[0].imported.model
    assert model.tensors[model.network.outputs[0]] is None


def test_a_shape_is_no_reason_to_carry_a_tensor(parts):
    """The Reshape on the host takes its sizes from a tensor of the unit's."""
    graph = Graph()
    x = layer(graph, graph.qdq("image", *X), 3, "first")
    batch = graph.node("Gather", graph.node("Shape", x), graph.constant(0, np.int64), axis=0)
    sizes = graph.node(
        "Concat",
        graph.node("Unsqueeze", batch, graph.constant([0], np.int64)),
        graph.constant([-1], np.int64),
        axis=0,
    )
    y = layer(graph, x, 4, "second")
    flat = graph.node("Reshape", normalised(graph, y), sizes, name="flat")
    partition = parts(graph, flat)
    assert shown(partition) == [("unit", ("first", "second")), ("host", ("norm", "flat"))]
    assert len(partition.parts[0].outputs) == 1


def test_the_operator_form(parts):
    graph = Graph()
    pair = graph.scale_and_zero(*X)

    def conv(x, channels, name):
        weight = (graph.constant(graph.weights(4, channels, 3, 3)), *graph.scale_and_zero(0.01, 0))
        return graph.node("QLinearConv", x, *pair, *weight, *pair, name=name)

    x = conv(graph.quantize("image", *X), 3, "first")
    soft = graph.node("QLinearSoftmax", x, *pair, *pair, domain=CONTRIB, opset=13, axis=1, name="soft")
    y = conv(soft, 4, "second")
    partition = parts(graph, graph.dequantize(y, *X))
    assert shown(partition) == [("unit", ("first",)), ("host", ("soft",)), ("unit", ("second",))]


def test_unsigned_tensors_between_parts(parts):
    graph = Graph()
    x = graph.qdq("image", *X)
    x = graph.qdq(graph.conv(x, 3, name="first"), 0.05, 120, np.uint8)
    x = graph.qdq(normalised(graph, x), 0.01, 128, np.uint8)
    partition = parts(graph, graph.qdq(graph.conv(x, 4, name="second"), *Y))
    assert shown(partition) == [("unit", ("first",)), ("host", ("norm",)), ("unit", ("second",))]
    assert partition.forms[partition.parts[1].outputs[0]].type == "tensor(uint8)"


def test_a_layer_whose_weights_are_refused(parts):
    """The weights reach beyond int8; the layer is on the host, and so is the share of its multiplications."""
    graph = Graph()
    x = layer(graph, graph.qdq("image", *X), 3, "first")
    weight = np.full((4, 4, 3, 3), 255, np.uint8)
    wide = graph.node("Conv", x, graph.quantized_constant(weight, np.full(4, 0.002)), name="wide")
    partition = parts(graph, layer(graph, graph.qdq(wide, *Y), 4, "last", side=1))
    assert shown(partition) == [("unit", ("first",)), ("host", ("wide",)), ("unit", ("last",))]
    assert partition.host_share == pytest.approx(144 * 16 / (108 * 36 + 144 * 16 + 16 * 16))


def test_dimensions_that_the_unit_does_not_have(parts):
    """Three dimensions between two layers: what reads them stays on the host."""
    graph = Graph(shape=(3, 6, 6))
    x = layer(graph, graph.qdq("image", *X), 3, "first")
    x = normalised(graph, graph.node("Reshape", x, graph.constant([1, 4, 16], np.int64), name="three"))
    x = graph.qdq(x, *Z)
    weight = graph.quantized_constant(graph.weights(16, 5), 0.01)
    x = graph.node("MatMul", x, weight, name="rows")
    partition = parts(graph, graph.qdq(x, *Y))
    assert shown(partition)[0][0] == "unit" and "first" in shown(partition)[0][1]
    assert "rows" in shown(partition)[-1][1] and shown(partition)[-1][0] == "host"
    assert 0 < partition.host_share < 1


def test_a_branch_in_a_subgraph_reads_what_it_needs(tmp_path):
    """A node that reads a tensor only within its subgraph gets it."""
    from onnx import TensorProto, helper

    graph = Graph()
    x = layer(graph, graph.qdq("image", *X), 3, "first")
    largest = graph.node("ReduceMax", x, keepdims=0, name="largest")
    positive = graph.node("Greater", largest, graph.constant(0.0, np.float32), name="positive")
    value = helper.make_tensor_value_info

    def branch(op, output):
        node = helper.make_node(op, [x], [output], name=f"{output}_node")
        return helper.make_graph([node], output, [], [value(output, TensorProto.FLOAT, None)])

    y = graph.node("If", positive, then_branch=branch("Abs", "a"), else_branch=branch("Neg", "b"), name="choice")
    path = graph.save(tmp_path / "model.onnx", y)
    partition = split(path)
    check_parts(path, partition, graph.images(1))
    assert shown(partition) == [("unit", ("first",)), ("host", ("largest", "positive", "choice"))]


def test_a_model_that_the_unit_takes_whole_is_one_part(parts):
    graph = Graph()
    partition = parts(graph, layer(graph, graph.qdq("image", *X), 3, "first"))
    assert shown(partition) == [("unit", ("first",))]
    assert partition.reasons == {} and partition.host_share == 0


def test_a_model_that_the_unit_refuses_whole(tmp_path):
    graph = Graph()
    x = graph.qdq(normalised(graph, graph.qdq("image", *X)), *Z)
    path = graph.save(tmp_path / "model.onnx", graph.node("Softmax", x, name="soft"))
    with pytest.raises(ModelError, match="nothing that multiplies can run on the unit") as caught:
        split(path)
    assert [line.split()[0] for line in str(caught.value).splitlines()[1:]] == ["norm", "soft"]


def test_a_float_model_is_no_matter_of_parts(tmp_path):
    graph = Graph()
    weight = graph.constant(np.ones((4, 3, 1, 1)), np.float32)
    path = graph.save(tmp_path / "model.onnx", graph.node("Conv", "image", weight))
    with pytest.raises(ModelError, match="is a float model"):
        split(path)
