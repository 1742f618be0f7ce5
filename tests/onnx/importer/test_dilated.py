"""Convolutions and max-pools with dilations, as ONNX Runtime computes them."""

import numpy as np
import pytest

from tcugen.model.problems import UnsupportedModel
from tcugen.network.operators import Conv, MaxPool
from tcugen.onnx.importer.onnx_model import import_onnx
from tcugen.onnx.qdq import write_qdq
from tcugen.synthetic.integers import synthesise
from tests.compiler.dilated_pools import DILATED_POOLS
from tests.onnx.importer.conftest import same_as_onnx_runtime
from tests.onnx.importer.graphs import Graph
from tests.typed import typed


@pytest.mark.parametrize(
    "attributes",
    [
        {"dilations": [2, 2], "pads": [2, 2, 2, 2]},
        {"dilations": [3, 1], "strides": [2, 1]},
        {"dilations": [1, 2], "pads": [0, 2, 1, 0], "group": 4},
        {"dilations": [2, 3], "auto_pad": "VALID"},
    ],
)
@pytest.mark.parametrize("operator_form", [False, True])
def test_equal_to_onnx_runtime(tmp_path, attributes, operator_form):
    graph = Graph(shape=(4, 12, 12))
    if operator_form:
        weight = graph.constant(graph.weights(8, 4 // attributes.get("group", 1), 3, 3))
        x = graph.quantize("image", 0.02, 3), *graph.scale_and_zero(0.02, 3)
        inputs = *x, weight, *graph.scale_and_zero(0.002, 0), *graph.scale_and_zero(0.05, -7)
        output = graph.dequantize(graph.node("QLinearConv", *inputs, **attributes), 0.05, -7)
    else:
        output = graph.qdq(graph.conv(graph.qdq("image", 0.02, 3), 4, outputs=8, **attributes), 0.05, -7)
    result = same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", output), graph.images())
    assert typed(Conv, result.model.network.nodes[0]).dilation == tuple(attributes["dilations"])


@pytest.mark.parametrize("attributes", [
    {"kernel_shape": [2, 2], "dilations": [2, 2]},
    {"kernel_shape": [3, 3], "dilations": [2, 3], "pads": [2, 2, 1, 0], "strides": [2, 1]},
    {"kernel_shape": [3, 2], "dilations": [3, 1], "pads": [0, 1, 2, 0], "strides": [1, 2]},
    {"kernel_shape": [2, 3], "dilations": [2, 2], "strides": [3, 2], "ceil_mode": 1},
    {"kernel_shape": [3, 3], "dilations": [2, 2], "auto_pad": "VALID"},
])  # fmt: skip
@pytest.mark.parametrize("form", ["reals", "integers", "border"])
def test_max_pools_are_equal_to_onnx_runtime(tmp_path, attributes, form):
    graph = Graph(shape=(4, 12, 13))
    x = graph.qdq("image", 0.02, 3) if form != "integers" else graph.quantize("image", 0.02, 3)
    if form == "border":
        # Zeros around what is never negative are padding of the pool.
        x = graph.node("Relu", graph.conv(x, 4, outputs=5))
        x = graph.node("Pad", x, graph.constant([0, 0, 1, 0, 0, 0, 1, 0], np.int64))
    x = graph.node("MaxPool", x, name="pool", **attributes)
    output = graph.dequantize(x, 0.02, 3) if form == "integers" else graph.qdq(x, 0.02, 3)
    result = same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", output), graph.images())
    pools = [node for node in result.model.network.nodes if isinstance(node, MaxPool)]
    assert [pool.name for pool in pools] == (["pool.rows", "pool"] if attributes["dilations"][1] > 1 else ["pool"])
    assert {result.report.origins[pool.name] for pool in pools} == {"pool"}


def test_names_of_steps_are_nobody_elses(tmp_path):
    graph = Graph(shape=(4, 12, 13))
    x = graph.qdq("image", 0.02, 3)
    for name in ("pool.rows", "pool", "/pool/MaxPool"):
        x = graph.node("MaxPool", x, name=name, kernel_shape=[2, 2], dilations=[2, 2])
    result = same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", graph.qdq(x, 0.02, 3)), graph.images())
    names = [node.name for node in result.model.network.nodes]
    assert names == ["pool.rows.rows", "pool.rows", "pool_2.rows", "pool_2", "pool_3.rows", "pool_3"]


@pytest.mark.parametrize("value", [-np.inf, np.finfo(np.float32).min])
def test_what_no_maximum_takes_is_padding_of_the_pool(value, tmp_path):
    """Other tools' way to pad a pool, and ours where ONNX Runtime refuses the padding of a dilated one."""
    graph = Graph(shape=(4, 12, 13))
    x = graph.node("Relu", graph.conv(graph.qdq("image", 0.02, 3), 4, outputs=5))
    for pads in ([0, 0, 1, 3, 0, 0, 3, 1], [0, 0, 2, 0, 0, 0, 0, 0]):
        x = graph.node("Pad", x, graph.constant(pads, np.int64), graph.constant(value, np.float32))
    x = graph.node("MaxPool", x, name="pool", kernel_shape=[3, 3], dilations=[3, 3], pads=[0, 0, 0, 2])
    result = same_as_onnx_runtime(graph.save(tmp_path / "model.onnx", graph.qdq(x, 0.02, 3)), graph.images())
    assert [node.op for node in result.model.network.nodes] == ["conv", "max_pool", "max_pool"]
    rows, columns = (typed(MaxPool, node) for node in result.model.network.nodes[1:])
    assert rows.padding == (3, 0, 3, 0) and columns.padding == (0, 3, 0, 3)


@pytest.mark.parametrize("follow", [lambda g, x: x, lambda g, x: g.node("DepthToSpace", x, blocksize=2)])
def test_nothing_else_leaves_it_out(follow, tmp_path):
    graph = Graph(shape=(4, 12, 13))
    x = graph.conv(graph.qdq("image", 0.02, 3), 4, outputs=4)
    pads, lowest = graph.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), graph.constant(-np.inf, np.float32)
    path = graph.save(tmp_path / "model.onnx", graph.qdq(follow(graph, graph.node("Pad", x, pads, lowest)), 0.02, 3))
    with pytest.raises(UnsupportedModel, match="value = -inf; only in front of a MaxPool, which leaves it out: use 0"):
        import_onnx(path)


def test_our_own_file_in_floating_point_is_the_same_network_again(tmp_path):
    model, _ = synthesise(DILATED_POOLS["more_padding_than_kernel"], 3)
    write_qdq(model, tmp_path / "net.onnx")
    read = import_onnx(tmp_path / "net.onnx").model.network.nodes
    windows = [
        [(pool.kernel, pool.stride, pool.padding, pool.dilation) for pool in (typed(MaxPool, node) for node in nodes)]
        for nodes in (read, model.network.nodes)
    ]
    assert len(read) == 2 and windows[0] == windows[1]
