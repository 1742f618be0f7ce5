"""Functions, products, sums of one value per channel, ranges of channels and dilations in modules."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from tcugen.golden import run
from tcugen.model.problems import UnsupportedModel
from tcugen.network.operators import MaxPool, Slice, Table, activation_of
from tcugen.quantize.choose import choose
from tests.quantize.modules import SHAPE, images
from tests.quantize.test_export import assert_same, of, summary


class SqueezeExcite(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.down, self.up = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)

    def forward(self, x):
        x = functional.silu(self.stem(x))
        gate = torch.sigmoid(self.up(functional.relu(self.down(x.mean((2, 3), keepdim=True)))))
        return x * gate


def dense(m, x):
    """Branches that are split, joined, limited after a slice, and added with one value per channel."""
    a, b, c = m.conv(x).split([2, 3, 3], 1)
    joined = torch.cat([functional.relu(b), a, m.dilated(x), c[:, 1:]], 1)
    return joined + joined.mean((2, 3), keepdim=True)


CASES = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "leaky_relu": lambda x: functional.leaky_relu(x, 0.2),
    "hard_sigmoid": functional.hardsigmoid,
    "hard_swish": functional.hardswish,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "exp": torch.exp,
    "elu": lambda x: functional.elu(x, 0.7),
    "softplus": functional.softplus,
}


@pytest.mark.parametrize("function", CASES)
def test_a_function_is_a_table(function):
    module, model = of(lambda m, x: CASES[function](m.conv(x)), conv=nn.Conv2d(3, 5, 3))
    assert_same(module, model)
    assert isinstance(model.network.nodes[-1], Table) and model.network.nodes[-1].function == function


def test_squeeze_excite():
    module, model = of(lambda m, x: m.block(x), block=SqueezeExcite())
    assert_same(module, model)
    assert [node.op for node in model.network.nodes] == [
        "conv", "table", "global_average_pool", "conv", "conv", "table", "multiply",
    ]  # fmt: skip


def test_channels_are_split_joined_and_added():
    parts: dict[str, Any] = {
        "conv": nn.Conv2d(3, 8, 3, padding=1),
        "dilated": nn.Conv2d(3, 4, 3, padding="same", dilation=2),
    }
    module, model = of(dense, **parts)
    assert_same(module, model)
    # A limit after a range of channels is not one of all channels.
    assert "relu: requantise(split_with_sizes_2)" in summary(model.network)
    ranges = [node.channels for node in model.network.nodes if isinstance(node, Slice)]
    assert ranges == [(0, 2), (2, 5), (5, 8), (1, 3)]


@pytest.mark.parametrize("kernel, stride, padding, dilation, ceil", [
    (2, 1, 0, 2, False), (3, (2, 1), 1, (2, 3), False), ((3, 2), 2, (1, 0), (1, 2), True), ((2, 1), 1, 0, (4, 3), True),
])  # fmt: skip
def test_dilated_max_pools(kernel, stride, padding, dilation, ceil):
    module, model = of(
        lambda m, x: functional.relu(functional.max_pool2d(m.conv(x), kernel, stride, padding, dilation, ceil)),
        conv=nn.Conv2d(3, 5, 3),
    )
    assert_same(module, model)
    pools = [node for node in model.network.nodes if isinstance(node, MaxPool)]
    assert len(pools) == (1 if kernel == (2, 1) else 2) and pools[-1].name.endswith("max_pool2d")
    # The limit goes before the maxima, which are no nodes of limits.
    assert activation_of(model.network.nodes[0]) == "relu"


def test_a_difference_is_a_sum_with_the_negative():
    module, model = of(lambda m, x: m.a(x) - m.b(x), a=nn.Conv2d(3, 5, 1), b=nn.Conv2d(3, 5, 1))
    assert_same(module, model)
    assert [node.op for node in model.network.nodes] == ["conv", "conv", "conv", "add"]


def test_they_are_quantized():
    _, model = of(lambda m, x: dense(m, m.block(x)), block=SqueezeExcite(), conv=nn.Conv2d(8, 8, 3, padding=1),
                  dilated=nn.Conv2d(8, 4, 3, padding="same", dilation=2))  # fmt: skip
    best = choose(model, images(4, SHAPE), ["min-max"], False).best
    assert best.fidelity.output_decibels > 25
    tensors = run(best.model, {"image": torch.zeros(1, *images(1, SHAPE).shape[1:], dtype=torch.int8).numpy()})
    assert set(tensors) == {node.name for node in model.network.nodes}


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda m, x: torch.cat([m.conv(x), m.conv(x)], 2), "dim = 2; join and take channels only"),
        (lambda m, x: m.conv(x)[:, :, 1:], "dim = 2; join and take channels only"),
        (lambda m, x: m.conv(x)[:, ::2], "step = 2; take neighbouring channels"),
        (lambda m, x: m.conv(x) * m.conv(x)[:, :, :1, :1].flatten(1).sum(1), "operator|dim"),
    ],
)
def test_what_is_refused(function, message):
    with pytest.raises(UnsupportedModel, match=message):
        of(function, conv=nn.Conv2d(3, 4, 1))
