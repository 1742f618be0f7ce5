"""Networks without residual adds: chains, Fire modules and Inception modules, as torchvision builds them.

Nodes carry torchvision's module paths; ReLU is part of the layer before it. A first fully connected layer that reads
more than one pixel is the convolution over all of them.
"""

from tcugen.network.builder import IMAGE, Builder, rounded_up
from tcugen.network.graph import Network

VGG16 = ((0, 64), (2, 64), (5, 128), (7, 128), (10, 256), (12, 256), (14, 256), (17, 512), (19, 512), (21, 512),
         (24, 512), (26, 512), (28, 512))  # fmt: skip
"""Place in `features` and output channels of every convolution; where two places are left out a max-pool follows."""


def vgg16(name: str) -> Network:
    """VGG-16, configuration D: https://arxiv.org/abs/1409.1556."""
    build, tensor = Builder(), IMAGE
    places = [place for place, _ in VGG16]
    for place, channels in VGG16:
        tensor = build.conv(f"features.{place}", tensor, channels, 3)
        if place + 2 not in places:
            tensor = build.max_pool(f"features.{place + 2}", tensor, 2, 2)
    tensor = build.conv("classifier.0", tensor, 4096, 7, padding=(0, 0, 0, 0))
    tensor = build.linear("classifier.3", tensor, 4096, relu=True)
    build.linear("classifier.6", tensor, 1000)
    return build.network(name, 3, 224)


def alexnet(name: str) -> Network:
    """AlexNet on one device: https://arxiv.org/abs/1404.5997."""
    build = Builder()
    tensor = build.conv("features.0", IMAGE, 64, 11, 4, padding=(2, 2, 2, 2))
    tensor = build.max_pool("features.2", tensor, 3, 2)
    tensor = build.conv("features.3", tensor, 192, 5)
    tensor = build.max_pool("features.5", tensor, 3, 2)
    for place, channels in ((6, 384), (8, 256), (10, 256)):
        tensor = build.conv(f"features.{place}", tensor, channels, 3)
    tensor = build.max_pool("features.12", tensor, 3, 2)
    tensor = build.conv("classifier.1", tensor, 4096, 6, padding=(0, 0, 0, 0))
    tensor = build.linear("classifier.4", tensor, 4096, relu=True)
    build.linear("classifier.6", tensor, 1000)
    return build.network(name, 3, 224)


def lenet5(name: str) -> Network:
    """LeNet-5 for 1x32x32 digits, names of the paper's layers (LeCun et al. 1998), with max-pool and ReLU; C3 reads
    all maps of S2."""
    build = Builder()
    tensor = build.conv("c1", IMAGE, 6, 5, padding=(0, 0, 0, 0))
    tensor = build.max_pool("s2", tensor, 2, 2)
    tensor = build.conv("c3", tensor, 16, 5, padding=(0, 0, 0, 0))
    tensor = build.max_pool("s4", tensor, 2, 2)
    tensor = build.conv("c5", tensor, 120, 5, padding=(0, 0, 0, 0))
    tensor = build.linear("f6", tensor, 84, relu=True)
    build.linear("output", tensor, 10)
    return build.network(name, 1, 32)


FIRES = ((3, 16, 64), (4, 16, 64), (6, 32, 128), (7, 32, 128), (9, 48, 192), (10, 48, 192), (11, 64, 256),
         (12, 64, 256))  # fmt: skip
"""Of each Fire module of SqueezeNet 1.1: place in `features`, channels of its squeeze and of each expansion."""


def squeezenet1_1(name: str) -> Network:
    """SqueezeNet 1.1: https://arxiv.org/abs/1602.07360."""
    build = Builder()
    tensor, size = build.conv("features.0", IMAGE, 64, 3, 2, padding=(0, 0, 0, 0)), 111
    places = [place for place, _, _ in FIRES]
    for place, squeeze, expand in FIRES:
        if place - 1 not in places:
            tensor = build.max_pool(f"features.{place - 1}", tensor, 3, 2, rounded_up(size, 3, 2))
            size = -(-(size - 3) // 2) + 1
        path = f"features.{place}"
        squeezed = build.conv(f"{path}.squeeze", tensor, squeeze)
        parts = [build.conv(f"{path}.expand{k}x{k}", squeezed, expand, k) for k in (1, 3)]
        tensor = build.concat(f"{path}.concat", parts)
    tensor = build.conv("classifier.1", tensor, 1000)
    build.average("classifier.3", tensor)
    return build.network(name, 3, 224)


INCEPTIONS = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}
"""Channels of the four branches of each Inception module of GoogLeNet: 1x1; 1x1 and 3x3, twice; 1x1 after a pool."""


def googlenet(name: str) -> Network:
    """GoogLeNet without its auxiliary classifiers, as torchvision has it: with 3x3 for the paper's 5x5
    (https://arxiv.org/abs/1409.4842)."""
    build = Builder()
    tensor = build.conv("conv1", IMAGE, 64, 7, 2)
    tensor = build.max_pool("maxpool1", tensor, 3, 2, rounded_up(112, 3, 2))
    tensor = build.conv("conv2", tensor, 64)
    tensor = build.conv("conv3", tensor, 192, 3)
    size = 56
    for module, branches in INCEPTIONS.items():
        if module.endswith("a"):
            kernel = 2 if module == "5a" else 3
            tensor = build.max_pool(f"maxpool{int(module[0]) - 1}", tensor, kernel, 2, rounded_up(size, kernel, 2))
            size //= 2
        tensor = _inception(build, f"inception{module}", tensor, branches)
    build.linear("fc", build.average("avgpool", tensor), 1000)
    return build.network(name, 3, 224)


def _inception(
    build: Builder, path: str, source: str, branches: tuple[int, tuple[int, int], tuple[int, int], int]
) -> str:
    first, second, third, last = branches
    parts = [build.conv(f"{path}.branch1", source, first)]
    for branch, (reduced, channels) in (("branch2", second), ("branch3", third)):
        inner = build.conv(f"{path}.{branch}.0", source, reduced)
        parts.append(build.conv(f"{path}.{branch}.1", inner, channels, 3))
    pooled = build.max_pool(f"{path}.branch4.0", source, 3, 1, (1, 1, 1, 1))
    parts.append(build.conv(f"{path}.branch4.1", pooled, last))
    return build.concat(f"{path}.concat", parts)
