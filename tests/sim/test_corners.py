"""Corner data reaches the corners: saturated sums and ties."""

import numpy as np
import pytest
import torch

from sim import corners
from tcugen import golden
from tcugen.model.errors import QuantizationError
from tcugen.network.graph import NetworkError, Shape
from tcugen.network.operators import Conv
from tests.typed import present, typed, weighted


def test_kinds() -> None:
    shape = Shape(3, 2, 2)
    assert np.unique(corners.corner_inputs(shape, "low")).tolist() == [-128]
    assert np.unique(corners.corner_weights(4, 3, (3, 3), "high")).tolist() == [127]
    alternating = corners.corner_inputs(shape, "alternating", images=2)
    assert alternating.shape == (2, 3, 2, 2) and alternating.dtype == np.int8
    for axis in range(4):
        assert (np.diff(alternating.astype(np.int16), axis=axis) != 0).all()
    with pytest.raises(ValueError, match="'middle'.*low, high, alternating"):
        corners.corner_inputs(shape, "middle")


def test_the_largest_sum_of_512_channels() -> None:
    shape = Shape(512, 3, 3)
    weight = corners.corner_weights(1, 512, (3, 3), "low")
    model = corners.single_convolution(shape, weight, np.zeros(1, np.int32), None, z_x=127)
    sums = golden.run(model, {"image": corners.corner_inputs(shape, "low")})["conv"]
    assert sums.dtype == np.int32
    assert sums.flatten().tolist() == [4608 * 255 * 128]


def test_single_convolution_keeps_its_integers() -> None:
    weight, bias = np.full((2, 4, 1, 1), -128, np.int8), np.array([5, -5], np.int32)
    multiplier = np.array([0.123, 2.0**-40], np.float32)
    model = corners.single_convolution(Shape(4, 2, 2), weight, bias, multiplier, z_x=-7, z_y=9, activation="relu")
    integers = weighted(model, "conv")
    assert np.array_equal(present(integers.multiplier), multiplier)
    assert integers.clamp == (9, 127)
    assert (model.zero_point("image"), model.zero_point("conv")) == (-7, 9)
    with pytest.raises(QuantizationError, match="layer 'conv'"):
        corners.single_convolution(Shape(4, 2, 2), weight, bias, 256.0)
    with pytest.raises(NetworkError, match="node 'conv'"):
        corners.single_convolution(Shape(4, 2, 2), np.ones((2, 4, 3, 3), np.int8), bias, 1.0)


@pytest.mark.parametrize("shift", [1, 2, 3])
def test_ties_of_both_signs_occur(shift: int) -> None:
    model, image = corners.tied_convolution(Shape(6, 10, 10), 12, (3, 3), seed=0, shift=shift)
    integers, node = weighted(model, "conv"), typed(Conv, model.network.nodes[0])
    sums = golden.accumulate(node, integers.weight, integers.bias, torch.from_numpy(image), model.zero_point("image"))
    ties = sums.numpy()[sums.numpy() % 2**shift == 2 ** (shift - 1)]
    assert len(ties) > 0.6 * sums.numel() / 2**shift
    assert (ties > 0).sum() > 20 and (ties < 0).sum() > 20
    # Both even and odd quotients, or always rounding one way would pass unnoticed.
    quotients = ties >> shift
    assert (quotients % 2 == 0).any() and (quotients % 2 == 1).any()
    output = golden.run(model, {"image": image})["conv"]
    assert np.mean((output == 127) | (output == -128)) < 0.1
