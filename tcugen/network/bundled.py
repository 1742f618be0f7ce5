"""Every bundled network by its name."""

from collections.abc import Callable

from tcugen.network.check import close_names
from tcugen.network.dense import densenet121, inception_v3
from tcugen.network.gated import highway20, mobilenet_v3_small, se_resnet50
from tcugen.network.graph import Network, NetworkError
from tcugen.network.mobile import efficientnet_lite0, mobilenet_v1, mobilenet_v2
from tcugen.network.plain import alexnet, googlenet, lenet5, squeezenet1_1, vgg16
from tcugen.network.residual import resnet50_pruned, resnet50_v2
from tcugen.network.resnets import BUNDLED_NAMES as RESNET_NAMES
from tcugen.network.resnets import bundled_network, cifar_resnet, imagenet_resnet
from tcugen.network.yolo import yolov4_tiny

RESNET101 = (3, 4, 23, 3)

_FURTHER: dict[str, Callable[[str], Network]] = {
    "wide_resnet101_2": lambda name: imagenet_resnet(name, RESNET101, bottleneck=True, width_per_group=128),
    "resnext101_32x8d": lambda name: imagenet_resnet(name, RESNET101, bottleneck=True, groups=32, width_per_group=8),
    "resnext101_64x4d": lambda name: imagenet_resnet(name, RESNET101, bottleneck=True, groups=64, width_per_group=4),
    "resnet50_v2": resnet50_v2,
    "resnet50_pruned": resnet50_pruned,
    # Stochastic depth leaves out blocks in training only; what it scales a block by afterwards is part of its last
    # convolution's scale. 54 blocks: https://arxiv.org/abs/1603.09382.
    "resnet110_stochastic_depth": lambda name: cifar_resnet(name, 18),
    "lenet5": lenet5,
    "alexnet": alexnet,
    "vgg16": vgg16,
    "googlenet": googlenet,
    "squeezenet1_1": squeezenet1_1,
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
    "efficientnet_lite0": efficientnet_lite0,
    "densenet121": densenet121,
    "inception_v3": inception_v3,
    "se_resnet50": se_resnet50,
    "mobilenet_v3_small": mobilenet_v3_small,
    "highway20": highway20,
    "yolov4_tiny": yolov4_tiny,
}

NETWORK_NAMES = (*RESNET_NAMES, *_FURTHER)
"""Names of the bundled networks."""


def network_named(name: str) -> Network:
    """The bundled network `name`. Raises NetworkError if there is none of that name."""
    if name in RESNET_NAMES:
        return bundled_network(name)
    if name in _FURTHER:
        return _FURTHER[name](name)
    raise NetworkError(
        f"network {name!r}: is none of the bundled networks {', '.join(NETWORK_NAMES)}; "
        f"{close_names(name, NETWORK_NAMES)}"
    )
