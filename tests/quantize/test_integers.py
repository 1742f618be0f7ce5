"""Real parameters as the integers of the hardware."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tcugen import golden
from tcugen.model.errors import QuantizationError
from tcugen.model.images import quantise_images
from tcugen.model.integers import RequantiseIntegers, WeightedIntegers
from tcugen.model.quantized import Quantization
from tcugen.model.validate import validate
from tcugen.quantize.error import measure
from tcugen.quantize.export import import_module
from tcugen.quantize.integers import quantised, stores_sums
from tcugen.quantize.ranges import METHODS, quantizations
from tcugen.quantize.statistics import observe
from tests.quantize.modules import SHAPE, Odd, Small, images, outputs, trained
from tests.typed import present, typed, weighted


def calibrated(module: nn.Module, int32_output: bool = False, method: str = "min-max"):
    """Float network, quantized network."""
    model = import_module(module, SHAPE, "net")
    return model, quantised(model, quantizations(model, observe(model, images(8)), METHODS[method]), int32_output)


@pytest.mark.parametrize("make", [Small, Odd])
@pytest.mark.parametrize("int32_output", [False, True])
def test_the_quantized_network_is_sound_and_close(make, int32_output):
    model, made = calibrated(trained(make()), int32_output)
    validate(made)
    fidelity = measure(model, made, images(8))
    assert list(fidelity.decibels) == list(made.network.shapes)
    assert min(fidelity.decibels.values()) > 22, fidelity.decibels
    assert fidelity.agreeing >= 6
    for node in made.network.nodes:
        integers = made.integers[node.name]
        if isinstance(integers, WeightedIntegers):
            assert integers.weight.dtype == np.int8 and integers.weight.min() >= -127
            peaks = np.abs(integers.weight.astype(int)).max(axis=(1, 2, 3))
            assert (peaks == 127).all() or (made.tensors[node.name] is None and peaks.max() == 127)


def test_sums_of_the_last_layer_have_one_scale_so_that_the_largest_is_the_largest_output():
    model, made = calibrated(trained(Small()), int32_output=True)
    assert made.tensors["fc"] is None
    assert len(set(weighted(made, "fc").weight_scale)) == 1
    batch = images(8)
    inputs = {"image": quantise_images(batch, made.quantization("image"))}
    sums = golden.run(made, inputs)["fc"]
    assert sums.dtype == np.int32
    scale = made.scale("avgpool") * weighted(made, "fc").weight_scale[0]
    assert np.abs(sums.reshape(8, -1) * scale - outputs(model, batch)).max() < 0.2


def test_limits_become_steps():
    _, made = calibrated(trained(Small()))
    limits, y = present(weighted(made, "stem").clamp), made.quantization("stem")
    assert y.zero_point == -128 and limits[0] == -128
    assert limits[1] == min(127, round(6 / float(y.scale)) - 128)
    _, made = calibrated(trained(Odd()))
    y = made.quantization("hardtanh")
    low, high = (int(np.rint(bound / float(y.scale))) + y.zero_point for bound in (-1.5, 2.0))
    assert typed(RequantiseIntegers, made.integers["hardtanh"]).clamp == (max(low, -128), min(high, 127))


def test_a_channel_of_zeros_keeps_its_bias():
    conv = nn.Conv2d(3, 4, 1)
    module, bias = trained(nn.Sequential(conv, nn.Conv2d(4, 3, 1))), present(conv.bias)
    with torch.no_grad():
        conv.weight[1] = 0
        conv.weight[2] *= 1e-20
        bias[2] = 2.0
        conv.weight[3] = 0
        bias[3] = 0
    model, made = calibrated(module)
    validate(made)
    assert measure(model, made, images(4)).output_decibels > 30
    first = weighted(made, "0")
    reals = first.bias * first.weight_scale.astype(np.float64) * float(made.scale("image"))
    assert np.allclose(reals, bias.detach().numpy(), atol=1e-3)


def test_what_cannot_store_sums_says_so():
    model, _ = calibrated(trained(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())))
    assert not stores_sums(model)
    tensors = {name: Quantization(np.float32(0.1), 0) for name in model.network.shapes}
    with pytest.raises(QuantizationError, match="a conv with an activation.*choose int8 output"):
        quantised(model, tensors, int32_output=True)
    model, _ = calibrated(trained(nn.Sequential(nn.Conv2d(3, 4, 1), nn.MaxPool2d(2))))
    with pytest.raises(QuantizationError, match="'1': the last layer is a max_pool"):
        quantised(model, tensors, int32_output=True)


def test_scales_too_far_apart_are_refused_by_name():
    model, made = calibrated(trained(Small()))
    tensors = {name: made.quantization(name) for name in made.tensors}
    tensors["layers.0.add"] = Quantization(np.float32(1e-9), 0)
    with pytest.raises(QuantizationError, match="'layers.0.add': the ratio of the first operand"):
        quantised(replace(model), tensors)
