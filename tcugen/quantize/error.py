"""How far a quantized network is from the float one, tensor by tensor."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from tcugen import golden
from tcugen.model.images import quantise_images
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.operators import Weighted
from tcugen.quantize.float_network import FloatNetwork, run
from tcugen.quantize.statistics import batches


@dataclass(frozen=True)
class Fidelity:
    """A quantized network compared with the float one, on the same images.

    Attributes:
        decibels: Signal to noise of every tensor by name: 10 log10 of the float tensor's energy over that of the
            difference; infinite where nothing differs.
        float_classes, classes: Index of the largest output of each image, the first of several; empty if the output
            has more than one pixel.
    """

    decibels: dict[str, float]
    float_classes: tuple[int, ...]
    classes: tuple[int, ...]

    @property
    def output_decibels(self) -> float:
        return list(self.decibels.values())[-1]

    @property
    def agreeing(self) -> int:
        """Images of which both networks say the same."""
        return sum(a == b for a, b in zip(self.float_classes, self.classes, strict=True))


@dataclass(frozen=True, eq=False)
class Pair:
    """One tensor in both networks: float32 [n, C, H, W] real values."""

    name: str
    exact: torch.Tensor
    quantised: torch.Tensor


def measure(
    model: FloatNetwork,
    quantised: QuantizedNetwork,
    images: np.ndarray,
    progress: Callable[[int], None] = lambda _: None,
) -> Fidelity:
    """Run both networks side by side, the quantized one by the golden model.

    Args:
        model, quantised: The network before and after.
        images: float32 [n, C, H, W].
        progress: Called with the number of images after each batch.

    Raises:
        QuantizationError: If a sum does not fit 32 bits.
        ModelError: If the images hold something that is no number.
    """
    signal, noise = dict.fromkeys(quantised.network.shapes, 0.0), dict.fromkeys(quantised.network.shapes, 0.0)
    float_classes: list[int] = []
    classes: list[int] = []
    last = quantised.network.nodes[-1].name
    for batch in batches(images):
        for pair in side_by_side(model, quantised, batch):
            signal[pair.name] += float(pair.exact.double().square().sum())
            noise[pair.name] += float((pair.exact - pair.quantised).double().square().sum())
            if pair.name == last and pair.exact.shape[2:] == (1, 1):
                float_classes += map(int, pair.exact[:, :, 0, 0].argmax(1))
                classes += map(int, pair.quantised[:, :, 0, 0].argmax(1))
        progress(len(batch))
    decibels = {name: _decibels(signal[name], noise[name]) for name in signal}
    return Fidelity(decibels, tuple(float_classes), tuple(classes))


def side_by_side(model: FloatNetwork, quantised: QuantizedNetwork, images: torch.Tensor) -> Iterator[Pair]:
    """The input and every node's output, in execution order."""
    network = quantised.network
    source = network.inputs[0][0]
    held = {source: torch.as_tensor(quantise_images(images.numpy(), quantised.quantization(source)))}
    last_use = {name: readers[-1] for name, readers in network.consumers.items() if readers}
    yield Pair(source, images, real_values(quantised, source, held[source]))
    for step in run(model, images):
        node = step.node
        held[node.name] = golden.evaluate(quantised, node, [held[name] for name in node.inputs])
        yield Pair(node.name, step.output, real_values(quantised, node.name, held[node.name]))
        for name in set(node.inputs):
            if last_use[name] == node.name:
                del held[name]


def real_values(quantised: QuantizedNetwork, name: str, integers: torch.Tensor) -> torch.Tensor:
    """What the integers of a tensor stand for, float32 of the same shape."""
    quantization = quantised.tensors[name]
    if quantization is not None:
        return (integers.float() - quantization.zero_point) * float(quantization.scale)
    node = quantised.network.by_name[name]
    if not isinstance(node, Weighted):
        raise TypeError(f"{name}: holds 32-bit sums, but a {node.op} makes none")
    return (integers.double() * sum_scale(quantised, node)).float()


def sum_scale(quantised: QuantizedNetwork, node: Weighted) -> torch.Tensor:
    """Real value of one step of a convolution's sums, float64 [O, 1, 1]."""
    s_x = float(quantised.scale(node.inputs[0]))
    weight_scale = quantised.integers_of(node).weight_scale.astype(np.float64)
    return torch.as_tensor(weight_scale * s_x).reshape(-1, 1, 1)


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return float("inf")
    return 10 * float(np.log10(signal / noise)) if signal else float("-inf")
