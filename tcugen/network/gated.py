"""Networks that multiply tensors: squeeze-and-excitation, and the gates of highway networks."""

from tcugen.network.builder import IMAGE, Builder
from tcugen.network.fields import Function
from tcugen.network.graph import Network
from tcugen.network.operators import Multiply, Table
from tcugen.network.residual import STAGES
from tcugen.network.resnets import EXPANSION

REDUCTION = 16
"""Channels of a tensor per channel of its squeezed one, in SE-ResNet."""


def _table(build: Builder, name: str, source: str, function: Function) -> str:
    build.nodes.append(Table(name, (source,), function))
    return name


def _excited(build: Builder, path: str, source: str, channels: int, squeezed: int, gate: Function) -> str:
    """A tensor times one factor per channel, which two layers make of its mean."""
    squeeze = build.linear(f"{path}.fc1", build.average(f"{path}.avgpool", source), squeezed, relu=True)
    factor = _table(build, f"{path}.scale_activation", build.linear(f"{path}.fc2", squeeze, channels), gate)
    build.nodes.append(Multiply(f"{path}.multiply", (source, factor)))
    return f"{path}.multiply"


def se_resnet50(name: str) -> Network:
    """SE-ResNet-50 (https://arxiv.org/abs/1709.01507) with the stride in the 3x3, as timm has it."""
    build, channels = Builder(), 64
    tensor = build.conv("conv1", IMAGE, 64, 7, 2)
    tensor = build.max_pool("maxpool", tensor, 3, 2, (1, 1, 1, 1))
    for stage, blocks in enumerate(STAGES):
        width = 64 << stage
        channels = width * EXPANSION
        for block in range(blocks):
            path, stride = f"layer{stage + 1}.{block}", 2 if stage > 0 and block == 0 else 1
            branch = build.conv(f"{path}.conv1", tensor, width)
            branch = build.conv(f"{path}.conv2", branch, width, 3, stride)
            branch = build.conv(f"{path}.conv3", branch, channels, relu=False)
            branch = _excited(build, f"{path}.se", branch, channels, channels // REDUCTION, "sigmoid")
            shortcut = tensor
            if block == 0:
                shortcut = build.conv(f"{path}.downsample", tensor, channels, 1, stride, relu=False)
            tensor = build.add(f"{path}.add", branch, shortcut)
    build.linear("fc", build.average("avgpool", tensor), 1000)
    return build.network(name, 3, 224)


MOBILENET_V3_SMALL = (
    (3, 16, 16, 8, False, 2), (3, 72, 24, 0, False, 2), (3, 88, 24, 0, False, 1), (5, 96, 40, 24, True, 2),
    (5, 240, 40, 64, True, 1), (5, 240, 40, 64, True, 1), (5, 120, 48, 32, True, 1), (5, 144, 48, 40, True, 1),
    (5, 288, 96, 72, True, 2), (5, 576, 96, 144, True, 1), (5, 576, 96, 144, True, 1),
)  # fmt: skip
"""Of every block: kernel, expanded, output and squeezed channels (0: no excitation), hard-swish for ReLU, stride."""


def mobilenet_v3_small(name: str) -> Network:
    """MobileNet v3 small (https://arxiv.org/abs/1905.02244), names as torchvision's."""
    build, channels = Builder(), 16

    def conv(path: str, source: str, width: int, kernel: int, stride: int, groups: int, swish: bool) -> str:
        made = build.conv(path, source, width, kernel, stride, groups, relu=not swish)
        return _table(build, f"{path}.hardswish", made, "hard_swish") if swish else made

    tensor = conv("features.0.0", IMAGE, channels, 3, 2, 1, True)
    for number, (kernel, hidden, width, squeezed, swish, stride) in enumerate(MOBILENET_V3_SMALL, 1):
        path, source, place = f"features.{number}.block", tensor, 0
        if hidden != channels:
            tensor, place = conv(f"{path}.0.0", tensor, hidden, 1, 1, 1, swish), 1
        tensor = conv(f"{path}.{place}.0", tensor, hidden, kernel, stride, hidden, swish)
        if squeezed:
            place += 1
            tensor = _excited(build, f"{path}.{place}", tensor, hidden, squeezed, "hard_sigmoid")
        tensor = build.conv(f"{path}.{place + 1}.0", tensor, width, relu=False)
        if stride == 1 and channels == width:
            tensor = build.add(f"features.{number}.add", tensor, source, relu=False)
        channels = width
    tensor = conv("features.12.0", tensor, 6 * channels, 1, 1, 1, True)
    tensor = build.linear("classifier.0", build.average("avgpool", tensor), 1024)
    build.linear("classifier.3", _table(build, "classifier.1", tensor, "hard_swish"), 1000)
    return build.network(name, 3, 224)


HIGHWAY_LAYERS = 6
"""Highway layers of every stage."""


def highway20(name: str) -> Network:
    """A highway network for 3x32x32 images (https://arxiv.org/abs/1505.00387): y = H(x) T(x) + x C(x), both gates
    sigmoids of a convolution. With C = 1 - T the weights of `carry` are those of `transform` negated."""
    build, tensor = Builder(), IMAGE
    for stage in range(3):
        width = 16 << stage
        tensor = build.conv(f"stage{stage + 1}.conv", tensor, width, 3, 2 if stage else 1)
        for layer in range(HIGHWAY_LAYERS):
            path = f"stage{stage + 1}.{layer}"
            plain = build.conv(f"{path}.plain", tensor, width, 3)
            sides: list[str] = []
            for gate, operand in (("transform", plain), ("carry", tensor)):
                opened = _table(
                    build,
                    f"{path}.{gate}.sigmoid",
                    build.conv(f"{path}.{gate}", tensor, width, 3, relu=False),
                    "sigmoid",
                )
                build.nodes.append(Multiply(f"{path}.{gate}.multiply", (operand, opened)))
                sides.append(f"{path}.{gate}.multiply")
            tensor = build.add(f"{path}.add", sides[0], sides[1], relu=False)
    build.linear("fc", build.average("avgpool", tensor), 10)
    return build.network(name, 3, 32)
