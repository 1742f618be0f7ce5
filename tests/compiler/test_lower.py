"""Tasks, refusals and layouts."""

import dataclasses

import numpy as np
import pytest

from tcugen.arch import Architecture
from tcugen.compiler import CompileError, compile_network, plan_network
from tcugen.compiler.layouts import choose_layouts
from tcugen.compiler.lower import lower
from tcugen.network.check import checked_network
from tcugen.network.graph import Shape
from tcugen.network.operators import Add, Conv, GlobalAveragePool, Linear, MaxPool, Requantise
from tcugen.network.resnets import bundled_network
from tcugen.synthetic.integers import synthesise
from tests.compiler.networks import NETWORKS, conv, network

ARCHITECTURE = Architecture()


def quantized(name):
    return synthesise(NETWORKS[name], seed=1)[0]


def with_integers(model, node, **changes):
    integers = {**model.integers, node: dataclasses.replace(model.integers[node], **changes)}
    return dataclasses.replace(model, integers=integers)


def test_fused_convolution_runs_last():
    tasks = lower(quantized("bottleneck"), ARCHITECTURE)
    assert [task.nodes for task in tasks] == [
        ("a",), ("p",), ("x",), ("y",), ("d",), ("z", "s"), ("x2",), ("z2", "s2")
    ]  # fmt: skip
    assert tasks[5].add.operand == "d"


def test_operand_order_of_a_fused_add():
    model = quantized("deep")
    task = next(task for task in lower(model, ARCHITECTURE) if task.name == "c")
    assert task.nodes == ("b", "c")
    assert (task.add.multiplier, task.add.residual_multiplier) == model.integers["c"].multipliers


def test_add_without_fusable_producer_passes_operand_a_through():
    task = next(task for task in lower(quantized("adds"), ARCHITECTURE) if task.name == "t")
    assert task.groups == 20 and (task.weight == 1).all() and (task.multiplier == 1).all()
    assert (task.bias == -task.zero_point).all() and task.clamp == (-128, 127)


def test_every_task_of_resnet20():
    model, _ = synthesise(bundled_network("resnet20"), seed=1)
    tasks = lower(model, ARCHITECTURE)
    assert sum(len(task.nodes) for task in tasks) == len(model.network.nodes)
    seen = {name for name, _ in model.network.inputs}
    for task in tasks:
        assert set(task.reads) <= seen
        seen.add(task.output)


@pytest.mark.parametrize("value", [0.0, 2.0**-41, 256.0, -0.5, np.inf, np.nan])
def test_multiplier_out_of_range(value):
    model = quantized("chain")
    multiplier = model.integers["b"].multiplier.copy()
    multiplier[7] = value
    with pytest.raises(CompileError, match=r"node 'b': multiplier .* of output channel 7 is outside"):
        compile_network(with_integers(model, "b", multiplier=multiplier), ARCHITECTURE)


def test_bias_that_overflows():
    model = quantized("chain")
    bias = model.integers["b"].bias.copy()
    bias[3] = 2**31 - 1
    with pytest.raises(CompileError, match=r"node 'b': the (folded bias|sum) of output channel 3 can reach"):
        compile_network(with_integers(model, "b", bias=bias), ARCHITECTURE)


def test_every_layer_that_overflows_is_named():
    model = quantized("chain")
    convolutions = [node.name for node in model.network.nodes if isinstance(node, Conv)][:2]
    for name in convolutions:
        model = with_integers(model, name, bias=np.full_like(model.integers[name].bias, 2**31 - 1))
    with pytest.raises(CompileError) as refused:
        compile_network(model, ARCHITECTURE)
    head, *lines = str(refused.value).splitlines()
    assert head == "2 nodes cannot be exact on this architecture:"
    for name, line in zip(convolutions, lines, strict=True):
        assert line.startswith(f"  node {name!r}: the ") and "must hold in 32 bits" in line


def test_accumulators_too_narrow():
    net = network("long", (4096, 1, 1), Linear("a", ("image",), 4))
    model, _ = synthesise(net, seed=1)
    weight = np.full_like(model.integers["a"].weight, -127)
    with pytest.raises(CompileError, match=r"node 'a': .* needs 27 accumulator bits, but accumulator_bits is 26"):
        compile_network(with_integers(model, "a", weight=weight), Architecture(accumulator_bits=26))
    compile_network(with_integers(model, "a", weight=weight), Architecture(accumulator_bits=27))


def test_add_ratio_out_of_range():
    model = quantized("deep")
    with pytest.raises(CompileError, match=r"node 'c': ratio 1 / 2\*\*24"):
        compile_network(with_integers(model, "c", multipliers=(1, 1 << 23), shift=24), ARCHITECTURE)


def test_thin_layouts():
    net = NETWORKS["thin"]
    layouts = choose_layouts(net.inputs, lower(quantized("thin"), ARCHITECTURE), ARCHITECTURE)
    assert [layouts[name].pixel_bytes for name in ("image", "a", "b", "c")] == [5, 8, 4, 16]
    assert layouts["image"].row_bytes == 72


@pytest.mark.parametrize("reader", [
    MaxPool("r", ("a",), kernel=(2, 2), stride=(1, 1)),
    GlobalAveragePool("r", ("a",)),
    conv("r", "a", 6, groups=6),
    Requantise("r", ("a",)),
    Add("r", ("a", "image")),
])  # fmt: skip
def test_only_plain_convolutions_read_thin_tensors(reader):
    nodes = (conv("a", "image", 6), conv("b", "a", 4), reader)
    net = checked_network("reader", (("image", Shape(6, 8, 8)),), nodes, extract=True)
    model, _ = synthesise(net, seed=1)
    plan = plan_network(model, ARCHITECTURE)
    assert plan.layouts["a"].pixel_bytes == 16
