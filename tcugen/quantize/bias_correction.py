"""Biases that take back the mean error which rounding leaves in every channel."""

from dataclasses import replace

import numpy as np
import torch

from tcugen import golden
from tcugen.model.images import quantise_images
from tcugen.model.integers import Clamp, WeightedIntegers
from tcugen.model.limits import LARGEST_BIAS
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.operators import Weighted
from tcugen.quantize.error import real_values, sum_scale
from tcugen.quantize.float_network import FloatNetwork, run

MOST_IMAGES = 32
"""All of them are held at a time, and more would not change a mean much."""

FEWEST_SAMPLES = 256
"""With fewer values in a channel their mean says more about the images than about the rounding."""


def corrected(model: FloatNetwork, quantised: QuantizedNetwork, images: np.ndarray) -> QuantizedNetwork:
    """The network with other biases, chosen on the first MOST_IMAGES images for each convolution in turn, given what
    the corrected layers in front of it make.

    A bias moves by the mean difference from the float network over those values of its channel that are not at the
    limits: elsewhere a small change does nothing. Means of all sums would follow outliers that a ReLU removes.

    Args:
        model, quantised: The network before and after quantization.
        images: float32 [n, C, H, W].

    Raises:
        QuantizationError: If a sum does not fit 32 bits.
    """
    network = quantised.network
    source = network.inputs[0][0]
    batch = np.array(images[:MOST_IMAGES], np.float32)
    held = {source: torch.as_tensor(quantise_images(batch, quantised.quantization(source)))}
    last_use = {name: readers[-1] for name, readers in network.consumers.items() if readers}
    integers = dict(quantised.integers)
    moved = replace(quantised, integers=integers)
    for step in run(model, torch.as_tensor(batch)):
        node, operands = step.node, [held[name] for name in step.node.inputs]
        output = golden.evaluate(moved, node, operands)
        if isinstance(node, Weighted):
            difference = step.output - real_values(quantised, node.name, output)
            before = moved.integers_of(node)
            shift = _mean_inside(difference, output, before.clamp)
            shift /= sum_scale(quantised, node).flatten().numpy()
            integers[node.name] = _moved(before, shift)
            output = golden.evaluate(moved, node, operands)
        held[node.name] = output
        for name in set(node.inputs):
            if last_use[name] == node.name:
                del held[name]
    return moved


def _mean_inside(difference: torch.Tensor, output: torch.Tensor, clamp: Clamp | None) -> np.ndarray:
    """Mean per channel where `output` is inside its limits, float64 [O]; 0 where that is less than FEWEST_SAMPLES."""
    inside = torch.ones_like(output, dtype=torch.bool)
    if clamp is not None:
        inside = (output > clamp[0]) & (output < clamp[1])
    count = inside.sum(dim=(0, 2, 3))
    total = (difference.double() * inside).sum(dim=(0, 2, 3))
    return torch.where(count >= FEWEST_SAMPLES, total / count.clamp(min=1), 0.0).numpy()


def _moved(integers: WeightedIntegers, shift: np.ndarray) -> WeightedIntegers:
    bias = np.clip(integers.bias + np.rint(shift), -LARGEST_BIAS, LARGEST_BIAS)
    return replace(integers, bias=bias.astype(np.int32))
