"""Adds of an operand that is not rounded, in layer configs and networks."""

import json
from dataclasses import replace

import pytest

from tcugen.model.errors import ModelError
from tcugen.model.integers import AddIntegers
from tcugen.model.quantized import Quantization, QuantizedNetwork
from tcugen.model.store import load, save
from tcugen.model.validate import validate
from tcugen.network.errors import NetworkError
from tcugen.network.fusion import fused_producers
from tcugen.network.layer_config import parse_layer_config, write_layer_config
from tcugen.network.select import select
from tcugen.synthetic.integers import synthesise
from tcugen.synthetic.placeholder import placeholder
from tests.compiler.unrounded_networks import UNROUNDED
from tests.typed import typed, weighted

CONV = {"op": "conv", "inputs": ["image"], "out_channels": 4, "kernel": [3, 3], "padding": [1, 1, 1, 1]}
A, B = CONV | {"name": "a"}, CONV | {"name": "b", "inputs": ["a"]}
SUM = {"name": "sum", "op": "add", "inputs": ["b", "a"], "unrounded": 0}


def config(*nodes: dict, **more) -> str:
    head = {"format": 2, "name": "net", "input": {"name": "image", "shape": [4, 5, 6]}}
    return json.dumps(head | more | {"nodes": list(nodes)})


@pytest.mark.parametrize("net", UNROUNDED.values(), ids=lambda net: net.name)
def test_a_layer_config_gives_the_network_back(net):
    text = write_layer_config(net)
    assert '"unrounded": ' in text and '"unrounded": null' not in text
    assert parse_layer_config(text) == net
    assert all(fused_producers(net)[add] == name for name, add in net.unrounded.items())


def test_null_is_as_if_left_out():
    assert parse_layer_config(config(A, B, SUM | {"unrounded": None})).unrounded == {}


@pytest.mark.parametrize("nodes, more, message", [
    ((A, B, SUM), {"format": 1}, "node 'sum': has an unrounded input, which format 1 does not have"),
    ((A, B, SUM | {"unrounded": 2}), {}, "node 'sum': unrounded is 2, but must be 0 or 1, the index of"),
    ((A, B, SUM | {"unrounded": True}), {}, "node 'sum': unrounded is true, but must be 0 or 1"),
    ((A, B | {"unrounded": 0}), {}, "node 'b': key 'unrounded' does not apply to conv"),
    ((A, B | {"activation": "relu"}, SUM), {}, "its unrounded input 'b' has the activation 'relu', but must be a conv"),
    ((A, B, SUM | {"unrounded": 1}), {}, "its unrounded input 'a' is also read by 'b', but must be"),
    ((A, SUM | {"inputs": ["image", "a"]}), {}, "its unrounded input 'image' comes from outside the network, but"),
    ((A, SUM | {"inputs": ["a", "a"]}), {}, "its unrounded input 'a' is the other input too, but must be"),
    ((A, B, SUM), {"outputs": ["b", "sum"]}, "its unrounded input 'b' is an output of the network, but must be"),
    ((A, {"name": "b", "op": "requantise", "inputs": ["a"]}, SUM), {}, "its unrounded input 'b' is a requantise, but"),
    ((A, {"name": "v", "op": "global_average_pool", "inputs": ["a"]}, B | {"inputs": ["v"]}, SUM), {},
     "its unrounded input 'b' is one pixel 4x1x1 where the sum has the shape 4x5x6, but must be"),
])  # fmt: skip
def test_what_cannot_stay_unrounded_is_refused(nodes, more, message):
    with pytest.raises(NetworkError) as raised:
        parse_layer_config(config(*nodes, **more))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("names", [["b"], ["a", "sum"]])
def test_an_extract_has_both_or_neither(names):
    network = parse_layer_config(config(A, B, SUM))
    with pytest.raises(NetworkError, match="'b' is not rounded before 'sum' adds it, but an extract needs int8"):
        select(network, names)
    assert select(network, ["b", "sum"]).unrounded == {"b": "sum"}


def test_a_model_is_stored_and_read_back(tmp_path):
    model, _ = synthesise(UNROUNDED["blocks"], seed=2)
    validate(placeholder(UNROUNDED["blocks"]))
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.network == model.network and again.tensors == model.tensors
    for name in model.network.unrounded:
        conv = weighted(again, name)
        assert conv.clamp is None and conv.multiplier is not None


@pytest.mark.parametrize("what, message", [
    ("scale", "add 's' takes it unrounded: it has the scale of the sum and zero point 0"),
    ("zero point", "add 's' takes it unrounded: it has the scale of the sum and zero point 0"),
    ("clamp", "its clamp is (-128, 127), but nothing rounds it"),
    ("ratio", "its ratios are (2, "),
])  # fmt: skip
def test_integers_that_break_a_rule_are_refused(what, message):
    model, _ = synthesise(UNROUNDED["blocks"], seed=2)
    tensors, integers = dict(model.tensors), dict(model.integers)
    own, total = model.quantization("b"), typed(AddIntegers, model.integers["s"])
    if what == "scale":
        tensors["b"] = Quantization(own.scale * 2, 0)
    elif what == "zero point":
        tensors["b"] = Quantization(own.scale, 1)
    elif what == "clamp":
        integers["b"] = replace(weighted(model, "b"), clamp=(-128, 127))
    else:
        integers["s"] = replace(total, multipliers=(2, total.multipliers[1]))
    with pytest.raises(ModelError) as raised:
        validate(QuantizedNetwork(model.network, tensors, integers))
    assert message in str(raised.value)
