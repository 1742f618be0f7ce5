"""Layer configs that are fine: what is read, defaulted, sorted and written back."""

import json
import math

import pytest

from tcugen.network.activation import limits_of
from tcugen.network.check import checked_network
from tcugen.network.graph import NetworkError, Shape
from tcugen.network.layer_config import (
    json_schema,
    load_network,
    parse_layer_config,
    read_layer_config,
    write_layer_config,
)
from tcugen.network.operators import Conv, MaxPool, activation_of
from tcugen.network.resnets import BUNDLED_NAMES, bundled_network
from tcugen.network.schema import OPERATORS, RULES, keys_of
from tcugen.network.select import select

ALL_OPERATORS = {
    "format": 1,
    "name": "every operator",
    "input": {"name": "image", "shape": [3, 9, 11]},
    "nodes": [
        {"name": "a", "op": "conv", "inputs": ["image"], "out_channels": 8, "kernel": [3, 1], "stride": [1, 1],
         "padding": [1, 0, 1, 0], "groups": 1, "activation": "relu"},
        {"name": "b", "op": "conv", "inputs": ["a"], "out_channels": 8, "kernel": [1, 1], "stride": [1, 1],
         "padding": [0, 0, 0, 0], "groups": 4, "activation": None},
        {"name": "c", "op": "add", "inputs": ["b", "a"], "activation": None},
        {"name": "d", "op": "max_pool", "inputs": ["c"], "kernel": [2, 3], "stride": [2, 2], "padding": [0, 1, 1, 1]},
        {"name": "e", "op": "requantise", "inputs": ["d"]},
        {"name": "f", "op": "global_average_pool", "inputs": ["e"]},
        {"name": "g", "op": "linear", "inputs": ["f"], "out_channels": 5, "activation": None},
    ],
}  # fmt: skip


def test_every_operator_is_read_and_written_back_key_by_key():
    network = parse_layer_config(json.dumps(ALL_OPERATORS))
    assert network.inputs == (("image", Shape(3, 9, 11)),)
    assert network.nodes[0] == Conv("a", ("image",), 8, (3, 1), (1, 1), (1, 0, 1, 0), 1, "relu")
    assert [str(network.shapes[name]) for name in "abcdefg"] == [
        "8x9x11", "8x9x11", "8x9x11", "8x5x6", "8x5x6", "8x1x1", "5x1x1",
    ]  # fmt: skip
    assert network.mac_count == 3 * 3 * 8 * 99 + 2 * 8 * 99 + 8 * 5
    assert json.loads(write_layer_config(network)) == ALL_OPERATORS


@pytest.mark.parametrize(
    "activation, limits",
    [("relu6", (0, 6)), ([-1, 1.5], (-1, 1.5)), ([None, 3], (-math.inf, 3)), ([0.5, None], (0.5, math.inf))],
)
def test_activations_of_format_2(activation: object, limits: tuple[float, float]):
    nodes = [{"name": "a", "op": "add", "inputs": ["image", "image"], "activation": activation}]
    network = parse_layer_config(json.dumps(ALL_OPERATORS | {"format": 2, "nodes": nodes}))
    assert limits_of(activation_of(network.nodes[0])) == limits
    written = write_layer_config(network)
    assert json.loads(written)["nodes"] == nodes
    assert json.loads(written)["format"] == 2


def test_optional_keys_have_defaults():
    nodes = [{"name": "a", "op": "conv", "inputs": ["image"], "out_channels": 4, "kernel": [3, 3]}]
    network = parse_layer_config(json.dumps(ALL_OPERATORS | {"nodes": nodes}))
    assert network.nodes == (Conv("a", ("image",), 4, (3, 3)),)


def test_nodes_may_be_listed_backwards():
    forwards = parse_layer_config(json.dumps(ALL_OPERATORS))
    backwards = parse_layer_config(json.dumps(ALL_OPERATORS | {"nodes": ALL_OPERATORS["nodes"][::-1]}))
    assert backwards == forwards


def test_the_listed_order_is_kept_where_it_is_possible():
    network = bundled_network("resnet18")
    nodes = json.loads(write_layer_config(network))
    names = [node["name"] for node in nodes["nodes"]]
    first, second = names.index("layer2.0.conv1"), names.index("layer2.0.downsample")
    nodes["nodes"][first], nodes["nodes"][second] = nodes["nodes"][second], nodes["nodes"][first]
    order = [node.name for node in parse_layer_config(json.dumps(nodes)).nodes]
    assert order[first : first + 4] == ["layer2.0.downsample", "layer2.0.conv1", "layer2.0.conv2", "layer2.0.add"]


