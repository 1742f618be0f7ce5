"""Tables in layer configs."""

import json

import pytest

from tcugen.network.graph import NetworkError
from tcugen.network.layer_config import parse_layer_config, write_layer_config

CONFIG = {
    "format": 2,
    "name": "tables",
    "input": {"name": "image", "shape": [3, 9, 11]},
    "nodes": [
        {"name": "a", "op": "table", "inputs": ["image"], "function": "leaky_relu", "alpha": 0.1},
        {"name": "b", "op": "table", "inputs": ["a"], "function": "sigmoid"},
    ],
}


def changed(**keys) -> str:
    return json.dumps(CONFIG | {"nodes": [CONFIG["nodes"][0], CONFIG["nodes"][1] | keys]})


def test_they_are_read_and_written_back():
    network = parse_layer_config(json.dumps(CONFIG))
    assert [str(shape) for shape in network.shapes.values()] == ["3x9x11"] * 3
    assert json.loads(write_layer_config(network)) == CONFIG


@pytest.mark.parametrize("text, message", [
    (changed(function="sine"), 'function is "sine", but must be one of sigmoid, tanh, leaky_relu'),
    (changed(alpha=0.5), "node 'b': alpha is 0.5, but only leaky_relu, hard_sigmoid, elu have one; leave it out"),
    (changed(function="elu", alpha="x"), 'alpha is "x", but must be a number'),
    (changed(activation="relu"), "key 'activation' does not apply to table"),
    (json.dumps(CONFIG | {"format": 1}), "node 'a': is a table, which format 1 does not have; write \"format\": 2"),
])  # fmt: skip
def test_refusals_say_what_to_do(text, message):
    with pytest.raises(NetworkError) as caught:
        parse_layer_config(text)
    assert message in str(caught.value)
