"""Constants in sums and products, padding of its own, chains of functions and shuffles, in modules."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tcugen.network.operators import AveragePool, Conv, MaxPool, Table
from tcugen.quantize.choose import choose
from tcugen.quantize.float_network import output_of
from tests.quantize.modules import images
from tests.quantize.test_export import assert_same, of


def conv(**more: nn.Module) -> dict[str, Any]:
    return {"conv": nn.Conv2d(3, 8, 3), **more}


AFFINE = {
    "term": lambda m, x: m.conv(x) + 1.5,
    "factor": lambda m, x: 2 * m.conv(x),
    "difference": lambda m, x: 3 - m.conv(x),
    "quotient": lambda m, x: m.conv(x) / 4,
    "one per channel": lambda m, x: m.conv(x) * m.conv.bias.reshape(8, 1, 1) - m.conv.bias.reshape(1, 8, 1, 1),
    "constant first": lambda m, x: m.conv.bias.reshape(8, 1, 1) - m.conv(x),
    "with alpha": lambda m, x: torch.add(m.conv(x), 2.0, alpha=3),
    "computed weights": lambda m, x: functional.conv2d(x, m.conv.weight * 2, m.conv.bias),
}


@pytest.mark.parametrize("function", AFFINE)
def test_constants_join_the_convolution_in_front(function):
    module, model = of(AFFINE[function], **conv())
    assert_same(module, model)
    assert [node.op for node in model.network.nodes] == ["conv"]


def test_constants_on_something_else_are_a_convolution_per_channel():
    module, model = of(lambda m, x: m.conv((x - 0.5) / 0.25), **conv())
    assert_same(module, model)
    assert [node.op for node in model.network.nodes] == ["conv", "conv"]


PADDED = {
    "convolution": (lambda m, x: m.conv(functional.pad(x, (1, 0, 2, 1))), ["conv"], (2, 1, 1, 0)),
    "twice": (lambda m, x: m.conv(functional.pad(functional.pad(x, (1, 0)), (0, 0, 0, 2))), ["conv"], (0, 1, 2, 0)),
    "positive max-pool": (
        lambda m, x: functional.max_pool2d(functional.pad(m.conv(x).relu(), (0, 1, 0, 1)), 3, 2),
        ["conv", "max_pool"],
        (0, 0, 1, 1),
    ),
    "max-pool below zero": (
        lambda m, x: functional.max_pool2d(functional.pad(m.conv(x), (0, 1, 0, 1)), 3, 2),
        ["conv", "conv", "max_pool"],
        (0, 0, 0, 0),
    ),
    "infinite": (
        lambda m, x: functional.max_pool2d(functional.pad(m.conv(x), (1, 0, 0, 1), value=-torch.inf), 3, 2),
        ["conv", "max_pool"],
        (0, 1, 1, 0),
    ),
    "average": (
        lambda m, x: functional.avg_pool2d(functional.pad(m.conv(x), (1, 0, 0, 0)), 3, 1, count_include_pad=False),
        ["conv", "average_pool"],
        (0, 1, 0, 0),
    ),
    "anything": (lambda m, x: functional.silu(functional.pad(m.conv(x), (1, 1))), ["conv", "conv", "table"], None),
}


@pytest.mark.parametrize("case", PADDED)
def test_padding_is_that_of_the_operator_after_it(case):
    function, operators, padding = PADDED[case]
    module, model = of(function, **conv())
    assert_same(module, model)
    assert [node.op for node in model.network.nodes] == operators
    if padding is not None:
        last = model.network.nodes[-1]
        assert isinstance(last, Conv | MaxPool | AveragePool)
        assert last.padding == padding


CHAINS = {
    "hard_swish": lambda x: x * functional.relu6(x + 3) / 6,
    "silu": lambda x: x * torch.sigmoid(x),
    "gelu": lambda x: 0.5 * x * (1 + torch.erf(x / 2**0.5)),
    "leaky_relu": lambda x: torch.maximum(x * 0.2, x),
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
}
CUSTOM = {
    "mish": functional.mish,
    "gelu": lambda x: functional.gelu(x, approximate="tanh"),
    "log": lambda x: torch.log(x.abs() + 1).clamp(max=2) * 3,
    "softsign": functional.softsign,
    "quick gelu": lambda x: x * torch.sigmoid(1.702 * x),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_with_a_name_is_that_function(name):
    module, model = of(lambda m, x: CHAINS[name](m.conv(x)), **conv())
    assert_same(module, model)
    assert [getattr(node, "function", node.op) for node in model.network.nodes] == ["conv", name]


@pytest.mark.parametrize("name", CUSTOM)
def test_any_other_chain_is_a_custom_table(name):
    module, model = of(lambda m, x: CUSTOM[name](m.conv(x)), **conv())
    assert_same(module, model)
    assert [getattr(node, "function", node.op) for node in model.network.nodes] == ["conv", "custom"]
    table = model.network.nodes[-1]
    best = choose(model, images(4), ["min-max"], False).best
    assert isinstance(table, Table) and best.fidelity.output_decibels > 25
    reals = best.model.scale("conv") * np.float32(np.arange(-128, 128) - best.model.zero_point("conv"))
    wanted = CUSTOM[name](torch.from_numpy(reals.astype(np.float64))).numpy() / best.model.scale(table.name)
    entries = best.model.integers_of(table).entries - float(best.model.zero_point(table.name))
    inside = abs(wanted) < 100
    assert abs(entries - wanted)[inside].max() < 0.51


MOVES = {
    "resize": lambda m, x: functional.interpolate(m.conv(x), scale_factor=(2, 3)),
    "depth_to_space": lambda m, x: functional.pixel_shuffle(m.conv(x), 2),
    "channel_shuffle": lambda m, x: m.conv(x).view(1, 4, 2, 10, 8).transpose(1, 2).reshape(1, 8, 10, 8),
}


@pytest.mark.parametrize("operator", MOVES)
def test_values_move(operator):
    module, model = of(lambda m, x: MOVES[operator](m, x[:1]), **conv())
    assert [node.op for node in model.network.nodes] == ["conv", operator]
    batch = torch.from_numpy(images(1))
    with torch.inference_mode():
        wanted = module(batch)
    assert torch.allclose(output_of(model, batch), wanted, rtol=1e-4, atol=1e-4)
