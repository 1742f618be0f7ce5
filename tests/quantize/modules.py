"""Small float modules, and what the tests need to judge them."""

from typing import TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tcugen.network.graph import Shape
from tcugen.quantize.float_network import FloatNetwork, output_of
from tests.typed import present

SHAPE = Shape(3, 12, 10)


M = TypeVar("M", bound=nn.Module)


class Block(nn.Module):
    """A residual block whose ReLUs work in place, as torchvision has it."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += self.downsample(x)
        return self.relu(y)


class Small(nn.Module):
    """Stem, max-pool, two blocks, mean, linear: every operator that a ResNet has."""

    def __init__(self, classes: int = 7):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 5, 2, 2, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layers = nn.Sequential(Block(8, 8), Block(8, 16, 2))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.drop = nn.Dropout(0.3)
        self.fc = nn.Linear(16, classes)

    def forward(self, x):
        x = self.layers(self.maxpool(self.stem(x)))
        return self.fc(self.drop(torch.flatten(self.avgpool(x), 1)))


class Odd(nn.Module):
    """What else is allowed: words for padding, groups, clamps on their own, a kernel over all pixels, functions."""

    def __init__(self):
        super().__init__()
        self.same = nn.Conv2d(3, 8, (3, 2), padding="same")
        self.grouped = nn.Conv2d(8, 16, 3, padding="valid", groups=4)
        self.after = nn.BatchNorm2d(16, affine=False)
        self.hidden = nn.Linear(16 * 5 * 4, 12)
        self.last = nn.Linear(12, 5)

    def forward(self, x):
        x = self.same(x)
        x = functional.hardtanh(x, -1.5, 2.0) + x.clamp(min=-0.5)
        x = functional.max_pool2d(functional.relu(self.grouped(x)), 2, ceil_mode=True)
        x = functional.dropout(self.after(x), training=self.training).contiguous()
        x = functional.relu(self.hidden(x.view(x.size(0), -1)))
        return self.last(x)


def trained(module: M, seed: int = 0) -> M:
    """The module with random weights and batch-norm statistics unlike those that PyTorch begins with."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                fan_in = part.weight[0].numel()
                part.weight.copy_(torch.randn(part.weight.shape, generator=generator) * (2 / fan_in) ** 0.5)
                if part.bias is not None:
                    part.bias.copy_(torch.randn(part.bias.shape, generator=generator) * 0.3)
            if isinstance(part, nn.BatchNorm2d):
                mean, variance = present(part.running_mean), present(part.running_var)
                mean.copy_(torch.randn(mean.shape, generator=generator) * 0.3)
                variance.copy_(torch.rand(variance.shape, generator=generator) + 0.5)
                if part.affine:
                    part.weight.copy_(torch.rand(part.weight.shape, generator=generator) + 0.5)
                    part.bias.copy_(torch.randn(part.bias.shape, generator=generator) * 0.3)
    return module.eval()


def images(count: int, shape: Shape = SHAPE, seed: int = 1) -> np.ndarray:
    """float32 [count, C, H, W] of about normal distribution."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (count, shape.channels, shape.height, shape.width)).astype(np.float32)


def outputs(model: FloatNetwork, batch: np.ndarray) -> np.ndarray:
    """[n, elements] of the float network."""
    return output_of(model, torch.from_numpy(batch)).numpy().reshape(len(batch), -1)
