"""What every tensor of a float network holds on the calibration images."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from tcugen.model.errors import QuantizationError
from tcugen.quantize.float_network import FloatNetwork, run

BINS = 4096
BATCH = 8
"""Images that are run at a time."""


@dataclass(frozen=True, eq=False)
class Observation:
    """The values of one tensor.

    Attributes:
        low, high: The smallest and the largest.
        counts: int64 [BINS], how many lie in each of as many equal parts of [low, high].
    """

    low: float
    high: float
    counts: np.ndarray

    @property
    def centres(self) -> np.ndarray:
        """Middle of each part, float64 [BINS]."""
        return self.low + (np.arange(len(self.counts)) + 0.5) * ((self.high - self.low) / len(self.counts))


def batches(images: np.ndarray) -> Iterator[torch.Tensor]:
    """At most BATCH images at a time, float32."""
    for start in range(0, len(images), BATCH):
        yield torch.as_tensor(np.array(images[start : start + BATCH], np.float32))


def observe(
    model: FloatNetwork, images: np.ndarray, progress: Callable[[int], None] = lambda _: None
) -> dict[str, Observation]:
    """Observations of the input and of every node's output, by name.

    Args:
        model: The network.
        images: float32 [n, C, H, W].
        progress: Called with the number of images after each batch; all of them are run twice, first for the ends of
            the range, then for what lies between.

    Raises:
        QuantizationError: If a tensor holds something that is not finite.
    """
    ranges: dict[str, tuple[float, float]] = {}
    for batch in batches(images):
        for name, tensor in _tensors(model, batch):
            low, high = (float(value) for value in tensor.aminmax())
            if not np.isfinite([low, high]).all():
                raise QuantizationError(
                    f"tensor {name!r}: holds {low if not np.isfinite(low) else high} on the calibration images, but "
                    "every value must be finite; check the weights and how the images were prepared"
                )
            known = ranges.get(name, (low, high))
            ranges[name] = (min(known[0], low), max(known[1], high))
        progress(len(batch))
    counts = {name: np.zeros(BINS, np.int64) for name in ranges}
    for batch in batches(images):
        for name, tensor in _tensors(model, batch):
            low, high = ranges[name]
            # histc takes equal ends for "find them yourself".
            found = torch.histc(tensor, BINS, low, high if high > low else low + 1)
            counts[name] += found.numpy().astype(np.int64)
        progress(len(batch))
    return {name: Observation(low, high, counts[name]) for name, (low, high) in ranges.items()}


def _tensors(model: FloatNetwork, images: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    yield model.network.inputs[0][0], images
    for step in run(model, images):
        yield step.node.name, step.output
