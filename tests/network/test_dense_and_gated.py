"""DenseNet, Inception v3, YOLOv4-tiny, squeeze-and-excitation and highway networks against published counts."""

import pytest

from tcugen.network.bundled import network_named
from tcugen.network.graph import Node
from tcugen.network.operators import Conv, Linear, Multiply, Table, Weighted
from tcugen.network.shape import Shape
from tests.typed import typed

PUBLISHED = {
    # name: parameters, multiply-accumulates in 10**9 without batch normalisation; torchvision's page of models, timm
    "densenet121": (7_978_856, 2.83),
    "inception_v3": (23_834_568, 5.71),
    "mobilenet_v3_small": (2_542_856, 0.06),
    "se_resnet50": (28_088_024, 4.09),
}


def is_norm(node: Node) -> bool:
    return isinstance(node, Conv) and "norm" in node.name.rpartition(".")[2]


def has_norm(name: str, node: Conv) -> bool:
    """Whether a batch normalisation goes with a convolution, or it is one."""
    last = node.name.rpartition(".")[2]
    return name != "densenet121" or (last != "conv2" and not node.name.endswith(("1.conv", "2.conv", "3.conv")))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_counts(name):
    network = network_named(name)
    norms = [typed(Conv, node) for node in network.nodes if is_norm(node)]
    parameters = network.weight_count - sum(node.out_channels for node in norms)
    for node in network.nodes:
        if isinstance(node, Weighted):
            parameters += node.out_channels * (2 if isinstance(node, Conv) and has_norm(name, node) else 1)
            parameters -= node.out_channels * (isinstance(node, Conv) and not has_norm(name, node))
    published, giga = PUBLISHED[name]
    assert parameters == published
    macs = network.mac_count - sum(network.macs(node) for node in norms)
    assert macs / 1e9 == pytest.approx(giga, abs=0.0051)


def test_every_factor_is_a_table_of_the_mean():
    network = network_named("se_resnet50")
    products = [node for node in network.nodes if isinstance(node, Multiply)]
    assert len(products) == 16
    for product in products:
        factor = network.by_name[product.inputs[1]]
        assert isinstance(factor, Table) and factor.function == "sigmoid"
        assert isinstance(network.by_name[factor.inputs[0]], Linear)
        assert (network.shapes[factor.name].height, network.shapes[factor.name].width) == (1, 1)


def test_a_highway_layer_sums_what_two_gates_let_through():
    network = network_named("highway20")
    assert network.by_name["stage2.3.add"].inputs == ("stage2.3.transform.multiply", "stage2.3.carry.multiply")
    assert network.by_name["stage2.3.carry.multiply"].inputs == ("stage2.2.add", "stage2.3.carry.sigmoid")


def test_yolov4_tiny_has_the_numbers_of_its_published_weights():
    """A file of 24,251,276 bytes: a header of 20, then 32-bit numbers, four a channel beside weights, in heads one."""
    network = network_named("yolov4_tiny")
    convolutions = [node for node in network.nodes if isinstance(node, Conv)]
    heads = [node for node in convolutions if node.name in network.outputs]
    assert len(convolutions) == 21 and [node.out_channels for node in heads] == [255, 255]
    numbers = network.weight_count + sum(
        node.out_channels * (1 if node.name in network.outputs else 4) for node in convolutions
    )
    assert 20 + 4 * numbers == 24_251_276
    assert 2 * network.mac_count / 1e9 == pytest.approx(6.91, abs=0.005)
    assert [network.shapes[output] for output in network.outputs] == [Shape(255, 13, 13), Shape(255, 26, 26)]
