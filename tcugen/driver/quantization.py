"""What the integers of a network's inputs and outputs stand for: `quantization.json` beside a program.

The machine knows integers only. The host needs scales and zero points to make an image into integers, and to say what
the integers of a result mean; they come from the model, so they are written when the model is compiled.
"""

import math
from collections.abc import Sequence
from typing import TypedDict

from tcugen.model.errors import ModelError
from tcugen.model.quantized import QuantizedNetwork
from tcugen.model.sums import sum_scales
from tcugen.network.operators import Weighted

FORMAT = 1
FILE = "quantization.json"


class TensorQuantization(TypedDict):
    """Of one input or output.

    Attributes:
        tensor: Its name.
        kind: Type of an element in the file that the model came from: float32, int8 or uint8 (128 above int8).
        scale, zero_point: Real value = scale * (element - zero_point); null for 32-bit sums.
        sum_scales: Per channel of 32-bit sums: real value = sum_scales[c] * sum; null for int8.
        limits: What real values of 32-bit sums are limited to, null where they are not.
    """

    tensor: str
    kind: str
    scale: float | None
    zero_point: int | None
    sum_scales: list[float] | None
    limits: tuple[float | None, float | None]


class HostQuantization(TypedDict):
    """The file.

    Attributes:
        placeholder: Weights are placeholders, so scales and zero points say nothing about a real network.
        inputs, outputs: In the order of the program.
        classes: Names of the first output's channels; null if they are not known.
    """

    format: int
    network: str
    placeholder: bool
    inputs: list[TensorQuantization]
    outputs: list[TensorQuantization]
    classes: list[str] | None


def quantization_of(
    model: QuantizedNetwork, placeholder: bool = False, classes: Sequence[str] | None = None
) -> HostQuantization:
    """The contents of the file for `model`.

    Args:
        model: The network and its integers.
        placeholder: Its weights are placeholders.
        classes: Names of the channels of the first output.

    Raises:
        ModelError: If there is not one class name per channel of the first output.
    """
    network = model.network
    if classes is not None:
        channels = network.shapes[network.outputs[0]].channels
        if len(classes) != channels:
            raise ModelError(
                f"there are {len(classes)} class names, but output {network.outputs[0]!r} has {channels} channels; "
                "give one name per channel"
            )
    return {
        "format": FORMAT,
        "network": network.name,
        "placeholder": placeholder,
        "inputs": [_of_tensor(model, name) for name, _ in network.inputs],
        "outputs": [_of_tensor(model, name) for name in network.outputs],
        "classes": None if classes is None else list(classes),
    }


def _of_tensor(model: QuantizedNetwork, name: str) -> TensorQuantization:
    quantization, form = model.tensors[name], model.form(name)
    low, high = (limit if math.isfinite(limit) else None for limit in form.limits)
    return {
        "tensor": name,
        "kind": form.kind,
        "scale": None if quantization is None else float(quantization.scale),
        "zero_point": None if quantization is None else int(quantization.zero_point),
        "sum_scales": _sum_scales(model, name) if quantization is None else None,
        "limits": (low, high),
    }


def _sum_scales(model: QuantizedNetwork, name: str) -> list[float]:
    node = model.network.by_name[name]
    assert isinstance(node, Weighted), "validated: only convolutions and linear layers leave 32-bit sums"
    return sum_scales(model, node).tolist()
