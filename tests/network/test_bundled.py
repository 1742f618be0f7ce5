"""Bundled networks that are no plain ResNets: against published counts, and against torchvision where it is at hand."""

import pytest

from tcugen.network.bundled import NETWORK_NAMES, network_named
from tcugen.network.graph import NetworkError, Shape
from tcugen.network.layer_config import load_network, parse_layer_config, write_layer_config
from tcugen.network.operators import Add, Conv, MaxPool, Weighted
from tcugen.network.residual import kept
from tcugen.network.resnets import BUNDLED_NAMES
from tests.typed import typed

TORCHVISION = {
    # name: parameters, multiply-accumulates in 10**9, both as its page of models has them
    "wide_resnet101_2": (126_886_696, 22.75),
    "resnext101_32x8d": (88_791_336, 16.41),
    "resnext101_64x4d": (83_455_272, 15.46),
    "alexnet": (61_100_840, 0.71),
    "vgg16": (138_357_544, 15.47),
    "googlenet": (6_624_904, 1.5),
    "squeezenet1_1": (1_235_496, 0.35),
    "mobilenet_v2": (3_504_872, 0.3),
}
WITHOUT_NORM = ("alexnet", "vgg16", "squeezenet1_1", "lenet5")

PUBLISHED = {
    # name: parameters that are trained, multiply-accumulates; of the ImageNet ones rounded as published
    "lenet5": (61_706, 416_520),  # weights and biases of the layers in LeCun et al. 1998, C3 fully connected
    "mobilenet_v1": (4_231_976, 569e6),  # Keras; table 4 of the paper
    "efficientnet_lite0": (4_652_008, 407e6),  # timm; the authors' table, 6 % above the multiplications
    "resnet110_stochastic_depth": (1.7e6, 253e6),  # He et al. 2016, table 6
}


def parameters(name: str) -> int:
    """Weights, and per channel a bias or the two numbers of a batch normalisation; linear layers have a bias."""
    network = network_named(name)
    count = network.weight_count
    for node in network.nodes:
        if isinstance(node, Weighted):
            has_norm = isinstance(node, Conv) and name not in WITHOUT_NORM
            count += node.out_channels * (2 if has_norm else 1)
    return count


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_counts(name):
    published, giga = TORCHVISION[name]
    assert parameters(name) == published
    assert network_named(name).mac_count / 1e9 == pytest.approx(giga, abs=0.0051)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_counts(name):
    published, macs = PUBLISHED[name]
    rounded = isinstance(published, float)
    assert parameters(name) == (pytest.approx(published, rel=0.03) if rounded else published)
    assert network_named(name).mac_count == pytest.approx(macs, rel=0.06)


EXACT = {
    "alexnet": 714_188_480,
    "vgg16": 15_470_264_320,
    "lenet5": 416_520,
    "mobilenet_v1": 568_740_352,
    "mobilenet_v2": 300_774_272,
    "squeezenet1_1": 349_151_936,
    "googlenet": 1_498_376_192,
    "efficientnet_lite0": 385_187_552,
    "wide_resnet101_2": 22_753_050_624,
    "resnext101_32x8d": 16_414_015_488,
    "resnext101_64x4d": 15_460_270_080,
    "resnet50_v2": 4_094_904_320,
    "resnet50_pruned": 1_995_274_507,
    "resnet110_stochastic_depth": 252_887_680,
    "densenet121": 2_844_711_168,
    "inception_v3": 5_713_216_096,
    "se_resnet50": 4_091_699_200,
    "mobilenet_v3_small": 56_510_400,
    "highway20": 130_204_288,
    "yolov4_tiny": 3_453_938_176,
}
"""Multiply-accumulates to the last one, so that nothing changes unseen."""


@pytest.mark.parametrize("name", EXACT)
def test_every_multiplication_is_counted(name):
    assert network_named(name).mac_count == EXACT[name]


def test_every_network_has_its_counts():
    assert set(EXACT) == set(NETWORK_NAMES) - set(BUNDLED_NAMES)


@pytest.mark.parametrize("name", NETWORK_NAMES)
def test_a_layer_config_of_each_gives_it_back(name):
    network = network_named(name)
    assert network.name == name
    assert parse_layer_config(write_layer_config(network)) == network
    assert load_network(f"{name}.json")[0] == network


def test_squeezenets_pools_count_the_incomplete_window():
    """Of inputs of 111, 55 and 27 pixels none is incomplete; GoogLeNet's 112 and 56 pixels leave one over."""
    pools = [node for node in network_named("squeezenet1_1").nodes if isinstance(node, MaxPool)]
    assert [pool.padding for pool in pools] == [(0, 0, 0, 0)] * 3
    network = network_named("googlenet")
    assert typed(MaxPool, network.by_name["maxpool1"]).padding == (0, 0, 1, 1)
    assert [network.shapes[f"maxpool{n}"].height for n in (1, 2, 3, 4)] == [56, 28, 14, 7]


def test_mobilenets_pad_as_their_frameworks_do():
    def padding(network: str, node: str) -> tuple[int, int, int, int]:
        return typed(Conv, network_named(network).by_name[node]).padding

    assert padding("mobilenet_v1", "conv_dw_2") == (0, 0, 1, 1)
    assert padding("mobilenet_v2", "features.2.conv.1.0") == (1, 1, 1, 1)
    assert padding("efficientnet_lite0", "blocks_3.depthwise_conv2d") == (1, 1, 2, 2)


def test_a_pre_activation_block_adds_what_is_not_activated():
    network = network_named("resnet50_v2")
    assert network.by_name["layer1.1.add"].inputs == ("layer1.1.conv3", "layer1.0.add")
    assert typed(Add, network.by_name["layer1.1.add"]).activation is None
    norms = [typed(Conv, node) for node in network.nodes if node.name.rpartition(".")[2].startswith("bn")]
    assert len(norms) == 17
    assert all(node.groups == node.out_channels and node.activation == "relu" for node in norms)
    multiplications = sum(network.macs(node) for node in norms)
    # Beyond those: ResNet-50 v1.5.
    assert network.mac_count - multiplications == 4_089_184_256


def test_a_pruned_network_has_odd_channels_only():
    assert [kept(channels) for channels in (64, 128, 256, 512, 1024, 2048)] == [43, 89, 179, 357, 715, 1433]
    network = network_named("resnet50_pruned")
    assert all(node.out_channels % 2 == 1 for node in network.nodes if isinstance(node, Conv))
    assert network.shapes["layer4.2.add"] == Shape(1433, 7, 7)


def test_stochastic_depth_keeps_all_blocks_when_it_is_used():
    network = network_named("resnet110_stochastic_depth")
    assert sum(node.op == "add" for node in network.nodes) == 54
    assert sum(isinstance(node, Weighted) and not node.name.endswith(".shortcut") for node in network.nodes) == 110


def test_an_unknown_name_is_answered_with_the_list():
    with pytest.raises(NetworkError, match="'vgg61': is none of the bundled networks resnet18, .*did you mean 'vgg16'"):
        network_named("vgg61")
