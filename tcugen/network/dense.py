"""Networks whose modules need average pools with windows: DenseNet and Inception v3, as torchvision builds them."""

from tcugen.network.builder import IMAGE, Builder
from tcugen.network.graph import Network
from tcugen.network.operators import AveragePool

DENSENET121 = (6, 12, 24, 16)
"""Layers of every dense block."""
GROWTH, BOTTLENECK = 32, 4


def _average_pool(build: Builder, name: str, source: str, kernel: int, stride: int, padding: int = 0) -> str:
    """An average over windows that counts what it is padded with."""
    around = (padding, padding, padding, padding)
    build.nodes.append(AveragePool(name, (source,), (kernel, kernel), (stride, stride), around, True))
    return name


def densenet121(name: str) -> Network:
    """DenseNet-121 (https://arxiv.org/abs/1608.06993).

    Batch normalisation and ReLU in front of a layer read what other layers read too: they are a 1x1 convolution with
    one channel per group, as in `residual.resnet50_v2`.
    """
    build, channels = Builder(), 64
    tensor = build.conv("features.conv0", IMAGE, channels, 7, 2)
    tensor = build.max_pool("features.pool0", tensor, 3, 2, (1, 1, 1, 1))
    for block, layers in enumerate(DENSENET121, 1):
        for layer in range(1, layers + 1):
            path = f"features.denseblock{block}.denselayer{layer}"
            active = build.conv(f"{path}.norm1", tensor, channels, groups=channels)
            inner = build.conv(f"{path}.conv1", active, BOTTLENECK * GROWTH)
            grown = build.conv(f"{path}.conv2", inner, GROWTH, 3, relu=False)
            tensor, channels = build.concat(f"{path}.concat", (tensor, grown)), channels + GROWTH
        path = f"features.transition{block}"
        last = block == len(DENSENET121)
        tensor = build.conv("features.norm5" if last else f"{path}.norm", tensor, channels, groups=channels)
        if not last:
            channels //= 2
            tensor = build.conv(f"{path}.conv", tensor, channels, relu=False)
            tensor = _average_pool(build, f"{path}.pool", tensor, 2, 2)
    build.linear("classifier", build.average("avgpool", tensor), 1000)
    return build.network(name, 3, 224)


Part = tuple[str, int, int | tuple[int, int], int, bool]
"""Of a convolution in a branch: last part of its name, channels, kernel, stride, padded by half its kernel."""


def _branch(build: Builder, path: str, source: str, parts: tuple[Part, ...]) -> str:
    for part, channels, kernel, stride, padded in parts:
        padding = None if padded else (0, 0, 0, 0)
        source = build.conv(f"{path}.{part}", source, channels, kernel, stride, padding=padding)
    return source


def _chain(branch: str, *layers: tuple[int, int | tuple[int, int]], stride: int = 1) -> tuple[Part, ...]:
    """The convolutions `branch_1`, `branch_2` ...; a last one that strides is not padded."""
    last = len(layers)
    return tuple(
        (f"{branch}_{place}", channels, kernel, stride if place == last else 1, stride == 1 or place < last)
        for place, (channels, kernel) in enumerate(layers, 1)
    )


def inception_v3(name: str) -> Network:
    """Inception v3 for 3x299x299 images, without its auxiliary classifier (https://arxiv.org/abs/1512.00567)."""
    build, none = Builder(), (0, 0, 0, 0)
    tensor = build.conv("Conv2d_1a_3x3", IMAGE, 32, 3, 2, padding=none)
    tensor = build.conv("Conv2d_2a_3x3", tensor, 32, 3, padding=none)
    tensor = build.max_pool("maxpool1", build.conv("Conv2d_2b_3x3", tensor, 64, 3), 3, 2)
    tensor = build.conv("Conv2d_3b_1x1", tensor, 80)
    tensor = build.max_pool("maxpool2", build.conv("Conv2d_4a_3x3", tensor, 192, 3, padding=none), 3, 2)
    for module, pooled in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
        tensor = _module_a(build, module, tensor, pooled)
    tensor = _strided(
        build, "Mixed_6a", tensor, (("branch3x3", 384, 3, 2, False),),
        _chain("branch3x3dbl", (64, 1), (96, 3), (96, 3), stride=2),
    )  # fmt: skip
    for module, channels in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        tensor = _module_c(build, module, tensor, channels)
    tensor = _strided(
        build, "Mixed_7a", tensor, _chain("branch3x3", (192, 1), (320, 3), stride=2),
        _chain("branch7x7x3", (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3), stride=2),
    )  # fmt: skip
    for module in ("Mixed_7b", "Mixed_7c"):
        tensor = _module_e(build, module, tensor)
    build.linear("fc", build.average("avgpool", tensor), 1000)
    return build.network(name, 3, 299)


def _pooled(build: Builder, path: str, source: str, channels: int) -> str:
    """The branch after an average of 3x3."""
    return build.conv(f"{path}.branch_pool", _average_pool(build, f"{path}.pool", source, 3, 1, 1), channels)


def _module_a(build: Builder, path: str, source: str, pooled: int) -> str:
    parts = [build.conv(f"{path}.branch1x1", source, 64)]
    parts.append(_branch(build, path, source, _chain("branch5x5", (48, 1), (64, 5))))
    parts.append(_branch(build, path, source, _chain("branch3x3dbl", (64, 1), (96, 3), (96, 3))))
    return build.concat(f"{path}.concat", (*parts, _pooled(build, path, source, pooled)))


def _strided(build: Builder, path: str, source: str, *branches: tuple[Part, ...]) -> str:
    parts = [_branch(build, path, source, branch) for branch in branches]
    return build.concat(f"{path}.concat", (*parts, build.max_pool(f"{path}.pool", source, 3, 2)))


def _module_c(build: Builder, path: str, source: str, c: int) -> str:
    flat, tall = (1, 7), (7, 1)
    parts = [build.conv(f"{path}.branch1x1", source, 192)]
    parts.append(_branch(build, path, source, _chain("branch7x7", (c, 1), (c, flat), (192, tall))))
    double = _chain("branch7x7dbl", (c, 1), (c, tall), (c, flat), (c, tall), (192, flat))
    parts.append(_branch(build, path, source, double))
    return build.concat(f"{path}.concat", (*parts, _pooled(build, path, source, 192)))


def _module_e(build: Builder, path: str, source: str) -> str:
    parts = [build.conv(f"{path}.branch1x1", source, 320)]
    for branch, place, layers in (
        ("branch3x3", 2, _chain("branch3x3", (384, 1))),
        ("branch3x3dbl", 3, _chain("branch3x3dbl", (448, 1), (384, 3))),
    ):
        inner = _branch(build, path, source, layers)
        for side, kernel in (("a", (1, 3)), ("b", (3, 1))):
            parts.append(build.conv(f"{path}.{branch}_{place}{side}", inner, 384, kernel))
    return build.concat(f"{path}.concat", (*parts, _pooled(build, path, source, 192)))
