"""Batch normalisation folded into a convolution."""

import numpy as np
import pytest
import torch
from torch import nn

from tcugen.quantize.float_network import Parameters
from tcugen.quantize.fold import Normalisation, alone, folded

RNG = np.random.default_rng(4)


def normalisation(channels: int, epsilon: float) -> tuple[Normalisation, nn.BatchNorm2d]:
    values = [RNG.normal(1, 0.5, channels), RNG.normal(size=channels), RNG.normal(size=channels), RNG.random(channels)]
    module = nn.BatchNorm2d(channels, epsilon).double().eval()
    with torch.no_grad():
        for tensor, value in zip(
            (module.weight, module.bias, module.running_mean, module.running_var), values, strict=True
        ):
            tensor.copy_(torch.from_numpy(value))
    return Normalisation(*values, epsilon), module


@pytest.mark.parametrize("epsilon", [1e-5, 1e-3])
def test_folding_is_exact_in_double_precision(epsilon):
    conv = nn.Conv2d(3, 6, 3).double()
    values, module = normalisation(6, epsilon)
    made = folded(Parameters(conv.weight.detach().numpy(), conv.bias.detach().numpy()), values)
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
