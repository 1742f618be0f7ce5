"""Every shape of layer and block that the bundled ResNets hold: whole, or cropped to a few pixels.

Channels, kernels, strides, paddings and groups are always the true ones; cropping changes the image only.
"""

from math import ceil

import numpy as np

from sim.corners import INPUT, corner_inputs, corner_weights, single_convolution
from tcugen.arch import Architecture
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.check import checked_network
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Conv, Weighted, Windowed, as_convolution
from tcugen.network.resnets import bundled_network
from tcugen.network.select import select


def crop(part: Network, height: int, width: int) -> Network:
    """The same nodes on an input of at most height x width pixels; everything after it shrinks along.

    Raises:
        ValueError: If there are several inputs: they could not be cropped so that they still fit each other.
    """
    if len(part.inputs) != 1:
        raise ValueError(f"{part.name} has {len(part.inputs)} inputs, but only one can be cropped; take another part")
    [(name, shape)] = part.inputs
    cropped = Shape(shape.channels, min(shape.height, height), min(shape.width, width))
    return checked_network(part.name, ((name, cropped),), part.nodes, extract=True)


def block(network: Network, prefix: str) -> Network:
    """The residual block whose nodes' names begin with `prefix.`, all of them."""
    return select(network, [node.name for node in network.nodes if node.name.startswith(f"{prefix}.")])


def blocks(network: Network) -> list[str]:
    """Of each stage the first block, which projects or strides, and the second, whose shortcut is the identity."""
    prefixes = dict.fromkeys(node.name.rpartition(".")[0] for node in network.nodes if "." in node.name)
    return [prefix for prefix in prefixes if prefix.endswith((".0", ".1"))]


def distinct_convolutions(network: Network) -> dict[str, Conv]:
    """One convolution of each shape, by a text that says the shape."""
    found: dict[str, Conv] = {}
    for node in network.nodes:
        if isinstance(node, Conv):
            found.setdefault(shape_text(network, node), node)
    return found


def shape_text(network: Network, node: Conv) -> str:
    """Input and output shapes, kernel, stride, padding and groups, as far as they are not all alike or 1."""
    (ky, kx), (sy, sx) = node.kernel, node.stride
    padding = str(node.padding[0]) if len(set(node.padding)) == 1 else str(node.padding)
    text = f"{network.shapes[node.inputs[0]]}-{network.shapes[node.name]}-k{ky}x{kx}s{sy}x{sx}p{padding}"
    return text if node.groups == 1 else f"{text}g{node.groups}"


def _cases() -> dict[str, Network]:
    v15, v1 = bundled_network("resnet50"), bundled_network("resnet50_v1")
    convolutions = distinct_convolutions(v15)
    cases = {f"conv-{text}": select(v15, [node.name]) for text, node in convolutions.items()}
    strided = {text: node for text, node in distinct_convolutions(v1).items() if text not in convolutions}
    cases |= {f"conv-v1-{text}": select(v1, [node.name]) for text, node in strided.items()}
    cases["stem"] = select(v15, ["conv1", "maxpool"])
    cases["fc"] = select(v15, ["fc"])
    cases["head"] = select(v15, ["avgpool", "fc"])
    cases |= {f"bottleneck-v1.5-{prefix}": block(v15, prefix) for prefix in blocks(v15)}
    cases |= {f"bottleneck-v1-{prefix}": block(v1, prefix) for prefix in blocks(v1) if prefix.endswith(".0")}
    for name, kind in (("resnet18", "basic"), ("resnet20", "cifar"), ("resnext50_32x4d", "resnext")):
        network = bundled_network(name)
        cases |= {f"{kind}-{prefix}": block(network, prefix) for prefix in blocks(network)}
    return cases


CASES = _cases()
"""By name, whole: every distinct convolution of ResNet-50 v1.5 and v1, the FC, stem, head and all kinds of block."""

CORNER_CASES = {
    f"{name}-{data}-{weights}": (name, data, weights)
    for name, data, weights in (
        ("conv-3x224x224-64x112x112-k7x7s2x2p3", "low", "low"),
        ("conv-64x56x56-64x56x56-k1x1s1x1p0", "alternating", "alternating"),
        ("conv-64x56x56-64x56x56-k3x3s1x1p1", "high", "low"),
        ("conv-v1-256x56x56-128x28x28-k1x1s2x2p0", "alternating", "alternating"),
        ("conv-128x56x56-128x28x28-k3x3s2x2p1", "alternating", "alternating"),
        ("conv-256x14x14-256x14x14-k3x3s1x1p1", "low", "low"),
    )
}
"""Convolutions of CASES with corner data: name, kind of data, kind of weights (`sim.corners.KINDS`)."""

_PIXELS = (4, 3)
_PIXELS_7X7 = (15, 13)


def few_pixels(part: Network) -> Network:
    """Cropped to an output of at most 4 pixels a side; even and odd, so that a stride of 2 leaves a border."""
    first = part.nodes[0]
    return crop(part, *(_PIXELS_7X7 if isinstance(first, Windowed) and first.kernel == (7, 7) else _PIXELS))


def corner_data(part: Network, data: str, weights: str) -> tuple[QuantizedNetwork, dict[str, np.ndarray]]:
    """The one convolution of `part`, without activation, with corner integers; its largest sums just saturate.

    Where padding leaves products out, sums are smaller: borders, corners and the middle of the image differ.

    Args:
        data, weights: Kinds, see `sim.corners.corner_inputs`.

    Returns:
        A quantized network of that convolution, and its input.
    """
    [node] = part.nodes
    [(_, shape)] = part.inputs
    if not isinstance(node, Conv):
        raise ValueError(f"{node.name}: is a {node.op}, but corner data is that of a convolution; choose one")
    weight = corner_weights(node.out_channels, shape.channels // node.groups, node.kernel, weights)
    largest = weight[0].size * 128 * 128
    model = single_convolution(
        shape,
        weight,
        np.zeros(node.out_channels, np.int32),
        140 / largest,
        z_x=3,
        z_y=-9,
        stride=node.stride,
        padding=node.padding,
        groups=node.groups,
    )
    return model, {INPUT: corner_inputs(shape, data)}


def estimated_cycles(part: Network, architecture: Architecture, standing: float) -> int:
    """Cycles for one image, roughly: what the array needs, or the bus for the weights if that is more.

    A weight tile occupies the array for as long as the pixels of a layer take, or loading the next tile.

    Args:
        standing: Share of the cycles in which the bus stands still.
    """
    beats = ceil(architecture.tile_bytes / architecture.bus_bytes) / (1 - standing)
    cycles = 0.0
    for node in part.nodes:
        if not isinstance(node, Weighted):
            continue
        layer = as_convolution(node)
        taps = layer.kernel[0] * layer.kernel[1]
        out_shape, in_channels = part.shapes[node.name], part.shapes[node.inputs[0]].channels // layer.groups
        tiles = ceil(out_shape.channels / architecture.columns) * ceil(in_channels / architecture.rows) * taps
        cycles += tiles * max(out_shape.height * out_shape.width, architecture.rows, beats)
    return int(cycles)
