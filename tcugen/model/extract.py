"""Some nodes of a quantized network alone, with their integers and the tensors that they read."""

from collections.abc import Mapping, Sequence

import numpy as np

from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.select import select


def extract(model: QuantizedNetwork, names: Sequence[str]) -> QuantizedNetwork:
    """The nodes `names` of `model`; what they read from other nodes becomes inputs, see `network.select`.

    Raises:
        NetworkError: If a name is no node.
    """
    network = select(model.network, names)
    return QuantizedNetwork(
        network,
        {name: model.tensors[name] for name in network.shapes},
        {node.name: model.integers[node.name] for node in network.nodes},
        {name: form for name, form in model.forms.items() if name in network.shapes},
    )


def extract_inputs(part: QuantizedNetwork, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inputs of an extract, out of the tensors of the whole network."""
    return {name: tensors[name] for name, _ in part.network.inputs}
