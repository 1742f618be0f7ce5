"""Which range of a tensor's real values its int8 values stand for: several methods to choose from."""

from collections.abc import Callable, Mapping

import numpy as np

from tcugen.model.quantized import Quantization
from tcugen.network.graph import Network
from tcugen.network.operators import keeps_quantization
from tcugen.quantize.float_network import FloatNetwork
from tcugen.quantize.sharing import shared
from tcugen.quantize.statistics import Observation

STEPS = 255
"""Steps between the ends of int8."""

Method = Callable[[Observation], tuple[float, float]]
"""From what was observed of a tensor to the range that is kept; what lies outside saturates."""


def min_max(observed: Observation) -> tuple[float, float]:
    """Everything that was observed."""
    return observed.low, observed.high


def percentile(share: float) -> Method:
    """All but `share` of the values at each end; zeros, of which ReLU makes many, do not count."""

    def method(observed: Observation) -> tuple[float, float]:
        width = (observed.high - observed.low) / len(observed.counts)
        counts = np.where(np.abs(observed.centres) <= width / 2, 0, observed.counts)
        below = np.cumsum(counts) / max(counts.sum(), 1)
        edges = observed.low + np.arange(len(counts) + 1) * width
        first, last = np.searchsorted(below, [share, 1 - share], side="right")
        return float(edges[first]), float(edges[min(last + 1, len(counts))])

    return method


def least_squares(observed: Observation) -> tuple[float, float]:
    """The range with the smallest mean square error of rounding and saturation together, found for each tensor.

    Each end is searched in turn, between a fifth and all of what was observed.
    """
    low, high = min(observed.low, 0.0), max(observed.high, 0.0)
    shares = np.linspace(0.2, 1.0, 81)
    for _ in range(2):
        high = min((share * max(observed.high, 0.0) for share in shares), key=lambda end: _error(observed, low, end))
        low = min((share * min(observed.low, 0.0) for share in shares), key=lambda end: _error(observed, end, high))
    return low, high


def _error(observed: Observation, low: float, high: float) -> float:
    """Sum of square errors if [low, high] is kept."""
    quantization = quantization_of(low, high)
    values, scale = observed.centres, float(quantization.scale)
    steps = np.clip(np.rint(values / scale), -128 - quantization.zero_point, 127 - quantization.zero_point)
    return float(observed.counts @ (values - steps * scale) ** 2)


METHODS: dict[str, Method] = {
    "min-max": min_max,
    "percentile 99.99": percentile(1e-4),
    "percentile 99.9": percentile(1e-3),
    "least squares": least_squares,
}
"""By name."""


def quantization_of(low: float, high: float) -> Quantization:
    """The int8 quantization whose ends stand for [low, high], widened to hold 0 exactly.

    A range from 0 on, as ReLU leaves it, has the zero point -128.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32((high - low) / STEPS)
    if not scale >= np.finfo(np.float32).tiny:
        # A tensor of zeros: any scale represents it.
        return Quantization(np.float32(1), -128)
    return Quantization(scale, int(np.clip(np.rint(-128 - low / float(scale)), -128, 127)))


def quantizations(
    model: FloatNetwork, observations: Mapping[str, Observation], method: Method
) -> dict[str, Quantization]:
    """Quantization of every tensor by one method; what only moves values has that of its input, and what a concat takes
    as it is that of the concat."""
    network: Network = model.network
    found = {name: quantization_of(*method(observations[name])) for name, _ in network.inputs}
    for node in network.nodes:
        if keeps_quantization(node):
            found[node.name] = found[node.inputs[0]]
        else:
            found[node.name] = quantization_of(*method(observations[node.name]))
    return shared(network, found)
