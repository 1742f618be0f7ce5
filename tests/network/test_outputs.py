"""Networks of several outputs, some of which other nodes read."""

import json

import pytest

from tcugen.network.fusion import fused_producers
from tcugen.network.graph import NetworkError
from tcugen.network.layer_config import parse_layer_config, write_layer_config
from tcugen.network.select import select
from tests.network.test_layer_config import ALL_OPERATORS

CONFIG = ALL_OPERATORS | {"format": 2, "outputs": ["g", "b"]}


def parsed(**keys):
    return parse_layer_config(json.dumps(CONFIG | keys))


def test_they_are_read_and_written_back_in_their_order():
    network = parsed()
    assert network.outputs == ("g", "b") and network.unread == ("g",)
    assert json.loads(write_layer_config(network)) == CONFIG
    assert parsed(outputs=["b", "g"]).outputs == ("b", "g")


def test_the_last_node_alone_needs_no_name():
    network = parsed(outputs=["g"])
    assert network == parse_layer_config(json.dumps(ALL_OPERATORS))
    assert json.loads(write_layer_config(network)) == ALL_OPERATORS


def test_what_is_an_output_is_not_fused():
    assert fused_producers(parsed()) == {}
    assert fused_producers(parsed(outputs=["g"])) == {"c": "b"}


def test_an_extract_keeps_the_outputs_in_it():
    assert select(parsed(), ["b", "c", "d"]).outputs == ("b", "d")
    assert select(parsed(), ["c", "d"]).outputs == ("d",)


@pytest.mark.parametrize("keys, message", [
    ({"outputs": []}, "outputs is [], but must be a list of at least one name"),
    ({"outputs": "g"}, 'outputs is "g", but must be a list'),
    ({"outputs": ["g", "image"]}, "its output 'image' is the network's input, but outputs are made by nodes"),
    ({"outputs": ["g", "h"]}, "its output 'h' is no node"),
    ({"outputs": ["g", "b", "g"]}, "names the output 'g' twice"),
    ({"outputs": ["b"]}, "node 'g': nobody reads its output, but it is none of the outputs"),
    ({"format": 1}, 'names its outputs, which format 1 does not do; write "format": 2'),
])  # fmt: skip
def test_refusals_say_what_to_do(keys, message):
    with pytest.raises(NetworkError) as caught:
        parsed(**keys)
    assert message in str(caught.value)
