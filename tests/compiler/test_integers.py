"""The integers of tasks, and what is refused."""

import dataclasses

import numpy as np
import pytest

from tcugen.arch import Architecture
from tcugen.compiler import CompileError, compile_network
from tcugen.compiler.integers import integers_of
from tcugen.mapping.tasks import tasks_of
from tcugen.model.integers import AddIntegers
from tcugen.network.operators import Conv, Linear
from tcugen.synthetic.integers import synthesise
from tests.compiler.networks import NETWORKS, network
from tests.typed import present, typed, weighted

ARCHITECTURE = Architecture()


def quantized(name):
    return synthesise(NETWORKS[name], seed=1)[0]


def with_integers(model, node, **changes):
    integers = {**model.integers, node: dataclasses.replace(model.integers[node], **changes)}
    return dataclasses.replace(model, integers=integers)


def integers_by_task(model):
    tasks = tasks_of(model.network)
    return dict(zip((task.name for task in tasks), integers_of(model, tasks, ARCHITECTURE), strict=True))


def test_operand_order_of_a_fused_add():
    model = quantized("deep")
    residual = present(present(integers_by_task(model)["c"]).residual)
    assert (residual.multiplier, residual.residual_multiplier) == typed(AddIntegers, model.integers["c"]).multipliers


def test_add_without_fusable_producer_passes_operand_a_through():
    numbers = present(integers_by_task(quantized("adds"))["t"])
    weight, multiplier = present(numbers.weight), present(numbers.multiplier)
    assert len(weight) == 20 and (weight == 1).all() and (multiplier == 1).all()
    assert (numbers.bias == -numbers.zero_point).all() and numbers.clamp == (-128, 127)


@pytest.mark.parametrize("value", [0.0, 2.0**-41, 256.0, -0.5, np.inf, np.nan])
def test_multiplier_out_of_range(value):
    model = quantized("chain")
    multiplier = present(weighted(model, "b").multiplier).copy()
    multiplier[7] = value
    with pytest.raises(CompileError, match=r"node 'b': multiplier .* of output channel 7 is outside"):
        compile_network(with_integers(model, "b", multiplier=multiplier), ARCHITECTURE)


def test_bias_that_overflows():
    model = quantized("chain")
    bias = weighted(model, "b").bias.copy()
    bias[3] = 2**31 - 1
    with pytest.raises(CompileError, match=r"node 'b': the (folded bias|sum) of output channel 3 can reach"):
        compile_network(with_integers(model, "b", bias=bias), ARCHITECTURE)


def test_every_layer_that_overflows_is_named():
    model = quantized("chain")
    convolutions = [node.name for node in model.network.nodes if isinstance(node, Conv)][:2]
    for name in convolutions:
        model = with_integers(model, name, bias=np.full_like(weighted(model, name).bias, 2**31 - 1))
    with pytest.raises(CompileError) as refused:
        compile_network(model, ARCHITECTURE)
    head, *lines = str(refused.value).splitlines()
    assert head == "2 nodes cannot be exact on this architecture:"
    for name, line in zip(convolutions, lines, strict=True):
        assert line.startswith(f"  node {name!r}: the ") and "must hold in 32 bits" in line


def test_accumulators_too_narrow():
    net = network("long", (4096, 1, 1), Linear("a", ("image",), 4))
    model, _ = synthesise(net, seed=1)
    weight = np.full_like(weighted(model, "a").weight, -127)
    with pytest.raises(CompileError, match=r"node 'a': .* needs 27 accumulator bits, but accumulator_bits is 26"):
        compile_network(with_integers(model, "a", weight=weight), Architecture(accumulator_bits=26))
    compile_network(with_integers(model, "a", weight=weight), Architecture(accumulator_bits=27))


def test_add_ratio_out_of_range():
    model = quantized("deep")
    with pytest.raises(CompileError, match=r"node 'c': ratio 1 / 2\*\*24"):
        compile_network(with_integers(model, "c", multipliers=(1, 1 << 23), shift=24), ARCHITECTURE)
