"""Batch normalisation folded into a convolution."""

import numpy as np
import pytest
import torch
from torch import nn

from tcugen.quantize.float_network import Parameters
from tcugen.quantize.fold import Normalisation, alone, folded
from tests.typed import present

RNG = np.random.default_rng(4)


def normalisation(channels: int, epsilon: float) -> tuple[Normalisation, nn.BatchNorm2d]:
    scale, shift, mean = RNG.normal(1, 0.5, channels), RNG.normal(size=channels), RNG.normal(size=channels)
    values = Normalisation(scale, shift, mean, RNG.random(channels), epsilon)
    module = nn.BatchNorm2d(channels, epsilon).double().eval()
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(values.scale))
        module.bias.copy_(torch.from_numpy(values.shift))
        present(module.running_mean).copy_(torch.from_numpy(values.mean))
        present(module.running_var).copy_(torch.from_numpy(values.variance))
    return values, module


@pytest.mark.parametrize("epsilon", [1e-5, 1e-3])
def test_folding_is_exact_in_double_precision(epsilon):
    conv = nn.Conv2d(3, 6, 3).double()
    values, module = normalisation(6, epsilon)
    made = folded(Parameters(conv.weight.detach().numpy(), present(conv.bias).detach().numpy()), values)
    x = torch.from_numpy(RNG.normal(size=(2, 3, 8, 8)))
    got = nn.functional.conv2d(x, torch.from_numpy(made.weight), torch.from_numpy(made.bias))
    assert torch.allclose(got, module(conv(x)), rtol=1e-12, atol=1e-12)


def test_a_normalisation_alone_scales_each_channel():
    values, module = normalisation(5, 1e-5)
    made = alone(values)
    assert made.weight.shape == (5, 1, 1, 1)
    x = torch.from_numpy(RNG.normal(size=(2, 5, 3, 3)))
    got = nn.functional.conv2d(x, torch.from_numpy(made.weight), torch.from_numpy(made.bias), groups=5)
    assert torch.allclose(got, module(x), rtol=1e-12, atol=1e-12)


def test_a_channel_without_variance_is_finite():
    values = Normalisation(np.ones(1), np.zeros(1), np.zeros(1), np.zeros(1), 1e-5)
    assert np.isclose(values.factor[0], 1e-5**-0.5)
