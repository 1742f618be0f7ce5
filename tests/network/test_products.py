"""Products, and operands of one value per channel, in layer configs."""

import json

import pytest

from tcugen.network.graph import NetworkError, Shape
from tcugen.network.layer_config import parse_layer_config, write_layer_config
from tcugen.network.operators import per_channel_operand

CONFIG = {
    "format": 2,
    "name": "products",
    "input": {"name": "image", "shape": [3, 9, 11]},
    "nodes": [
        {"name": "mean", "op": "global_average_pool", "inputs": ["image"]},
        {"name": "gated", "op": "multiply", "inputs": ["mean", "image"], "activation": None},
        {"name": "square", "op": "multiply", "inputs": ["gated", "gated"], "activation": "relu"},
        {"name": "sum", "op": "add", "inputs": ["square", "mean"], "activation": None},
    ],
}


def changed(number: int, **keys) -> str:
    nodes = [dict(node) for node in CONFIG["nodes"]]
    nodes[number] |= keys
    return json.dumps(CONFIG | {"nodes": nodes})


def test_they_are_read_and_written_back():
    network = parse_layer_config(json.dumps(CONFIG))
    assert [str(network.shapes[name]) for name in ("mean", "gated", "square", "sum")] == ["3x1x1", *["3x9x11"] * 3]
    assert json.loads(write_layer_config(network)) == CONFIG
    assert network.mac_count == 0


@pytest.mark.parametrize("shapes, operand", [
    ([(4, 1, 1), (4, 5, 6)], 0), ([(4, 5, 6), (4, 1, 1)], 1), ([(4, 5, 6), (4, 5, 6)], None),
    ([(4, 1, 1), (4, 1, 1)], None), ([(3, 1, 1), (4, 5, 6)], None), ([(4, 5, 1), (4, 5, 6)], None),
])  # fmt: skip
def test_which_operand_has_one_value_per_channel(shapes, operand):
    assert per_channel_operand([Shape(*shape) for shape in shapes]) == operand


CONV = {"op": "conv", "inputs": ["image"], "out_channels": 4, "kernel": [9, 11]}


@pytest.mark.parametrize("text, message", [
    (json.dumps(CONFIG | {"nodes": [CONV | {"name": "mean"}, CONFIG["nodes"][1]]}),
     "node 'gated': multiplies 'mean' of shape 4x1x1 and 'image' of shape 3x9x11, but both must have the same shape, "
     "or one of them a single pixel of as many channels; insert a 1x1 conv on the shortcut"),
    (changed(1, inputs=["image"]), 'inputs is ["image"], but must be a list of as many tensor names'),
    (changed(1, kernel=[1, 1]), "key 'kernel' does not apply to multiply"),
    (changed(0, activation="relu"), "key 'activation' does not apply to global_average_pool"),
    (json.dumps(CONFIG | {"format": 1}), "node 'gated': is a multiply, which format 1 does not have; write"),
])  # fmt: skip
def test_refusals_say_what_to_do(text, message):
    with pytest.raises(NetworkError) as caught:
        parse_layer_config(text)
    assert message in str(caught.value)
