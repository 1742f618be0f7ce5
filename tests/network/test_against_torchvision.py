"""Bundled networks layer by layer against torchvision's own modules: names, kernels, strides, padding, shapes."""

import pytest
import torch
from torch import nn

from tcugen.network.bundled import network_named
from tcugen.network.operators import Conv, Linear, MaxPool, as_convolution
from tests.typed import typed

models = pytest.importorskip("torchvision.models")

NAMES = ("wide_resnet101_2", "resnext101_32x8d", "resnext101_64x4d", "resnet50", "alexnet", "vgg16", "googlenet",
         "squeezenet1_1", "mobilenet_v2")  # fmt: skip


def module_of(name: str) -> nn.Module:
    with torch.device("meta"):
        more = {"aux_logits": False, "transform_input": False} if name == "googlenet" else {}
        if name == "googlenet":
            more["init_weights"] = False
        return getattr(models, name)(**more).eval()


def traced(name: str) -> dict[str, tuple[nn.Module, torch.Size]]:
    """By path in the order of execution: every convolution, linear layer and max-pool, and the shape it makes."""
    module, found = module_of(name), {}

    def note(path):
        return lambda layer, _inputs, output: found.update({path: (layer, output.shape)})

    for path, layer in module.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.MaxPool2d):
            layer.register_forward_hook(note(path))
    module(torch.empty(1, 3, 224, 224, device="meta"))
    return found


def our_path(path: str) -> str:
    """A module's path as a node is called: the batch normalisation beside a convolution has no place in ours."""
    parts = path.split(".")
    if parts[-1] == "conv":
        parts.pop()
    if parts[-2:] == ["downsample", "0"]:
        parts.pop()
    return ".".join(parts)


def pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_is_torchvisions(name):
    network = network_named(name)
    theirs = {our_path(path): layer for path, layer in traced(name).items()}
    ours = {node.name: node for node in network.nodes if isinstance(node, Conv | Linear | MaxPool)}
    assert set(ours) == set(theirs)
    for path, (layer, shape) in theirs.items():
        node, made = ours[path], network.shapes[path]
        assert (made.channels, made.height, made.width) == (*shape[1:], 1, 1)[:3], path
        if isinstance(node, MaxPool):
            layer, (top, left) = typed(nn.MaxPool2d, layer), node.padding[:2]
            assert (pair(layer.kernel_size), pair(layer.stride)) == (node.kernel, node.stride), path
            assert pair(layer.padding) == (top, left), path
            continue
        conv = as_convolution(node)
        if isinstance(layer, nn.Linear):
            taps = conv.kernel[0] * conv.kernel[1] * network.shapes[node.inputs[0]].channels
            assert (layer.in_features, layer.out_features) == (taps, conv.out_channels), path
            continue
        layer = typed(nn.Conv2d, layer)
        assert layer.in_channels == network.shapes[node.inputs[0]].channels, path
        assert (layer.out_channels, layer.groups) == (conv.out_channels, conv.groups), path
        assert (layer.kernel_size, layer.stride) == (conv.kernel, conv.stride), path
        assert (*layer.padding, *layer.padding) == conv.padding, path
