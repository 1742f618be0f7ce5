"""YOLOv4-tiny: half the channels of a tensor go through a block, and two heads predict at two scales."""

from tcugen.network.builder import IMAGE, Builder
from tcugen.network.graph import Network
from tcugen.network.moving import Resize
from tcugen.network.operators import Slice, Table

SLOPE = 0.1
"""Of every leaky ReLU."""
HEAD_CHANNELS = 3 * (4 + 1 + 80)
"""Of three boxes at every place: centre and size, objectness, 80 classes of COCO."""


def _leaky(build: Builder, name: str, source: str, channels: int, kernel: int = 3, stride: int = 1) -> str:
    build.conv(name, source, channels, kernel, stride, relu=False)
    build.nodes.append(Table(f"{name}.leaky_relu", (name,), "leaky_relu", SLOPE))
    return f"{name}.leaky_relu"


def _partial_block(build: Builder, path: str, source: str, channels: int) -> tuple[str, str]:
    """A cross-stage partial block of `channels` channels; returns its last layer, and that beside its first one."""
    first, half = _leaky(build, f"{path}.conv1", source, channels), channels // 2
    build.nodes.append(Slice(f"{path}.split", (first,), channels=(half, channels)))
    second = _leaky(build, f"{path}.conv2", f"{path}.split", half)
    third = _leaky(build, f"{path}.conv3", second, half)
    last = _leaky(build, f"{path}.conv4", build.concat(f"{path}.inner", (third, second)), channels, 1)
    return last, build.concat(f"{path}.outer", (first, last))


def yolov4_tiny(name: str) -> Network:
    """YOLOv4-tiny for 3x416x416 images and the 80 classes of COCO (https://arxiv.org/abs/2011.08036).

    Its outputs are what both heads' convolutions make, 255x13x13 and 255x26x26; boxes are found from them by the host.
    """
    build = Builder()
    tensor = _leaky(build, "conv1", IMAGE, 32, 3, 2)
    tensor = middle = _leaky(build, "conv2", tensor, 64, 3, 2)
    for stage, channels in enumerate((64, 128, 256), 1):
        middle, tensor = _partial_block(build, f"stage{stage}", tensor, channels)
        tensor = build.max_pool(f"stage{stage}.maxpool", tensor, 2, 2)
    tensor = _leaky(build, "neck.conv1", tensor, 512)
    tensor = _leaky(build, "neck.conv2", tensor, 256, 1)
    coarse = build.conv("head1.conv2", _leaky(build, "head1.conv1", tensor, 512), HEAD_CHANNELS, relu=False)
    build.nodes.append(Resize("neck.upsample", (_leaky(build, "neck.conv3", tensor, 128, 1),), (2, 2)))
    tensor = build.concat("neck.concat", ("neck.upsample", middle))
    fine = build.conv("head2.conv2", _leaky(build, "head2.conv1", tensor, 256), HEAD_CHANNELS, relu=False)
    return build.network(name, 3, 416, (coarse, fine))
