"""Average pools in layer configs: what is read, what is refused, and which pixels windows count."""

import json

import pytest

from tcugen.network.graph import NetworkError, Shape
from tcugen.network.layer_config import parse_layer_config, write_layer_config
from tcugen.network.operators import AveragePool
from tcugen.network.windows import counted, divisors

POOL = {"name": "a", "op": "average_pool", "inputs": ["image"], "kernel": [3, 2], "stride": [2, 1],
        "padding": [1, 0, 1, 1]}  # fmt: skip


def config(node: dict, version: int = 2) -> str:
    head = {"format": version, "name": "small", "input": {"name": "image", "shape": [4, 6, 7]}}
    return json.dumps(head | {"nodes": [node]})


def test_is_read_and_written_back():
    network = parse_layer_config(config(POOL | {"count_include_pad": True}))
    (node,) = network.nodes
    assert node == AveragePool("a", ("image",), (3, 2), (2, 1), (1, 0, 1, 1), True)
    assert network.shapes["a"] == Shape(4, 3, 7) and network.mac_count == 0
    assert parse_layer_config(write_layer_config(network)) == network
    assert json.loads(write_layer_config(network))["format"] == 2


@pytest.mark.parametrize(
    "text, message",
    [
        (config(POOL, version=1), r"node 'a': is an average_pool, which format 1 does not have; write "),
        (config(POOL | {"count_include_pad": 1}), r"node 'a': count_include_pad is 1, but must be true or false"),
        (config(POOL | {"padding": [0, 2, 0, 0]}), r"left padding is 2, but must be smaller than the kernel's 2"),
        (config(POOL | {"kernel": [9, 2]}), r"node 'a': kernel 9x2 does not fit the padded input 8x8 of 'image'"),
    ],
)
def test_what_breaks_a_rule_is_refused(text, message):
    with pytest.raises(NetworkError, match=message):
        parse_layer_config(text)


def test_windows_count_what_they_cover():
    node, shape = AveragePool("a", ("x",), (3, 2), (2, 1), (1, 0, 1, 1)), Shape(4, 6, 7)
    assert counted(node, shape) == ((2, 3, 3), (2, 2, 2, 2, 2, 2, 1))
    assert divisors(node, shape) == (2, 3, 4, 6)
    whole = AveragePool("a", ("x",), (3, 2), (2, 1), (1, 0, 1, 1), count_include_pad=True)
    assert counted(whole, shape) == ((3, 3, 3), (2,) * 7) and divisors(whole, shape) == (6,)
