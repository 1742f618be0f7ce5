"""Inputs, weights and single convolutions at the ends of the arithmetic: saturated sums, ties where it rounds."""

import numpy as np

from tcugen.model import multipliers
from tcugen.model.integers import WeightedIntegers
from tcugen.model.quantized import Quantization, QuantizedNetwork
from tcugen.network.activation import Activation, limits_of
from tcugen.network.check import checked_network
from tcugen.network.graph import Shape
from tcugen.network.operators import Conv

KINDS = ("low", "high", "alternating")
INPUT = "image"


def corner_inputs(shape: Shape, kind: str, images: int = 1) -> np.ndarray:
    """int8 [images, C, H, W]: all -128 ("low"), all 127 ("high"), or both in turn along every axis ("alternating").

    Raises:
        ValueError: If `kind` is none of KINDS.
    """
    return _corner((images, shape.channels, shape.height, shape.width), kind)


def corner_weights(out_channels: int, in_channels: int, kernel: tuple[int, int], kind: str) -> np.ndarray:
    """int8 [O, I, ky, kx] of `in_channels` per group, filled as `corner_inputs`.

    Raises:
        ValueError: If `kind` is none of KINDS.
    """
    return _corner((out_channels, in_channels, *kernel), kind)


def _corner(dimensions: tuple[int, ...], kind: str) -> np.ndarray:
    if kind not in KINDS:
        raise ValueError(f"corner {kind!r} is none of {', '.join(KINDS)}; choose one of them")
    if kind == "alternating":
        return np.where(np.indices(dimensions).sum(axis=0) % 2 == 0, -128, 127).astype(np.int8)
    return np.full(dimensions, -128 if kind == "low" else 127, np.int8)


def single_convolution(
    shape: Shape,
    weight: np.ndarray,
    bias: np.ndarray,
    multiplier: float | np.ndarray | None,
    z_x: int = 0,
    z_y: int = 0,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    groups: int = 1,
    activation: Activation = None,
) -> QuantizedNetwork:
    """A network of one conv, named `conv`, with exactly these integers; its input is named `image`.

    Args:
        shape: Of the input.
        weight: int8 [O, I / groups, ky, kx].
        bias: int32 [O].
        multiplier: M, one for all channels or float32 [O]; None stores int32 sums.
        z_x, z_y: Zero points of input and output.

    Raises:
        QuantizationError: If M is outside [2**-40, 2**8).
        NetworkError: If the shapes do not fit.
    """
    kernel = (weight.shape[2], weight.shape[3])
    node = Conv("conv", (INPUT,), len(weight), kernel, stride, padding, groups, activation)
    network = checked_network("single_convolution", ((INPUT, shape),), (node,))
    one = np.float32(1)
    weight_scale = np.broadcast_to(np.float32(one if multiplier is None else multiplier), len(weight)).copy()
    tensors = {INPUT: Quantization(one, z_x), "conv": None if multiplier is None else Quantization(one, z_y)}
    integers = WeightedIntegers(
        weight=weight,
        bias=bias,
        multiplier=None
        if multiplier is None
        else multipliers.convolution_multiplier(one, weight_scale, one, layer=node.name),
        clamp=None if multiplier is None else multipliers.clamp_limits(limits_of(activation), one, z_y),
        weight_scale=weight_scale,
    )
    return QuantizedNetwork(network, tensors, {"conv": integers})


def tied_convolution(
    shape: Shape, out_channels: int, kernel: tuple[int, int], seed: int, shift: int = 1
) -> tuple[QuantizedNetwork, np.ndarray]:
    """A `single_convolution` with M = 2**-shift whose products are often halfway between integers, of both signs.

    Each output channel copies, negated or not, one pixel of one input channel and adds a bias: so small that few
    products saturate.

    Args:
        shift: 1 to 3; one product in 2**shift is a tie.

    Returns:
        The network and an int8 [1, C, H, W] input.
    """
    rng = np.random.default_rng(seed)
    weight = np.zeros((out_channels, shape.channels, *kernel), np.int8)
    taps = [rng.integers(0, size, out_channels) for size in weight.shape[1:]]
    weight[(np.arange(out_channels), *taps)] = rng.choice(np.array([-1, 1], np.int8), out_channels)
    bias = rng.integers(-40, 41, out_channels, dtype=np.int32)
    image = rng.integers(-128, 128, (1, shape.channels, shape.height, shape.width), dtype=np.int8)
    return single_convolution(shape, weight, bias, 2.0**-shift, z_x=3, z_y=-2), image


def nearly_tied_convolution(shape: Shape, out_channels: int, seed: int) -> QuantizedNetwork:
    """A 1x1 `single_convolution` that tells single precision from any other: products next to a tie, or on it.

    All weights are 0, so that the sum of channel c is its bias, up to 30 bits of either sign, and its M is the float32
    nearest to (n + 1/2) / bias for an integer n in [-100, 100]. Rounding the sum to 24 bits and the product to 24 bits
    decides on which side of the tie it falls; an exact product gives other results in two of five channels.
    """
    rng = np.random.default_rng(seed)
    magnitude = 2.0 ** rng.uniform(8, 30, out_channels)
    wanted = rng.integers(0, 100, out_channels) + 0.5
    bias = (np.rint(magnitude) * rng.choice([-1, 1], out_channels)).astype(np.int32)
    multiplier = (wanted / np.abs(bias)).astype(np.float32)
    weight = np.zeros((out_channels, shape.channels, 1, 1), np.int8)
    return single_convolution(shape, weight, bias, multiplier, z_x=-11, z_y=4)
