"""Which producer an add is fused with."""

from tcugen.network.check import checked_network
from tcugen.network.fusion import fused_producers
from tcugen.network.graph import Node, Shape
from tcugen.network.operators import Add, Conv
from tcugen.network.resnets import bundled_network
from tcugen.network.select import select

INPUTS = (("image", Shape(8, 4, 4)),)


def conv(name: str, source: str) -> Node:
    return Conv(name, (source,), 8, (1, 1))


def test_every_add_of_resnet50_is_fused_behind_its_deepest_convolution():
    fused = fused_producers(bundled_network("resnet50"))
    assert len(fused) == 16
    assert all(producer == add.replace("add", "conv3") for add, producer in fused.items())


def test_a_producer_with_another_reader_does_not_qualify():
    nodes = [conv("a", "image"), conv("b", "a"), Add("sum", ("a", "b"))]
    assert fused_producers(checked_network("n", INPUTS, nodes)) == {"sum": "b"}
    nodes = [conv("a", "image"), Add("sum", ("a", "image")), Add("twice", ("sum", "a"))]
    assert fused_producers(checked_network("n", INPUTS, nodes)) == {}


def test_an_add_of_a_tensor_to_itself_is_not_fused():
    nodes = [conv("a", "image"), Add("sum", ("a", "a"))]
    assert fused_producers(checked_network("n", INPUTS, nodes)) == {}


def test_equal_depth_is_decided_by_order():
    nodes = [conv("a", "image"), conv("b", "image"), Add("sum", ("b", "a"))]
    assert fused_producers(checked_network("n", INPUTS, nodes)) == {"sum": "b"}


def test_an_add_alone_has_nothing_to_be_fused_behind():
    assert fused_producers(select(bundled_network("resnet50"), ["layer1.0.add"])) == {}
