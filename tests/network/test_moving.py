"""Operators that move values, in layer configs: what is read, and what is refused."""

import json

import pytest

from tcugen.network.graph import NetworkError, Shape
from tcugen.network.layer_config import parse_layer_config, write_layer_config
from tcugen.network.operators import ChannelShuffle, DepthToSpace, Resize

NODES = (
    {"name": "a", "op": "resize", "inputs": ["image"], "factor": [2, 3]},
    {"name": "b", "op": "depth_to_space", "inputs": ["a"], "block": 2, "mode": "CRD"},
    {"name": "c", "op": "channel_shuffle", "inputs": ["b"], "groups": 3},
)


def config(*nodes: dict, version: int = 2) -> str:
    head = {"format": version, "name": "small", "input": {"name": "image", "shape": [12, 6, 7]}}
    return json.dumps(head | {"nodes": nodes})


def test_all_are_read_and_written_back():
    network = parse_layer_config(config(*NODES))
    assert network.nodes == (Resize("a", ("image",), (2, 3)), DepthToSpace("b", ("a",), 2, "CRD"),
                             ChannelShuffle("c", ("b",), 3))  # fmt: skip
    assert [network.shapes[name] for name in "abc"] == [Shape(12, 12, 21), Shape(3, 24, 42), Shape(3, 24, 42)]
    assert network.mac_count == 0
    assert parse_layer_config(write_layer_config(network)) == network
    assert json.loads(write_layer_config(network))["format"] == 2


@pytest.mark.parametrize(
    "text, message",
    [
        (config(NODES[0], version=1), r"node 'a': is a resize, which format 1 does not have; write "),
        (config(NODES[0] | {"factor": [0, 1]}), r"node 'a': factor is \[0, 1\], but must be two integers"),
        (config(NODES[0] | {"factor": [255, 255]}, {**NODES[0], "name": "d", "inputs": ["a"], "factor": [99, 1]}),
         r"node 'd': makes 151470x1785 pixels, but a tensor has at most 65535"),
        (config(NODES[1] | {"inputs": ["image"], "block": 3}), r"block = 3 makes 9 pixels of one, but 9 does not"),
        (config(NODES[1] | {"inputs": ["image"], "mode": "x"}), r"node 'b': mode is .x., but must be .DCR. or .CRD."),
        (config(NODES[2] | {"inputs": ["image"], "groups": 5}), r"groups = 5 must divide the 12 channels of 'image'"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_refused(text, message):
    with pytest.raises(NetworkError, match=message):
        parse_layer_config(text)
