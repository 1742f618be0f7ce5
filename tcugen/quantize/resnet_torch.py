"""The bundled networks as float PyTorch modules, with torchvision's parameter names.

Weights that were trained with torchvision's definitions load without renaming, and nothing of torchvision is needed.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from tcugen.network.check import close_names
from tcugen.network.graph import NetworkError

WIDTH = 64
"""Channels of an ImageNet network's first stage."""


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut.

    Args:
        inputs, planes, stride: Channels in and out, step of the first convolution.
        shortcut: Name and module of what the input passes on its way to the add, if it changes there.
    """

    EXPANSION = 1

    def __init__(self, inputs: int, planes: int, stride: int, shortcut: tuple[str, nn.Module] | None):
        super().__init__()
        self.conv1 = _conv(inputs, planes, 3, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = _conv(planes, planes, 3)
        self.bn2 = nn.BatchNorm2d(planes)
        self._shortcut = shortcut and shortcut[0]
        if shortcut:
            self.add_module(*shortcut)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return functional.relu(y + (self.get_submodule(self._shortcut)(x) if self._shortcut else x))


class Bottleneck(nn.Module):
    """Convolutions of 1x1, 3x3 and 1x1 beside a shortcut.

    Args:
        inputs, planes, stride: Channels in, a quarter of the channels out, step of the block.
        stride_in_3x3: Where it steps: in the 3x3 (v1.5, torchvision) or in the first 1x1 (v1, the paper).
        groups, width_per_group: Of the 3x3.
    """

    EXPANSION = 4

    def __init__(
        self,
        inputs: int,
        planes: int,
        stride: int,
        shortcut: tuple[str, nn.Module] | None,
        *,
        stride_in_3x3: bool,
        groups: int,
        width_per_group: int,
    ):
        super().__init__()
        width, outputs = planes * width_per_group // WIDTH * groups, planes * self.EXPANSION
        first, second = (1, stride) if stride_in_3x3 else (stride, 1)
        self.conv1 = _conv(inputs, width, 1, first)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, second, groups)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _conv(width, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        if shortcut:
            self.add_module(*shortcut)
        self._shortcut = shortcut and shortcut[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return functional.relu(y + (self.get_submodule(self._shortcut)(x) if self._shortcut else x))


class ImageNetResNet(nn.Module):
    """A ResNet for ImageNet: 7x7 stem, max-pool, four stages, mean, `fc`.

    Args:
        blocks: Number of blocks of each stage.
        bottleneck: Keywords of `Bottleneck`; None for basic blocks.
        image_channels, classes: Of input and output.
    """

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(
        self, blocks: tuple[int, ...], bottleneck: Mapping[str, Any] | None, image_channels: int, classes: int
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(image_channels, WIDTH, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels, expansion = WIDTH, (Bottleneck if bottleneck else BasicBlock).EXPANSION
        for stage, count in enumerate(blocks):
            planes = WIDTH << stage
            made: list[nn.Module] = []
            for block in range(count):
                stride, outputs, shortcut = 2 if stage and not block else 1, planes * expansion, None
                if stride != 1 or channels != outputs:
                    layers = (_conv(channels, outputs, 1, stride), nn.BatchNorm2d(outputs))
                    shortcut = "downsample", nn.Sequential(*layers)
                if bottleneck:
                    made.append(Bottleneck(channels, planes, stride, shortcut, **bottleneck))
                else:
                    made.append(BasicBlock(channels, planes, stride, shortcut))
                channels = outputs
            self.add_module(f"layer{stage + 1}", nn.Sequential(*made))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(functional.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


class PaddedShortcut(nn.Module):
    """Every second pixel, with zero channels on both sides, as a convolution with constant weights.

    The weights are no parameters and in no file.
    """

    weight: torch.Tensor

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        weight = torch.zeros(outputs, inputs, 1, 1)
        channels = torch.arange(inputs)
        weight[channels + (outputs - inputs) // 2, channels] = 1
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(x, self.weight, stride=2)


class CifarResNet(nn.Module):
    """A ResNet for small images: 3x3 stem, three stages of 16, 32 and 64 channels, shortcuts without weights.

    Args:
        blocks: Blocks of each stage; the network has 6 * blocks + 2 layers.
        image_channels, classes: Of input and output.
    """

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential

    def __init__(self, blocks: int, image_channels: int, classes: int):
        super().__init__()
        self.conv1 = _conv(image_channels, 16, 3)
        self.bn1 = nn.BatchNorm2d(16)
        channels = 16
        for stage in range(3):
            planes = 16 << stage
            made: list[nn.Module] = []
            for _ in range(blocks):
                shortcut = None if planes == channels else ("shortcut", PaddedShortcut(channels, planes))
                made.append(BasicBlock(channels, planes, 2 if shortcut else 1, shortcut))
                channels = planes
            self.add_module(f"layer{stage + 1}", nn.Sequential(*made))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(self.avgpool(x).flatten(1))


def _bottleneck(stride_in_3x3: bool = True, groups: int = 1, width_per_group: int = WIDTH) -> dict[str, int]:
    return {"stride_in_3x3": stride_in_3x3, "groups": groups, "width_per_group": width_per_group}


_IMAGENET: dict[str, tuple[tuple[int, ...], dict[str, int] | None]] = {
    "resnet18": ((2, 2, 2, 2), None),
    "resnet34": ((3, 4, 6, 3), None),
    "resnet50": ((3, 4, 6, 3), _bottleneck()),
    "resnet50_v1": ((3, 4, 6, 3), _bottleneck(stride_in_3x3=False)),
    "resnet101": ((3, 4, 23, 3), _bottleneck()),
    "resnet152": ((3, 8, 36, 3), _bottleneck()),
    "wide_resnet50_2": ((3, 4, 6, 3), _bottleneck(width_per_group=128)),
    "resnext50_32x4d": ((3, 4, 6, 3), _bottleneck(groups=32, width_per_group=4)),
}
_CIFAR = {"resnet20": 3}

RESNET_NAMES = (*_IMAGENET, *_CIFAR)
"""Names of the bundled networks."""


def torch_resnet(name: str, image_channels: int = 3, classes: int | None = None) -> nn.Module:
    """The bundled network `name` with random weights, in training mode as PyTorch makes it.

    Args:
        name: One of RESNET_NAMES.
        image_channels: Channels of the input.
        classes: Outputs of `fc`; None for 1000, or 10 for resnet20.

    Raises:
        NetworkError: If there is no network of that name.
    """
    if name in _CIFAR:
        return CifarResNet(_CIFAR[name], image_channels, classes or 10)
    if name not in _IMAGENET:
        raise NetworkError(
            f"network {name!r}: is none of the bundled networks {', '.join(RESNET_NAMES)}; "
            f"{close_names(name, RESNET_NAMES)}"
        )
    return ImageNetResNet(*_IMAGENET[name], image_channels, classes or 1000)
