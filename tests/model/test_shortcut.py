"""A shortcut that subsamples and pads moves every second pixel's channels to the middle, whoever makes the integers."""

import numpy as np
import pytest
import torch

from tcugen import golden
from tcugen.model.shortcut import shortcut_weight
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Conv
from tcugen.network.resnets import bundled_network
from tcugen.quantize.resnet_torch import torch_resnet
from tcugen.synthetic.integers import synthesise
from tcugen.synthetic.placeholder import placeholder
from tests.typed import typed, weighted


def expected(outputs: int, inputs: int) -> np.ndarray:
    """Written once more: the identity between as many rows of zeros above and below."""
    border = (outputs - inputs) // 2
    zeros = np.zeros((border, inputs), np.int8)
    return np.concatenate([zeros, np.eye(inputs, dtype=np.int8), zeros])[:, :, None, None]


SHORTCUTS = {"layer2.0.shortcut": (32, 16), "layer3.0.shortcut": (64, 32)}


@pytest.mark.parametrize("name", SHORTCUTS)
def test_made_up_networks_have_the_constant_weights(name):
    network = bundled_network("resnet20")
    made, inputs = synthesise(network, seed=3)
    for model in (made, placeholder(network)):
        integers = weighted(model, name)
        np.testing.assert_array_equal(integers.weight, expected(*SHORTCUTS[name]))
        assert not integers.bias.any()
    tensors = golden.run(made, inputs)
    node = next(node for node in network.nodes if node.name == name)
    x, y = tensors[node.inputs[0]], tensors[name]
    outputs, channels = SHORTCUTS[name]
    border = (outputs - channels) // 2
    zero_point = made.zero_point(name)
    assert (y[:, :border] == zero_point).all() and (y[:, -border:] == zero_point).all()
    q, p = made.quantization(node.inputs[0]), made.quantization(name)
    steps = (x[:, :, ::2, ::2].astype(np.float64) - q.zero_point) * float(q.scale) / float(p.scale) + zero_point
    moved = y[:, border:-border]
    unclamped = np.abs(steps) < 127
    assert unclamped.mean() > 0.9
    assert np.abs(moved - steps)[unclamped].max() <= 0.5001


def test_the_module_has_the_same_weights():
    module = torch_resnet("resnet20", image_channels=3)
    for name, shape in SHORTCUTS.items():
        np.testing.assert_array_equal(typed(torch.Tensor, module.get_submodule(name).weight).numpy(), expected(*shape))


def test_other_nodes_have_none():
    network = Network(
        "others",
        (("x", Shape(8, 4, 4)),),
        (
            Conv("a", ("x",), 8, (1, 1)),
            Conv("b.shortcut", ("a",), 8, (3, 3), padding=(1, 1, 1, 1)),
            Conv("c.shortcut", ("b.shortcut",), 4, (1, 1)),
        ),
    )
    assert [shortcut_weight(network, typed(Conv, node)) for node in network.nodes] == [None] * 3
