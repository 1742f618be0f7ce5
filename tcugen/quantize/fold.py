"""Batch normalisation as part of the convolution in front of it."""

from dataclasses import dataclass

import numpy as np

from tcugen.quantize.float_network import Parameters


@dataclass(frozen=True, eq=False)
class Normalisation:
    """y = (x - mean) / sqrt(variance + epsilon) * scale + shift, per channel; float64 [C] each."""

    scale: np.ndarray
    shift: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    epsilon: float

    @property
    def factor(self) -> np.ndarray:
        """What a channel is multiplied by, float64 [C]."""
        return self.scale / np.sqrt(self.variance + self.epsilon)


def folded(parameters: Parameters, normalisation: Normalisation) -> Parameters:
    """The convolution followed by the normalisation, as one convolution; in double precision."""
    factor = normalisation.factor
    return Parameters(
        parameters.weight * factor.reshape(-1, 1, 1, 1),
        (parameters.bias - normalisation.mean) * factor + normalisation.shift,
    )


def alone(normalisation: Normalisation) -> Parameters:
    """The normalisation as a 1x1 convolution with one channel per group."""
    channels = len(normalisation.mean)
    return folded(Parameters(np.ones((channels, 1, 1, 1)), np.zeros(channels)), normalisation)
