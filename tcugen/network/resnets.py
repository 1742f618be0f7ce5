"""The bundled networks: ResNets as torchvision builds them, and the CIFAR-10 ResNet-20.

Nodes carry torchvision's module paths. Batch normalisation is folded into the convolutions and ReLU into the
convolution or add before it. A block lists its convolutions, then `downsample`, then `add`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tcugen.network.check import checked_network, close_names
from tcugen.network.graph import Network, NetworkError, Node, Shape
from tcugen.network.operators import Add, Conv, GlobalAveragePool, Linear, MaxPool

EXPANSION = 4
"""Output channels of a bottleneck block per channel of its stage."""


@dataclass(frozen=True)
class _Builder:
    """Collects nodes; `last` is the tensor that the next node reads."""

    nodes: list[Node] = field(default_factory=list[Node])

    def conv(
        self, name: str, source: str, channels: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True
    ) -> str:
        self.nodes.append(
            Conv(
                name,
                (source,),
                channels,
                kernel=(kernel, kernel),
                stride=(stride, stride),
                padding=(kernel // 2, kernel // 2, kernel // 2, kernel // 2),
                groups=groups,
                activation="relu" if relu else None,
            )
        )
        return name

    def add(self, name: str, branch: str, shortcut: str) -> str:
        self.nodes.append(Add(name, (branch, shortcut), activation="relu"))
        return name

    def head(self, source: str, classes: int) -> None:
        self.nodes.append(GlobalAveragePool("avgpool", (source,)))
        self.nodes.append(Linear("fc", ("avgpool",), classes))


def imagenet_resnet(
    name: str,
    blocks: tuple[int, int, int, int],
    *,
    bottleneck: bool,
    stride_in_3x3: bool = True,
    groups: int = 1,
    width_per_group: int = 64,
    image: int = 224,
    classes: int = 1000,
) -> Network:
    """A ResNet for ImageNet.

    Args:
        name: Name of the network.
        blocks: Number of blocks of each stage.
        bottleneck: Blocks of 1x1, 3x3, 1x1 convolutions instead of two 3x3.
        stride_in_3x3: Where a bottleneck strides: in its 3x3 (v1.5, torchvision) or its first 1x1 (v1, the paper).
        groups: Groups of the 3x3 convolutions of bottlenecks.
        width_per_group: Width of a bottleneck's 3x3 convolution per group in the first stage.
        image: Height and width of the input.
        classes: Outputs of the last layer.
    """
    build = _Builder()
    build.conv("conv1", "image", 64, kernel=7, stride=2)
    build.nodes.append(MaxPool("maxpool", ("conv1",), kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1)))
    tensor, channels = "maxpool", 64
    for stage, count in enumerate(blocks):
        planes = 64 << stage
        out_channels = planes * (EXPANSION if bottleneck else 1)
        for block in range(count):
            prefix = f"layer{stage + 1}.{block}."
            stride = 2 if stage > 0 and block == 0 else 1
            if bottleneck:
                width = planes * width_per_group // 64 * groups
                strides = (1, stride) if stride_in_3x3 else (stride, 1)
                branch = build.conv(prefix + "conv1", tensor, width, 1, strides[0])
                branch = build.conv(prefix + "conv2", branch, width, 3, strides[1], groups)
                branch = build.conv(prefix + "conv3", branch, out_channels, 1, relu=False)
            else:
                branch = build.conv(prefix + "conv1", tensor, planes, 3, stride)
                branch = build.conv(prefix + "conv2", branch, planes, 3, relu=False)
            shortcut = tensor
            if stride != 1 or channels != out_channels:
                shortcut = build.conv(prefix + "downsample", tensor, out_channels, 1, stride, relu=False)
            tensor, channels = build.add(prefix + "add", branch, shortcut), out_channels
    build.head(tensor, classes)
    return checked_network(name, (("image", Shape(3, image, image)),), build.nodes)


def cifar_resnet(name: str, blocks: int, classes: int = 10) -> Network:
    """A ResNet for CIFAR-10 with `blocks` blocks in each of three stages: 6 * blocks + 2 layers.

    The shortcut of a block that strides subsamples and pads with zero channels, equally on both sides ("option A"). The
    machine runs it as a 1x1 convolution of stride 2, named `shortcut`, whose weight is 1 from channel c to channel
    c + (out_channels - in_channels) / 2; these constants are no work of the network, see `Network.macs`.
    """
    build = _Builder()
    tensor, channels = build.conv("conv1", "image", 16, kernel=3), 16
    for stage in range(3):
        planes = 16 << stage
        for block in range(blocks):
            prefix = f"layer{stage + 1}.{block}."
            stride = 2 if stage > 0 and block == 0 else 1
            branch = build.conv(prefix + "conv1", tensor, planes, 3, stride)
            branch = build.conv(prefix + "conv2", branch, planes, 3, relu=False)
            shortcut = tensor
            if planes != channels:
                shortcut = build.conv(prefix + "shortcut", tensor, planes, 1, stride, relu=False)
            tensor, channels = build.add(prefix + "add", branch, shortcut), planes
    build.head(tensor, classes)
    return checked_network(name, (("image", Shape(3, 32, 32)),), build.nodes)


_BUILDERS: dict[str, Callable[[str], Network]] = {
    "resnet18": lambda name: imagenet_resnet(name, (2, 2, 2, 2), bottleneck=False),
    "resnet20": lambda name: cifar_resnet(name, 3),
    "resnet34": lambda name: imagenet_resnet(name, (3, 4, 6, 3), bottleneck=False),
    "resnet50": lambda name: imagenet_resnet(name, (3, 4, 6, 3), bottleneck=True),
    "resnet50_v1": lambda name: imagenet_resnet(name, (3, 4, 6, 3), bottleneck=True, stride_in_3x3=False),
    "resnet101": lambda name: imagenet_resnet(name, (3, 4, 23, 3), bottleneck=True),
    "resnet152": lambda name: imagenet_resnet(name, (3, 8, 36, 3), bottleneck=True),
    "wide_resnet50_2": lambda name: imagenet_resnet(name, (3, 4, 6, 3), bottleneck=True, width_per_group=128),
    "resnext50_32x4d": lambda name: imagenet_resnet(name, (3, 4, 6, 3), bottleneck=True, groups=32, width_per_group=4),
}

BUNDLED_NAMES = tuple(_BUILDERS)
"""Names of the bundled networks."""


def bundled_network(name: str) -> Network:
    """The bundled network `name`. Raises NetworkError if there is none of that name."""
    if name not in _BUILDERS:
        raise NetworkError(
            f"network {name!r}: is none of the bundled networks {', '.join(BUNDLED_NAMES)}; "
            f"{close_names(name, BUNDLED_NAMES)}"
        )
    return _BUILDERS[name](name)
