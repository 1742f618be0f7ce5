"""Operands that a concat alone reads have its scale; others keep their own."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from tcugen.model.validate import validate
from tcugen.network.graph import Shape
from tcugen.network.operators import Concat
from tcugen.quantize.error import measure
from tcugen.quantize.export import import_module
from tcugen.quantize.integers import quantised
from tcugen.quantize.ranges import METHODS, quantizations
from tcugen.quantize.statistics import observe

SHAPE = Shape(3, 10, 12)


class Branches(nn.Module):
    """Two concats: of branches with ranges far apart, and of the first one with a pool and a layer that others read."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 16, 1)
        self.c = nn.Conv2d(24, 8, 1)
        with torch.no_grad():
            self.b.weight *= 8

    def forward(self, x):
        inner = torch.cat([self.a(x), torch.relu(self.b(x))], 1)
        pooled, last = nn.functional.max_pool2d(inner, 3, 1, 1), torch.relu(self.c(inner))
        return torch.cat([last, pooled, self.c(inner)], 1) + torch.cat([last, inner, last], 1)


def images(count: int) -> np.ndarray:
    shape = (count, SHAPE.channels, SHAPE.height, SHAPE.width)
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


def test_operands_that_are_read_once_share_the_scale_and_lose_nothing():
    torch.manual_seed(1)
    model = import_module(Branches().eval(), SHAPE, "branches")
    first, second, third = (node for node in model.network.nodes if isinstance(node, Concat))
    assert first.same_scale == (True, True)
    assert second.same_scale == (False, False, True) and third.same_scale == ()
    batch = images(8)
    for method in METHODS.values():
        found = quantizations(model, observe(model, batch), method)
        made = quantised(model, found)
        validate(made)
        assert found[first.name] == found[first.inputs[0]] == found[first.inputs[1]] != found[second.name]
        assert found[second.name] == found[second.inputs[2]] != found[second.inputs[0]]
    nodes = tuple(replace(node, same_scale=()) if isinstance(node, Concat) else node for node in model.network.nodes)
    apart = replace(model, network=replace(model.network, nodes=nodes))
    errors = [
        measure(one, quantised(one, quantizations(one, observe(one, batch), METHODS["min-max"])), images(16))
        for one in (model, apart)
    ]
    assert errors[0].output_decibels > errors[1].output_decibels - 0.1
