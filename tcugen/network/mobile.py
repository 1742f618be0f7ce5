"""Networks of depthwise convolutions and ReLU6."""

from tcugen.network.builder import IMAGE, Builder, same
from tcugen.network.graph import Network

MOBILENET_V1 = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1),
                (512, 1), (1024, 2), (1024, 1))  # fmt: skip
"""Output channels and stride of every block."""


def mobilenet_v1(name: str) -> Network:
    """MobileNet v1 of width 1 (https://arxiv.org/abs/1704.04861), as TensorFlow pads it; names as in Keras."""
    build, size, channels = Builder("relu6"), 112, 32
    tensor = build.conv("conv1", IMAGE, channels, 3, 2, padding=same(224, 3, 2))
    for number, (width, stride) in enumerate(MOBILENET_V1, 1):
        padding = same(size, 3, stride)
        tensor = build.conv(f"conv_dw_{number}", tensor, channels, 3, stride, groups=channels, padding=padding)
        tensor, channels, size = build.conv(f"conv_pw_{number}", tensor, width), width, -(-size // stride)
    build.linear("conv_preds", build.average("global_average_pooling2d", tensor), 1000)
    return build.network(name, 3, 224)


MOBILENET_V2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                (6, 320, 1, 1))  # fmt: skip
"""Expansion, output channels, blocks and first stride of every stage."""


def mobilenet_v2(name: str) -> Network:
    """MobileNet v2 of width 1 (https://arxiv.org/abs/1801.04381), names as torchvision's."""
    build, channels, number = Builder("relu6"), 32, 0
    tensor = build.conv("features.0.0", IMAGE, channels, 3, 2)
    for expansion, width, blocks, first_stride in MOBILENET_V2:
        for block in range(blocks):
            number += 1
            path, stride = f"features.{number}", first_stride if block == 0 else 1
            tensor = _inverted(build, path, tensor, channels, expansion, width, stride)
            channels = width
    tensor = build.conv("features.18.0", tensor, 1280)
    build.linear("classifier.1", build.average("avgpool", tensor), 1000)
    return build.network(name, 3, 224)


def _inverted(build: Builder, path: str, source: str, channels: int, expansion: int, width: int, stride: int) -> str:
    """An inverted residual block; its last convolution has no ReLU."""
    hidden, tensor = channels * expansion, source
    if expansion != 1:
        tensor = build.conv(f"{path}.conv.0.0", tensor, hidden)
    place = 0 if expansion == 1 else 1
    tensor = build.conv(f"{path}.conv.{place}.0", tensor, hidden, 3, stride, groups=hidden)
    tensor = build.conv(f"{path}.conv.{place + 1}", tensor, width, relu=False)
    if stride == 1 and channels == width:
        tensor = build.add(f"{path}.add", tensor, source, relu=False)
    return tensor


EFFICIENTNET_LITE0 = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5),
                      (6, 192, 4, 2, 5), (6, 320, 1, 1, 3))  # fmt: skip
"""Expansion, output channels, blocks, first stride and kernel of every stage."""


def efficientnet_lite0(name: str) -> Network:
    """EfficientNet-Lite0, https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite: no
    squeeze-and-excitation, ReLU6 for SiLU, TensorFlow's padding."""
    build, channels, size, number = Builder("relu6"), 32, 112, 0
    tensor = build.conv("stem.conv2d", IMAGE, channels, 3, 2, padding=same(224, 3, 2))
    for expansion, width, blocks, first_stride, kernel in EFFICIENTNET_LITE0:
        for block in range(blocks):
            path, stride, source = f"blocks_{number}", first_stride if block == 0 else 1, tensor
            hidden, number = channels * expansion, number + 1
            if expansion != 1:
                tensor = build.conv(f"{path}.conv2d", tensor, hidden)
            padding = same(size, kernel, stride)
            tensor = build.conv(f"{path}.depthwise_conv2d", tensor, hidden, kernel, stride, hidden, padding)
            tensor = build.conv(f"{path}.conv2d_1", tensor, width, relu=False)
            if stride == 1 and channels == width:
                tensor = build.add(f"{path}.add", tensor, source, relu=False)
            channels, size = width, -(-size // stride)
    tensor = build.conv("head.conv2d", tensor, 1280)
    build.linear("head.dense", build.average("head.average", tensor), 1000)
    return build.network(name, 3, 224)
