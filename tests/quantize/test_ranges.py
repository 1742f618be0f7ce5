"""Observation of tensors and the methods that choose what int8 stands for."""

import numpy as np
import pytest
import torch
from torch import nn

from tcugen.model.errors import QuantizationError
from tcugen.model.images import quantise_images
from tcugen.quantize.export import import_module
from tcugen.quantize.float_network import run
from tcugen.quantize.ranges import METHODS, quantization_of, quantizations
from tcugen.quantize.statistics import BINS, Observation, observe
from tests.quantize.modules import SHAPE, Small, images, trained
from tests.typed import present


def observation(values: np.ndarray) -> Observation:
    low, high = float(values.min()), float(values.max())
    return Observation(low, high, np.histogram(values, BINS, (low, high))[0].astype(np.int64))


def square_error(values: np.ndarray, low: float, high: float) -> float:
    quantization = quantization_of(low, high)
    steps = quantise_images(values, quantization).astype(np.float64) - quantization.zero_point
    return float(np.square(steps * float(quantization.scale) - values).mean())


def test_observations_are_those_of_every_tensor():
    model, batch = import_module(trained(Small()), SHAPE, "small"), images(11)
    seen = []
    found = observe(model, batch, seen.append)
    assert seen == [8, 3, 8, 3]
    assert list(found) == ["image", *(node.name for node in model.network.nodes)]
    tensors = {"image": torch.from_numpy(batch)} | {
        step.node.name: step.output for step in run(model, torch.from_numpy(batch))
    }
    for name, tensor in tensors.items():
        assert np.isclose(found[name].low, float(tensor.min()), atol=1e-5), name
        assert np.isclose(found[name].high, float(tensor.max()), atol=1e-5), name
        assert found[name].counts.sum() == tensor.numel(), name
        mean = found[name].counts @ found[name].centres / tensor.numel()
        assert np.isclose(mean, float(tensor.mean()), atol=(found[name].high - found[name].low) / BINS), name


def test_a_constant_tensor_is_observed():
    conv = nn.Conv2d(3, 2, 1)
    with torch.no_grad():
        conv.weight.zero_()
        present(conv.bias).fill_(2.5)
    found = observe(import_module(conv, SHAPE, "net"), images(2))
    last = list(found.values())[-1]
    assert (last.low, last.high) == (2.5, 2.5) and last.counts.sum() == 2 * 2 * 12 * 10


def test_a_tensor_that_overflows_is_named():
    first, second = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
    module = trained(nn.Sequential(first, second))
    with torch.no_grad():
        first.weight.mul_(1e30)
        second.weight.mul_(1e30)
    with pytest.raises(QuantizationError, match="tensor '1': holds .*inf on the calibration images"):
        observe(import_module(module, SHAPE, "net"), images(2))


@pytest.mark.parametrize(
    "low, high, scale, zero_point",
    [
        (0.0, 255.0, 1.0, -128),
        (0.0, 1.0, 1 / 255, -128),
        (-128.0, 127.0, 1.0, 0),
        (-1.0, 0.0, 1 / 255, 127),
        (2.0, 255.0, 1.0, -128),
        (-255.0, -3.0, 1.0, 127),
        (0.0, 0.0, 1.0, -128),
    ],
)
def test_quantization_of_a_range(low, high, scale, zero_point):
    quantization = quantization_of(low, high)
    assert quantization.scale == np.float32(scale) and quantization.zero_point == zero_point
    assert quantization.scale.dtype == np.float32


def test_zero_is_always_exact_and_the_ends_are_within_a_step():
    rng = np.random.default_rng(0)
    for low, high in rng.normal(0, 3, (200, 2)):
        quantization = quantization_of(low, high)
        assert -128 <= quantization.zero_point <= 127
        ends = (np.array([-128, 127]) - quantization.zero_point) * float(quantization.scale)
        assert ends[0] <= min(low, 0) + quantization.scale and ends[1] >= max(high, 0) - quantization.scale


def test_methods_on_a_tensor_with_outliers():
    values = np.random.default_rng(2).normal(0, 1, 100_000).astype(np.float32)
    values[:3] = [60, -45, 50]
    seen = observation(values)
    ranges = {name: method(seen) for name, method in METHODS.items()}
    assert ranges["min-max"] == (-45, 60)
    assert 3 < ranges["percentile 99.99"][1] < 6 and -6 < ranges["percentile 99.99"][0] < -3
    assert 2.5 < ranges["percentile 99.9"][1] < ranges["percentile 99.99"][1]
    low, high = ranges["least squares"]
    errors = {name: square_error(values, *ends) for name, ends in ranges.items()}
    assert errors["least squares"] == min(errors.values()) < 0.85 * errors["min-max"]
    assert -45 < low < 0 < high < 60


def test_methods_keep_everything_where_there_are_no_outliers():
    values = np.random.default_rng(3).uniform(0, 4, 50_000).astype(np.float32)
    seen = observation(values)
    for name in ("min-max", "percentile 99.99", "least squares"):
        low, high = METHODS[name](seen)
        assert abs(low) < 0.01 and high > 3.9, name


def test_zeros_do_not_count_as_values_of_a_percentile():
    rng = np.random.default_rng(5)
    values = np.concatenate([np.zeros(10**6), rng.uniform(0, 1, 1000)]).astype(np.float32)
    assert METHODS["percentile 99.9"](observation(values))[1] > 0.99


def test_a_pool_shares_its_inputs_quantization():
    model = import_module(trained(Small()), SHAPE, "small")
    found = quantizations(model, observe(model, images(4)), METHODS["least squares"])
    assert found["maxpool"] == found["stem"]
    assert set(found) == set(model.network.shapes)
    assert found["layers.0.add"].zero_point == -128
