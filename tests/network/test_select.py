"""Extracts: which tensors become inputs, and what is refused."""

import pytest

from tcugen.network.graph import NetworkError, Shape
from tcugen.network.resnets import bundled_network
from tcugen.network.select import select

RESNET50 = bundled_network("resnet50")


def test_one_node_reads_its_producers_tensor():
    extract = select(RESNET50, ["layer1.0.conv2"])
    assert extract.inputs == (("layer1.0.conv1", Shape(64, 56, 56)),)
    assert extract.nodes == (RESNET50.by_name["layer1.0.conv2"],)
    assert extract.name == "resnet50[layer1.0.conv2]"
    assert extract.mac_count == 9 * 64 * 64 * 56 * 56


def test_a_chain_keeps_execution_order_whatever_the_order_of_naming():
    extract = select(RESNET50, ["layer1.1.add", "layer1.1.conv3", "layer1.1.conv2", "layer1.1.conv1"])
    assert [node.name.rpartition(".")[2] for node in extract.nodes] == ["conv1", "conv2", "conv3", "add"]
    assert extract.inputs == (("layer1.0.add", Shape(256, 56, 56)),)


def test_an_add_alone_has_two_inputs():
    extract = select(RESNET50, ["layer1.0.add"])
    assert [name for name, _ in extract.inputs] == ["layer1.0.conv3", "layer1.0.downsample"]


def test_unconnected_nodes_give_several_outputs():
    extract = select(RESNET50, ["conv1", "fc"])
    assert [name for name, _ in extract.inputs] == ["image", "avgpool"]
    assert [name for name, readers in extract.consumers.items() if not readers] == ["conv1", "fc"]


def test_a_shared_input_appears_once_and_names_may_repeat():
    extract = select(RESNET50, ["layer2.0.conv1", "layer2.0.downsample", "layer2.0.conv1"])
    assert extract.inputs == (("layer1.2.add", Shape(256, 56, 56)),)
    assert len(extract.nodes) == 2


def test_all_nodes_give_the_network():
    extract = select(RESNET50, [node.name for node in RESNET50.nodes])
    assert (extract.inputs, extract.nodes) == (RESNET50.inputs, RESNET50.nodes)


@pytest.mark.parametrize(
    "names, parts",
    [
        ([], ("no node was named",)),
        (["layer1.0.conv4"], ("'layer1.0.conv4' is no node", "did you mean 'layer1.0.conv3'")),
        (["layer1.0"], ("'layer1.0' is no node", "did you mean 'layer1.0.conv1' or 'layer1.0.conv2'")),
        (["image"], ("'image' is the network's input",)),
        ([""], ("'' is no node", "known names are conv1, maxpool")),
    ],
)
def test_refusals(names, parts):
    with pytest.raises(NetworkError) as caught:
        select(RESNET50, names)
    assert str(caught.value).startswith("network 'resnet50': ")
    for part in parts:
        assert part in str(caught.value)
