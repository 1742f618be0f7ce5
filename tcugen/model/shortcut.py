"""The constant weights of a shortcut that subsamples and pads channels, see `tcugen.network.operators.SHORTCUT`."""

import numpy as np
import numpy.typing as npt

from tcugen.network.graph import Network
from tcugen.network.operators import Conv, Weighted


def shortcut_weight(network: Network, node: Weighted) -> npt.NDArray[np.int8] | None:
    """int8 [outputs, inputs, 1, 1]: 1 from channel c to channel c + (outputs - inputs) // 2, else 0.

    None for nodes that are no shortcut, or whose shape has no such weights.
    """
    if not isinstance(node, Conv) or not node.is_shortcut:
        return None
    inputs, outputs = network.shapes[node.inputs[0]].channels, node.out_channels
    if node.kernel != (1, 1) or node.groups != 1 or outputs < inputs:
        return None
    weight = np.zeros((outputs, inputs, 1, 1), np.int8)
    channels = np.arange(inputs)
    weight[channels + (outputs - inputs) // 2, channels] = 1
    return weight
