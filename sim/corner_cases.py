"""Data at the ends of the arithmetic for the tensor benches: extreme values, saturated sums, ties where it rounds."""

import numpy as np

from sim.corners import (
    INPUT,
    corner_inputs,
    corner_weights,
    nearly_tied_convolution,
    single_convolution,
    tied_convolution,
)
from sim.random_cases import Data
from tcugen.model import multipliers
from tcugen.model.integers import AddIntegers, AverageIntegers, MaxPoolIntegers, NodeIntegers, WeightedIntegers
from tcugen.model.limits import INT8_RANGE
from tcugen.model.quantized import Quantization, QuantizedNetwork
from tcugen.network.activation import Activation, limits_of
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Add, Conv, GlobalAveragePool, MaxPool


def extreme(
    in_channels: int,
    data: str,
    weights: str,
    multiplier: float | None,
    bias: int = 0,
    zero_points: tuple[int, int] = (0, 0),
    kernel: int = 3,
    out_channels: int = 5,
) -> Data:
    """A padded conv of constant or alternating data and weights; `zero_points` are those of input and output."""
    shape, border = Shape(in_channels, 5, 6), kernel // 2
    padding = (border, border, border, border)
    weight = corner_weights(out_channels, in_channels, (kernel, kernel), weights)
    biases = np.full(out_channels, bias, np.int32)
    z_x, z_y = zero_points
    model = single_convolution(shape, weight, biases, multiplier, z_x=z_x, z_y=z_y, padding=padding)
    return model, {INPUT: corner_inputs(shape, data)}


def full_sums(in_channels: int, kernel: int = 3) -> Data:
    """int32 results of 2**31 - 1 in the middle: the largest products and a bias that leaves no room above them."""
    products = in_channels * kernel * kernel * 128 * 128
    return extreme(in_channels, "low", "low", None, bias=2**31 - 1 - products, kernel=kernel)


def tied(shift: int, kernel: int) -> Data:
    """One product in 2**shift is halfway between two integers."""
    model, image = tied_convolution(Shape(9, 7, 6), 10, (kernel, kernel), 1, shift)
    return model, {INPUT: image}


def nearly_tied(channels: int) -> Data:
    """Products on, or one float32 step beside, the point halfway between two integers."""
    shape = Shape(3, 2, 3)
    return nearly_tied_convolution(shape, channels, 1), {INPUT: corner_inputs(shape, "alternating")}


def tied_add(scale: float, activation: Activation = None) -> Data:
    """The image added to its shifted copy: `scale` 2 makes half of the sums ties, 0.5 saturates half of them."""
    shape = Shape(7, 8, 8)
    copy = np.zeros((7, 7, 3, 3), np.int8)
    copy[np.arange(7), np.arange(7)[::-1], 1, 2] = 1  # each channel reads the opposite one, a pixel further right
    one, z_image, z_copy, z_sum = np.float32(1), 3, -7, 11
    nodes = (
        Conv("conv", (INPUT,), 7, (3, 3), (1, 1), (1, 1, 1, 1)),
        Add("add", ("conv", INPUT), activation=activation),
    )
    m_a, m_b, add_shift = multipliers.add_multipliers(one, one, np.float32(scale), layer="add")
    weight_scale = np.ones(7, np.float32)
    integers: dict[str, NodeIntegers] = {
        "conv": WeightedIntegers(
            weight=copy,
            bias=np.zeros(7, np.int32),
            multiplier=multipliers.convolution_multiplier(one, weight_scale, one, layer="conv"),
            clamp=INT8_RANGE,
            weight_scale=weight_scale,
        ),
        "add": AddIntegers((m_a, m_b), add_shift, multipliers.clamp_limits(limits_of(activation), scale, z_sum)),
    }
    tensors: dict[str, Quantization | None] = {
        INPUT: Quantization(one, z_image),
        "conv": Quantization(one, z_copy),
        "add": Quantization(np.float32(scale), z_sum),
    }
    image = np.random.default_rng(1).integers(-128, 128, (1, 7, 8, 8), dtype=np.int8)
    return QuantizedNetwork(Network("tied_add", ((INPUT, shape),), nodes), tensors, integers), {INPUT: image}


def pooled_extreme(data: str) -> Data:
    """A padded max-pool of extreme data; the padding must not win over -128."""
    shape = Shape(6, 7, 7)
    node = MaxPool("maxpool", (INPUT,), (3, 3), (2, 2), (1, 1, 1, 1))
    quantization = Quantization(np.float32(1), -5)
    model = QuantizedNetwork(
        Network("pooled_extreme", ((INPUT, shape),), (node,)),
        {INPUT: quantization, "maxpool": quantization},
        {"maxpool": MaxPoolIntegers()},
    )
    return model, {INPUT: corner_inputs(shape, data)}


def tied_average(channels: int) -> Data:
    """A global average over 2 x 2 pixels: half of the channels sum to an odd multiple of two, a tie."""
    shape, one = Shape(channels, 2, 2), np.float32(1)
    node = GlobalAveragePool("avgpool", (INPUT,))
    multiplier = multipliers.average_multiplier(one, one, 4, layer="avgpool")
    model = QuantizedNetwork(
        Network("tied_average", ((INPUT, shape),), (node,)),
        {INPUT: Quantization(one, 9), "avgpool": Quantization(one, -4)},
        {"avgpool": AverageIntegers(multiplier, INT8_RANGE)},
    )
    image = np.random.default_rng(1).integers(-60, 60, (1, channels, 2, 2), dtype=np.int8)
    image[:, :, 1, 1] &= np.int8(-2)
    return model, {INPUT: image}