@pytest.mark.parametrize("name", BUNDLED_NAMES)
def test_bundled_networks_survive_writing_and_reading(name, tmp_path):
    network = bundled_network(name)
    text = write_layer_config(network)
    path = tmp_path / "n.json"
    path.write_text(text)
    assert read_layer_config(path) == network
    assert write_layer_config(read_layer_config(path)) == text
    assert len(text.splitlines()) == len(network.nodes) + 7


def test_written_nodes_hold_only_keys_that_apply():
    for line in json.loads(write_layer_config(bundled_network("resnet18")))["nodes"]:
        assert list(line) == [key for key in keys_of(OPERATORS[line["op"]]) if key not in ("dilation", "unrounded")]


def test_a_dilation_is_format_2():
    conv = Conv("conv", ("image",), 4, (3, 3), dilation=(2, 1))
    network = checked_network("dilated", (("image", Shape(3, 9, 9)),), [conv])
    text = write_layer_config(network)
    assert json.loads(text)["format"] == 2 and json.loads(text)["nodes"][0]["dilation"] == [2, 1]
    assert parse_layer_config(text) == network
    assert str(network.shapes["conv"]) == "4x5x7"


def test_a_pool_dilated_along_rows_and_columns_is_two_nodes():
    """A file says it in one; what is written are the two, and they are read as they are."""
    pool = {"name": "p", "op": "max_pool", "inputs": ["image"], "kernel": [3, 2], "stride": [2, 1],
            "padding": [1, 0, 2, 1], "dilation": [2, 3]}  # fmt: skip
    data = ALL_OPERATORS | {"format": 2, "input": {"name": "image", "shape": [3, 12, 11]}, "nodes": [pool]}
    network = parse_layer_config(json.dumps(data))
    rows = MaxPool("p.rows", ("image",), (3, 1), (2, 1), (1, 0, 2, 0), (2, 1))
    assert network.nodes == (rows, MaxPool("p", ("p.rows",), (1, 2), (1, 1), (0, 0, 0, 1), (1, 3)))
    assert network.shapes["p"] == Shape(3, 6, 9)
    text = write_layer_config(network)
    assert parse_layer_config(text) == network and json.loads(text)["format"] == 2
    with pytest.raises(NetworkError, match="node 'p': has a dilation, which format 1 does not have"):
        parse_layer_config(json.dumps(data | {"format": 1}))
    named = [dict(pool, name="p.rows"), dict(pool, inputs=["p.rows"])]
    with pytest.raises(NetworkError, match="node 'p.rows': the name is taken"):
        parse_layer_config(json.dumps(data | {"nodes": named}))


def test_an_extract_with_two_inputs_cannot_be_written():
    with pytest.raises(NetworkError, match="has 2 inputs, but a layer config has one"):
        write_layer_config(select(bundled_network("resnet50"), ["layer1.1.add"]))


def test_a_byte_order_mark_is_skipped(tmp_path):
    path = tmp_path / "bom.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(ALL_OPERATORS).encode())
    assert read_layer_config(path).name == "every operator"


def test_load_network_prefers_a_file(tmp_path):
    path = tmp_path / "resnet50.json"
    path.write_text(json.dumps(ALL_OPERATORS))
    network, note = load_network(str(path))
    assert (network.name, note) == ("every operator", None)


@pytest.mark.parametrize("argument", ["resnet50", "resnet50.json", "no/such/folder/resnet50.json"])
def test_load_network_falls_back_on_a_bundled_one_and_says_so(argument, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network, note = load_network(argument)
    assert network == bundled_network("resnet50")
    assert note == f"{argument}: no such file, using the bundled network resnet50"


@pytest.mark.parametrize("argument", ["resnet5.json", "resnet50.onnx", "x" * 5000, "", "a\0b"])
def test_load_network_lists_the_bundled_ones_when_nothing_fits(argument, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NetworkError) as caught:
        load_network(argument)
    assert "no such file" in str(caught.value) and ", ".join(BUNDLED_NAMES) in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path):
    for argument in (tmp_path, tmp_path / "missing.json"):
        with pytest.raises(NetworkError, match="cannot be read"):
            read_layer_config(argument)
    path = tmp_path / "latin.json"
    path.write_bytes(b'{"name": "r\xe9seau"}')
    with pytest.raises(NetworkError, match="byte 11 is 0xe9, but the file must be UTF-8"):
        read_layer_config(path)


def test_json_schema_describes_every_operator():
    schema = json_schema()
    assert set(schema["properties"]) == {"format", "name", "input", "outputs", "nodes"}
    assert set(schema["properties"]["nodes"]["items"]["discriminator"]["mapping"]) == set(OPERATORS)
    assert schema["$defs"]["Conv"]["additionalProperties"] is False


def test_every_key_has_a_rule_for_messages():
    assert {key for operator in OPERATORS.values() for key in keys_of(operator)} <= set(RULES)
