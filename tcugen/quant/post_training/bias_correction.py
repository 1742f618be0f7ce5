"""Biases that take back the mean error which rounding and saturation leave in every channel."""

from dataclasses import replace

import numpy as np
import torch

from tcugen.network.graph import Node
from tcugen.quant import golden
from tcugen.quant.images import quantise_images
from tcugen.quant.model import NodeIntegers, QuantizedNetwork
from tcugen.quant.post_training.error import sum_scale
from tcugen.quant.post_training.float_network import FloatNetwork, run
from tcugen.quant.post_training.integers import LARGEST_BIAS

MOST_IMAGES = 32
"""All of them are held at a time, and more would not change a mean much."""

FEWEST_SAMPLES = 256
"""With fewer values per channel the mean says more about the images than about the rounding."""


def corrected(model: FloatNetwork, quantised: QuantizedNetwork, images: np.ndarray) -> QuantizedNetwork:
    """The network with other biases: of each convolution in turn, the mean over the first MOST_IMAGES images equals
    that of the float network, given what the corrected layers before it make.

    Args:
        model, quantised: The network before and after quantization.
        images: float32 [n, C, H, W].

    Raises:
        QuantizationError: If a sum does not fit 32 bits.
    """
    network = quantised.network
    source = network.inputs[0][0]
    batch = np.array(images[:MOST_IMAGES], np.float32)
    held = {source: torch.from_numpy(quantise_images(batch, quantised.tensors[source]))}
    last_use = {name: readers[-1] for name, readers in network.consumers.items() if readers}
    integers = dict(quantised.integers)
    for step in run(model, torch.from_numpy(batch)):
        node, quantization = step.node, quantised.tensors[step.node.name]
        operands = [held[name] for name in node.inputs]
        zero_points = quantised.input_zero_points(node.name)
        samples = step.unlimited.shape[0] * step.unlimited.shape[2] * step.unlimited.shape[3]
        if node.op in ("conv", "linear") and samples >= FEWEST_SAMPLES:
            scale = sum_scale(quantised, node).flatten().numpy()
            wanted = step.unlimited.double().mean(dim=(0, 2, 3)).numpy()
            integers[node.name] = _moved(node, integers[node.name], operands[0], zero_points[0], wanted / scale)
        held[node.name] = golden.evaluate(
            node, integers[node.name], operands, zero_points, None if quantization is None else quantization.zero_point
        )
        for name in set(node.inputs):
            if last_use[name] == node.name:
                del held[name]
    return replace(quantised, integers=integers)


def _moved(node: Node, integers: NodeIntegers, x: torch.Tensor, z_x: int, wanted: np.ndarray) -> NodeIntegers:
    """`integers` with the bias that gives the sums the mean `wanted`, float64 [O]."""
    sums = golden.accumulate(node, integers.weight, integers.bias, x, z_x)
    bias = integers.bias + np.rint(wanted - sums.double().mean(dim=(0, 2, 3)).numpy())
    return replace(integers, bias=np.clip(bias, -LARGEST_BIAS, LARGEST_BIAS).astype(np.int32))
