"""What 32-bit sums stand for."""

import numpy as np
import numpy.typing as npt

from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.operators import Weighted


def sum_scales(model: QuantizedNetwork, node: Weighted) -> npt.NDArray[np.float64]:
    """What one step of each channel's sums stands for, float64 [C]: the scales of input and weights multiplied."""
    return np.float64(model.scale(node.inputs[0])) * model.integers_of(node).weight_scale.astype(np.float64)
