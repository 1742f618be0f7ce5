"""Residual networks of other forms than torchvision's: pre-activation, and pruned to odd numbers of channels."""

from tcugen.network.builder import IMAGE, Builder
from tcugen.network.graph import Network
from tcugen.network.resnets import EXPANSION

STAGES = (3, 4, 6, 3)
"""Blocks of every stage of a ResNet-50."""


def resnet50_v2(name: str) -> Network:
    """ResNet-50 with pre-activation (https://arxiv.org/abs/1603.05027), as Gluon and the ONNX model zoo have it.

    Batch normalisation and ReLU in front of a block read a sum that goes on unchanged: they are a 1x1 convolution with
    one channel per group, which does what they do to int8 values, and whose multiplications count. Those between
    convolutions are part of the one before, and that of the image is the image's own scale.
    """
    build = Builder()
    tensor = build.conv("conv1", IMAGE, 64, 7, 2)
    tensor, channels = build.max_pool("maxpool", tensor, 3, 2, (1, 1, 1, 1)), 64
    for stage, blocks in enumerate(STAGES):
        width = 64 << stage
        for block in range(blocks):
            path, stride = f"layer{stage + 1}.{block}", 2 if stage > 0 and block == 0 else 1
            active = build.conv(f"{path}.bn1", tensor, channels, groups=channels)
            branch = build.conv(f"{path}.conv1", active, width)
            branch = build.conv(f"{path}.conv2", branch, width, 3, stride)
            branch = build.conv(f"{path}.conv3", branch, width * EXPANSION, relu=False)
            shortcut = tensor
            if block == 0:
                shortcut = build.conv(f"{path}.downsample", active, width * EXPANSION, 1, stride, relu=False)
            tensor, channels = build.add(f"{path}.add", branch, shortcut, relu=False), width * EXPANSION
    tensor = build.conv("bn", tensor, channels, groups=channels)
    build.linear("fc", build.average("avgpool", tensor), 1000)
    return build.network(name, 3, 224)


def kept(channels: int) -> int:
    """Channels that the pruned ResNet-50 keeps of so many: seven tenths, the next odd number below or at it."""
    return (7 * channels // 10 - 1) | 1


def resnet50_pruned(name: str) -> Network:
    """ResNet-50 v1.5 with seven tenths of the channels of every layer, all odd: what structured pruning leaves."""
    build = Builder()
    tensor = build.conv("conv1", IMAGE, kept(64), 7, 2)
    tensor = build.max_pool("maxpool", tensor, 3, 2, (1, 1, 1, 1))
    for stage, blocks in enumerate(STAGES):
        width, out_channels = kept(64 << stage), kept(64 * EXPANSION << stage)
        for block in range(blocks):
            path, stride = f"layer{stage + 1}.{block}", 2 if stage > 0 and block == 0 else 1
            branch = build.conv(f"{path}.conv1", tensor, width)
            branch = build.conv(f"{path}.conv2", branch, width, 3, stride)
            branch = build.conv(f"{path}.conv3", branch, out_channels, relu=False)
            shortcut = tensor
            if block == 0:
                shortcut = build.conv(f"{path}.downsample", tensor, out_channels, 1, stride, relu=False)
            tensor = build.add(f"{path}.add", branch, shortcut)
    build.linear("fc", build.average("avgpool", tensor), 1000)
    return build.network(name, 3, 224)
