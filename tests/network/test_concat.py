"""Concat and slice in layer configs: what is read, and what is refused in which words."""

import json

import pytest

from tcugen.network.graph import NetworkError, Shape
from tcugen.network.layer_config import parse_layer_config, write_layer_config
from tcugen.network.operators import Concat, Slice
from tcugen.network.scales import scale_groups

CONV = {"name": "a", "op": "conv", "inputs": ["image"], "out_channels": 8, "kernel": [3, 3], "padding": [1, 1, 1, 1]}
CUT = {"name": "cut", "op": "slice", "inputs": ["a"], "channels": [2, 5]}
JOIN = {"name": "join", "op": "concat", "inputs": ["cut", "image", "a", "cut"]}


def config(*nodes: dict, version: int = 2) -> str:
    head = {"format": version, "name": "small", "input": {"name": "image", "shape": [4, 6, 7]}}
    return json.dumps(head | {"nodes": nodes})


def test_both_are_read_and_written_back():
    network = parse_layer_config(config(CONV, CUT, JOIN))
    assert network.nodes[1:] == (Slice("cut", ("a",), (2, 5)), Concat("join", ("cut", "image", "a", "cut")))
    assert network.shapes["cut"] == Shape(3, 6, 7) and network.shapes["join"] == Shape(18, 6, 7)
    assert network.mac_count == network.macs(network.nodes[0]) > 0
    written = write_layer_config(network)
    assert json.loads(written)["format"] == 2
    assert parse_layer_config(written) == network


def test_same_scale_is_read_and_written_back():
    network = parse_layer_config(config(CONV, CUT, JOIN | {"same_scale": [True, False, True, True]}))
    assert network.nodes[2] == Concat("join", ("cut", "image", "a", "cut"), (True, False, True, True))
    assert parse_layer_config(write_layer_config(network)) == network
    plain = parse_layer_config(config(CONV, CUT, JOIN))
    assert isinstance(plain.nodes[2], Concat) and plain.nodes[2].moved == (False,) * 4
    assert "same_scale" not in write_layer_config(plain)


def test_tensors_of_one_scale_are_a_group():
    network = parse_layer_config(config(CONV, CUT, JOIN | {"same_scale": [True, False, False, True]}))
    assert scale_groups(network) == {"image": "image", "a": "a", "cut": "a", "join": "a"}
    network = parse_layer_config(config(CONV, CUT, JOIN | {"same_scale": [False, True, True, False]}))
    assert set(scale_groups(network).values()) == {"image"}
    assert scale_groups(parse_layer_config(config(CONV, CUT, JOIN)))["join"] == "join"


@pytest.mark.parametrize(
    "text, message",
    [
        (config(CONV, CUT, JOIN, version=1), r"node 'cut': is a slice, which format 1 does not have; write "),
        (config(CONV, CUT, JOIN | {"inputs": ["a"]}), r"node 'join': inputs is \[.a.\], .* 2 or more for concat"),
        (config(CONV, CUT, JOIN | {"same_scale": [True]}), r"'join': same_scale has 1 values, but the node reads 4"),
        (config(CONV, CUT, JOIN | {"same_scale": [1, 0, 1, 1]}), r"'join': same_scale is \[1, 0, 1, 1\], but must"),
        (config(CONV, CUT, JOIN | {"axis": 1}), r"node 'join': unknown key 'axis'"),
        (config(CONV, CUT, JOIN | {"channels": [0, 1]}), r"'channels' does not apply to concat"),
        (config(CONV, CUT | {"channels": [5, 5]}, JOIN), r"node 'cut': channels is \[5, 5\], but start must be"),
        (config(CONV, CUT | {"channels": [5, 9]}, JOIN), r"stop at most the 8 channels of 'a'; choose a range"),
        (config(CONV, CUT | {"channels": [-1, 3]}, JOIN), r"node 'cut': channels is \[-1, 3\], but must be two"),
        (config(CONV, CUT | {"channels": [1]}, JOIN), r"node 'cut': channels is \[1\], but must be two integers"),
        (config(CONV, CUT | {"channels": [0, 2.0]}, JOIN), r"node 'cut': channels is \[0, 2.0\], but must be two"),
        (config(CONV | {"padding": [0, 0, 0, 0]}, CUT, JOIN), r"node 'join': concatenates 'cut' of .* same rows and"),
        (config(*[{"name": f"n{i}", "op": "concat", "inputs": [f"n{i - 1}" if i else "image"] * 2} for i in range(40)]),
         r"node 'n13': concatenates 65536 channels, but a tensor has at most 65535; concatenate fewer"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_refused(text, message):
    with pytest.raises(NetworkError, match=message):
        parse_layer_config(text)
