"""The bundled networks against the published counts, and their names against torchvision's module paths."""

import pytest

from tcugen.network.graph import NetworkError, Shape
from tcugen.network.operators import Conv, Weighted, activation_of, as_convolution
from tcugen.network.resnets import BUNDLED_NAMES, bundled_network, imagenet_resnet
from tests.typed import typed

COUNTS = {
    # name: multiply-accumulates, convolutions, weights of convolutions and linear
    "resnet18": (1_814_073_344, 20, 11_678_912),
    "resnet20": (40_551_040, 21, 268_336 + 16 * 32 + 32 * 64),
    "resnet34": (3_663_761_408, 36, 21_779_648),
    "resnet50": (4_089_184_256, 53, 25_502_912),
    "resnet50_v1": (3_857_973_248, 53, 25_502_912),
    "resnet101": (7_801_405_440, 104, 44_442_816),
    "resnet152": (11_513_626_624, 155, 60_040_384),
    "wide_resnet50_2": (11_398_021_120, 53, 68_814_016),
    "resnext50_32x4d": (4_230_479_872, 53, 24_959_680),
}


@pytest.mark.parametrize("name", BUNDLED_NAMES)
def test_counts(name):
    network = bundled_network(name)
    shapes = network.shapes
    weights = sum(
        layer.out_channels * shapes[layer.inputs[0]].channels // layer.groups * layer.kernel[0] * layer.kernel[1]
        for layer in (as_convolution(node) for node in network.nodes if isinstance(node, Weighted))
    )
    operators = [node.op for node in network.nodes]
    assert (network.mac_count, operators.count("conv"), weights) == COUNTS[name]
    assert operators.count("linear") == 1 and network.nodes[-1].name == "fc"
    assert network.name == name


def test_counts_cover_all_bundled_networks():
    assert set(COUNTS) == set(BUNDLED_NAMES)


def test_resnet50_names_and_order():
    network = bundled_network("resnet50")
    names = [node.name for node in network.nodes]
    assert names[:11] == [
        "conv1", "maxpool", "layer1.0.conv1", "layer1.0.conv2", "layer1.0.conv3", "layer1.0.downsample",
        "layer1.0.add", "layer1.1.conv1", "layer1.1.conv2", "layer1.1.conv3", "layer1.1.add",
    ]  # fmt: skip
    assert names[-2:] == ["avgpool", "fc"]
    assert network.by_name["layer1.0.add"].inputs == ("layer1.0.conv3", "layer1.0.downsample")
    assert network.by_name["layer1.1.add"].inputs == ("layer1.1.conv3", "layer1.0.add")
    assert network.shapes["layer4.2.add"] == Shape(2048, 7, 7)


def test_relu_is_on_inner_convolutions_and_adds_only():
    for node in bundled_network("resnet50").nodes:
        last = node.name.rpartition(".")[2]
        assert activation_of(node) == ("relu" if last in ("conv1", "conv2", "add") else None)


@pytest.mark.parametrize("name, strided", [("resnet50", "conv2"), ("resnet50_v1", "conv1")])
def test_where_the_bottleneck_strides(name, strided):
    nodes = [node for node in bundled_network(name).nodes if isinstance(node, Conv)]
    strides = {node.name: node.stride for node in nodes if node.name.startswith("layer3.0.")}
    assert {key for key, stride in strides.items() if stride == (2, 2)} == {
        f"layer3.0.{strided}",
        "layer3.0.downsample",
    }


def test_resnet20_shortcuts_carry_no_multiply_accumulates():
    network = bundled_network("resnet20")
    shortcuts = [typed(Conv, node) for node in network.nodes if node.name.endswith(".shortcut")]
    assert [node.name for node in shortcuts] == ["layer2.0.shortcut", "layer3.0.shortcut"]
    for node in shortcuts:
        assert (node.kernel, node.stride, node.activation) == ((1, 1), (2, 2), None)
        assert network.macs(node) == 0
    assert network.macs(network.by_name["layer2.0.conv1"]) == 16 * 16 * 32 * 144


def test_resnext_groups_its_3x3_convolutions():
    groups = {node.name: node.groups for node in bundled_network("resnext50_32x4d").nodes if isinstance(node, Conv)}
    assert {name for name, count in groups.items() if count == 32} == {n for n in groups if n.endswith(".conv2")}


def test_other_image_sizes():
    network = imagenet_resnet("small", (1, 1, 1, 1), bottleneck=False, image=64, classes=10)
    assert network.shapes["layer4.0.add"] == Shape(512, 2, 2) and network.shapes["fc"] == Shape(10, 1, 1)


def test_an_unknown_name_is_answered_with_the_list():
    with pytest.raises(NetworkError, match="'resnet51': is none of the bundled networks resnet18, .*did you mean"):
        bundled_network("resnet51")
